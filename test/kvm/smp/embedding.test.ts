/** vCPUs on threads wherever the package is: in its sources, built, and bundled; and a process that ends while they run. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildPackage } from "../../project/built-package.ts";
import { fromSource, run } from "../../project/child.ts";
import { packageRoot } from "../../project/source-files.ts";
import { addonIn } from "../../../src/kvm/smp/thread-plan.ts";
import { describeKvm } from "../require-kvm.ts";
import { halt, smpImage, spin } from "./guests.ts";

/** Inside the package, so that a bundle there finds koffi. */
const cache = path.join(packageRoot, "node_modules", ".cache");
let folder = "";

beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(path.join(cache, "guestwright-smp-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An image as a JavaScript expression. */
function literal(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join()})`;
  if (Array.isArray(value)) return `[${value.map(literal).join()}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([name, each]) => `${JSON.stringify(name)}:${literal(each)}`)
      .join()}}`;
  }
  return JSON.stringify(value);
}

async function bundle(name: string, format: "esm" | "cjs"): Promise<string> {
  const outfile = path.join(folder, name);
  await build({
    ...{ entryPoints: [path.join(packageRoot, "src/kvm/index.ts")], outfile, format, bundle: true, minify: true },
    ...{ keepNames: true, platform: "node", target: "node20", external: ["koffi", "iced-x86"], logLevel: "error" },
  });
  return outfile;
}

/** Runs a module with `bootSmp` in a process of its own. */
async function runWith(module: string, body: string, flags: readonly string[] = []) {
  const script = `import { bootSmp } from ${JSON.stringify(pathToFileURL(module).href)};\n${body}`;
  return await run(process.execPath, [...flags, "--input-type=module", "-e", script]);
}

const greeting = async (): Promise<string> => {
  const image = await smpImage(2, halt, `mov al, 0x21; out 0x10, al; ${halt}`);
  return `
    const machine = await bootSmp(${literal(image)}, { vcpus: 2 });
    for await (const { vcpu, exit } of machine.stream({ timeout: "5s" })) console.log(vcpu, exit.kind);
    machine.close();`;
};
const greeted = { status: 0, stdout: "1 io-out\nundefined hlt\n", stderr: "" };

describeKvm("vCPUs on threads", () => {
  test("from source, compiled as it is loaded", async () => {
    const module = path.join(packageRoot, "src/kvm/index.ts");
    expect(await runWith(module, await greeting(), fromSource)).toEqual(greeted);
  });

  test("from the built package", async () => {
    const built = await buildPackage();
    try {
      expect(await runWith(path.join(built.folder, "dist/kvm/index.js"), await greeting())).toEqual(greeted);
    } finally {
      built.remove();
    }
  });

  test.each([
    ["an ES module", "bundle.mjs", "esm"],
    ["a CommonJS module", "bundle.cjs", "cjs"],
  ] as const)("from %s that is bundled and minified", async (_, name, format) => {
    expect(await runWith(await bundle(name, format), await greeting())).toEqual(greeted);
  });
});

describeKvm("a thread", () => {
  test("that cannot have its timer is an error of bootSmp, and nothing is left", async () => {
    const script = `
      import { readdirSync, readlinkSync } from "node:fs";
      import { bootSmp } from ${JSON.stringify(pathToFileURL(await bundle("limit.mjs", "esm")).href)};
      await bootSmp(${literal(await smpImage(2, halt, halt))}, { vcpus: 2 }).catch((error) => console.log(error.code, error.message, error.cause.message));
      console.log(readdirSync("/proc/self/fd").filter((fd) => { try { return readlinkSync("/proc/self/fd/" + fd).includes("kvm"); } catch { return false; } }));`;
    // Timers count against the limit of pending signals.
    const limited = ["-c", 'ulimit -i 0; exec "$0" "$@"', process.execPath, "--input-type=module", "-e", script];
    expect(await run("bash", limited)).toEqual({
      status: 0,
      stdout: "CALL_FAILED the thread of vCPU 0 ended timer_create failed: errno 11\n[]\n",
      stderr: "",
    });
  });

  test("loads the addon that this process has mapped", () => {
    const maps =
      "7f00-7f01 r-xp 00000000 08:01 1    /usr/lib/libc.so.6\n7f02-7f03 r-xp 00000000 08:01 2    /a b/koffi.node\n";
    expect(addonIn(maps)).toBe("/a b/koffi.node");
    expect(() => addonIn("7f00-7f01 r-xp 00000000 08:01 1    /usr/lib/libc.so.6\n")).toThrow(
      expect.objectContaining({
        code: "NO_NATIVE_LIBRARY",
        message:
          "koffi's addon is not among the files that this process has mapped\n" +
          "  hint: vCPUs on threads of their own need it as a file named koffi.node",
      }),
    );
  });
});

describeKvm("a process that ends", () => {
  test.each([
    ["before the first run", ""],
    [
      "while they spin",
      `setTimeout(() => process.exit(7), 50); for await (const _ of machine.stream({ timeout: Infinity }));`,
    ],
    [
      "while one waits at its exit",
      `for await (const _ of machine.stream({ timeout: Infinity })) if (_.exit.kind === "io-out") break;`,
    ],
    ["in the middle of a stream", `await machine.stream({ timeout: Infinity }).next();`],
  ])("%s ends at once", async (_, body) => {
    const image = await smpImage(2, "mov al, 1; out 0x10, al; spin: jmp spin", spin);
    const script = `const machine = await bootSmp(${literal(image)}, { vcpus: 2 });\n${body}\nconsole.log(Date.now()); process.exit(7);`;
    const { status, stdout } = await runWith(
      await bundle("exit.mjs", "esm"),
      script.replace("process.exit(7), 50", "(console.log(Date.now()), process.exit(7)), 50"),
    );
    expect(status).toBe(7);
    expect(Date.now() - Number(stdout)).toBeLessThan(2000);
  });

  test.each([100, 300, 340, 380, 420, 460])(
    "after %i ms, while threads are being started, waits for what they load",
    async (time) => {
      const image = await smpImage(2, spin, spin);
      const script = `
      setTimeout(() => process.exit(7), ${time});
      for (;;) (await bootSmp(${literal(image)}, { vcpus: 16 })).close();`;
      const ended = await runWith(await bundle("start.mjs", "esm"), script);
      expect(ended).toEqual({ status: 7, stdout: "", stderr: "" });
    },
  );

  test("by itself, where nobody waits for them", async () => {
    const image = await smpImage(2, spin, spin);
    const script = `
      const machine = await bootSmp(${literal(image)}, { vcpus: 2 });
      for await (const { exit } of machine.stream({ timeout: "20ms" })) console.log(exit.kind);`;
    expect(await runWith(await bundle("end.mjs", "esm"), script)).toEqual({
      status: 0,
      stdout: "timeout\n",
      stderr: "",
    });
  });
});
