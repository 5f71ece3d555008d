/** Guests from files under QEMU's software CPU, and the same on KVM: what they say is the same. */
import { assemble, boot, code16, far, imageFromElf, imageToFile, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { describeKvm } from "../../kvm/require-kvm.ts";
import { noQemu } from "../../paging/qemu.ts";
import { doneCode, longGuest, plainGuest, protectedGuest, realGuest, said } from "./guests.ts";
import { modeGuests } from "./mode-guests.ts";
import { listenInQemu } from "./run-qemu.ts";

type Case = readonly [name: string, guest: () => Promise<Image>, expected: string];

const everywhere: readonly Case[] = [
  ["64-bit code below 1 MiB", longGuest, said.long],
  ["64-bit code at 16 MiB", () => longGuest(0x100_0000n), said.long],
  ["32-bit code below 1 MiB", protectedGuest, said.protected],
  ["32-bit code that needs no stub", plainGuest, said.protected],
];

/** Some kinds of KVM have no paging outside of long mode, and no 5-level paging. */
const onQemu: readonly Case[] = [
  ...everywhere,
  ...Object.entries(modeGuests).map(([name, guest]): Case => [name, guest, "ok"]),
];

describe.skipIf(noQemu !== undefined)("under QEMU", { timeout: 90_000 }, () => {
  describe.each(["pvh", "multiboot"] as const)("as a %s kernel", (format) => {
    test.each(onQemu)("%s", async (_, guest, expected) => {
      const { bytes } = await imageToFile(await guest(), format);
      expect(await listenInQemu({ kernel: bytes }, ({ kernel }) => ["-kernel", kernel])).toBe(expected);
    });
  });

  test("the stub where the author wants it", async () => {
    const file = await imageToFile(await longGuest(), "pvh", { stubAt: "32MiB" });
    expect(file.stub?.at).toBe(32n << 20n);
    expect(await listenInQemu({ kernel: file.bytes }, ({ kernel }) => ["-kernel", kernel])).toBe(said.long);
  });

  test("as little memory as the file says", async () => {
    const { bytes, memorySize } = await imageToFile(await longGuest(0x100_0000n), "pvh");
    expect(memorySize).toBe(0x101_0000n);
    // The firmware keeps some memory at the end for itself.
    const size = String(memorySize / 0x10_0000n + 2n);
    expect(await listenInQemu({ kernel: bytes }, ({ kernel }) => ["-kernel", kernel, "-m", size])).toBe(said.long);
  });

  test("a boot sector from a disk", async () => {
    const { bytes } = await imageToFile(await realGuest(), "boot-sector");
    expect(await listenInQemu({ disk: bytes }, ({ disk }) => ["-drive", `format=raw,file=${disk}`])).toBe(said.real);
  });

  // Nothing starts raw files and Intel HEX by itself: here firmware does that only jumps to 0:7c00.
  test.each([
    ["raw", (file: string) => `loader,file=${file},addr=0x7c00,force-raw=on`],
    ["intel-hex", (file: string) => `loader,file=${file}`],
  ] as const)("%s, loaded by the machine", async (format, device) => {
    const { bytes } = await imageToFile(await realGuest(), format);
    const rom = new Uint8Array(0x1_0000);
    rom.set((await assemble(code16().ljmp(far(0, 0x7c00)), { origin: 0xfff0n })).bytes, 0xfff0);
    const files = { guest: bytes, firmware: rom };
    const found = await listenInQemu(files, ({ guest, firmware }) => ["-bios", firmware, "-device", device(guest)]);
    expect(found).toBe(said.real);
  });
});

/** What a guest says on KVM until it says that it is done. */
async function listenOnKvm(image: Image): Promise<string> {
  using machine = await boot(image);
  let text = "";
  for (const exit of machine.run({ timeout: "10s" })) {
    if (exit.kind !== "io-out") throw new Error(`the guest caused ${exit.kind} after it had said ${text}`);
    if (exit.port !== 0xe9) {
      expect([exit.port, exit.data[0]]).toEqual([0xf4, doneCode]);
      return text;
    }
    text += String.fromCharCode(...exit.data);
  }
  throw new Error(`the guest ended after it had said ${text}`);
}

describeKvm("on KVM", () => {
  test.each<Case>([...everywhere, ["16-bit code", realGuest, said.real]])("%s", async (_, guest, expected) => {
    expect(await listenOnKvm(await guest())).toBe(expected);
  });

  test.each<Case>([
    ["64-bit", longGuest, said.long],
    ["32-bit", protectedGuest, said.protected],
  ])("an entry stub for %s code, read back from its PVH file", async (_, guest, expected) => {
    const { bytes } = await imageToFile(await guest(), "pvh");
    expect(await listenOnKvm(await imageFromElf(bytes, { start: "pvh" }))).toBe(expected);
  });

  // Registers and zeros in memory are no part of an ELF file.
  test("64-bit code, read back from its ELF file", async () => {
    const { bytes } = await imageToFile(await longGuest(0x100_0000n), "elf64");
    const ram = [{ at: 0x0, size: "8KiB" }] as const;
    expect(await listenOnKvm(await imageFromElf(bytes, { ram }))).toBe("64-bit: ?BC\n");
  });

  test("32-bit code, read back from its ELF file", async () => {
    const { bytes } = await imageToFile(await plainGuest(), "elf32");
    expect(await listenOnKvm(await imageFromElf(bytes))).toBe(said.protected);
  });
});
