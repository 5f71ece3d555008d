/** What is said of a host that cannot run guests: codes, messages, hints. No `/dev/kvm` is needed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { GuestwrightError } from "../../src/core/error.ts";
import { errnoName, ioctlFailed, openFailed, wrongApiVersion } from "../../src/kvm/host/host-error.ts";
import { Kvm, KvmError } from "../../src/kvm/index.ts";
import { kvmKindOf, requirePlatform } from "../../src/kvm/host/platform.ts";
import { fromSource, run } from "../project/child.ts";

const folder = mkdtempSync(path.join(tmpdir(), "guestwright-device-"));
afterAll(() => rmSync(folder, { recursive: true }));

const isHost = process.platform === "linux" && process.arch === "x64";

async function errorOf(promise: Promise<unknown>): Promise<KvmError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(KvmError);
  return error as KvmError;
}

describe("the platform", () => {
  test("Linux on x86-64 will do", () => {
    expect(() => requirePlatform("linux", "x64")).not.toThrow();
  });

  test.each([
    ["darwin", "arm64"],
    ["darwin", "x64"],
    ["win32", "x64"],
    ["linux", "arm64"],
    ["linux", "ia32"],
  ])("%s on %s does not", (platform, arch) => {
    expect(() => requirePlatform(platform, arch)).toThrow(
      expect.objectContaining({
        name: "KvmError",
        code: "UNSUPPORTED_PLATFORM",
        value: `${platform}-${arch}`,
        message:
          `guests run on Linux on x86-64 only; this is ${platform} on ${arch}\n  hint: images can be built here; ` +
          "run them on a Linux machine, or in a Linux virtual machine with nested virtualisation",
      }),
    );
  });

  test.each([
    ["vt-x", ["kvm", "kvm_intel"], ["vmx"]],
    ["svm", ["kvm", "kvm_amd"], ["svm"]],
    ["vt-x", ["kvm_intel", "kvm_amd"], ["vmx"]],
    ["svm", ["kvm_intel", "kvm_amd"], ["svm"]],
    ["pvm", ["kvm", "kvm_pvm"], []],
    ["other", ["kvm"], []],
  ] as const)("%s is the kind of KVM of modules %j and flags %j", (kind, modules, flags) => {
    const names: readonly string[] = modules;
    expect(kvmKindOf((name) => names.includes(name), new Set(flags))).toBe(kind);
  });
});

describe.skipIf(!isHost)("opening KVM", () => {
  test("no device", async () => {
    const device = path.join(folder, "absent");
    const error = await errorOf(Kvm.open({ device }));
    expect(error).toBeInstanceOf(GuestwrightError);
    expect(error).toMatchObject({ code: "NO_DEVICE", errno: "ENOENT", value: device });
    expect(error.message).toBe(
      `cannot open ${device}: there is no such file (ENOENT)\n  hint: load KVM with \`sudo modprobe kvm_intel\` or ` +
        "`sudo modprobe kvm_amd`, with virtualisation switched on in the firmware; in a virtual machine, its host must " +
        "allow nested virtualisation; in a container, pass the device with --device /dev/kvm",
    );
  });

  test("no permission", async () => {
    const device = path.join(folder, "forbidden");
    writeFileSync(device, "", { mode: 0 });
    // Root may open everything: the child drops that right, once it has loaded what it needs.
    const script = `
      import { Kvm } from ${JSON.stringify(import.meta.resolve("../../src/kvm/index.ts"))};
      await Kvm.open({ device: "/dev/null" }).catch(() => undefined);
      if (process.getuid() === 0) process.seteuid(65534);
      await Kvm.open({ device: ${JSON.stringify(device)} }).catch(({ code, errno, message }) =>
        console.log(JSON.stringify({ code, errno, message })));`;
    // The folder must let others in, so that it is the file that does not.
    await run("chmod", ["755", folder]);
    const { stdout, stderr } = await run(process.execPath, [...fromSource, "--input-type=module", "-e", script]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      code: "NO_PERMISSION",
      errno: "EACCES",
      message:
        `cannot open ${device}: this user may not open it (EACCES)\n` +
        "  hint: join the kvm group with `sudo usermod -aG kvm $USER`, then log in again",
    });
  });

  test.each(["/dev/null", path.join(folder, "file")])("%s is no KVM device", async (device) => {
    if (!device.startsWith("/dev")) writeFileSync(device, "");
    const error = await errorOf(Kvm.open({ device }));
    expect(error).toMatchObject({ code: "NOT_KVM", errno: "ENOTTY", value: device });
    expect(error.message).toBe(
      `${device} is not KVM's device: KVM_GET_API_VERSION failed (ENOTTY)\n  hint: leave the device out to open /dev/kvm`,
    );
  });

  test("a folder, for which nothing special is known", async () => {
    const error = await errorOf(Kvm.open({ device: folder }));
    expect(error).toMatchObject({ code: "CALL_FAILED", errno: "EISDIR" });
    expect(error.message).toBe(`cannot open ${folder}: open failed (EISDIR)`);
  });

  test("what is no path never reaches the kernel", async () => {
    expect(await errorOf(Kvm.open({ device: "/dev/kvm\0x" }))).toMatchObject({ code: "BAD_ARGUMENT" });
    expect(await errorOf(Kvm.open({ device: 5 as unknown as string }))).toMatchObject({ code: "BAD_ARGUMENT" });
  });
});

describe("messages", () => {
  test("a driver that is gone, and a sandbox", () => {
    expect(openFailed("/dev/kvm", 19)).toMatchObject({ code: "NO_DEVICE", errno: "ENODEV" });
    expect(openFailed("/dev/kvm", 1)).toMatchObject({ code: "NO_PERMISSION", errno: "EPERM" });
  });

  test("another API version", () => {
    const error = wrongApiVersion(11);
    expect(error).toMatchObject({ code: "WRONG_API_VERSION", value: 11 });
    expect(error.message).toBe(
      "KVM speaks API version 11, not 12\n" +
        "  hint: every KVM since Linux 2.6.22 speaks version 12; use another kernel",
    );
  });

  test("an ioctl with and without a hint", () => {
    expect(ioctlFailed("KVM_CREATE_VM", 16).message).toBe(
      "KVM_CREATE_VM failed: EBUSY\n" +
        "  hint: another hypervisor holds the CPU's virtualisation; stop it (VirtualBox, VMware) and try again",
    );
    expect(ioctlFailed("KVM_GET_REGS", 22)).toMatchObject({
      code: "IOCTL_FAILED",
      errno: "EINVAL",
      hint: undefined,
      message: "KVM_GET_REGS failed: EINVAL",
    });
  });

  test("an errno that has no name", () => {
    expect(errnoName(2)).toBe("ENOENT");
    expect(errnoName(4242)).toBe("errno 4242");
  });
});
