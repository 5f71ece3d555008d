/** The module inside an application: bundled, in worker threads, and twice in one process. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Exit } from "../../src/kvm/index.ts";
import { run } from "../project/child.ts";
import { packageRoot } from "../project/source-files.ts";
import { counting, seedRealMode, spinning } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";

type Module = typeof import("../../src/kvm/index.ts");

/** Inside the package, so that a bundle there finds koffi. */
const cache = path.join(packageRoot, "node_modules", ".cache");
let folder = "";

beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(path.join(cache, "guestwright-bundle-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bundle(name: string, format: "esm" | "cjs"): Promise<string> {
  const outfile = path.join(folder, name);
  const entryPoints = [path.join(packageRoot, "src/kvm/index.ts")];
  await build({
    entryPoints,
    outfile,
    format,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    external: ["koffi"],
    logLevel: "error",
  });
  return outfile;
}

const importBundle = async (file: string): Promise<Module> => (await import(pathToFileURL(file).href)) as Module;

describeKvm("bundled", () => {
  test.each([
    ["ES module", "bundle.mjs", "esm"],
    ["CommonJS module", "bundle.cjs", "cjs"],
  ] as const)("as an %s, far from its sources", async (_, name, format) => {
    const file = await bundle(name, format);
    const script = `
      import { boot } from ${JSON.stringify(pathToFileURL(file).href)};
      const machine = await boot(JSON.parse(process.argv[1], (key, value) =>
        typeof value === "string" && /^n\\d+$/.test(value) ? BigInt(value.slice(1)) : Array.isArray(value?.bytes) ? { ...value, bytes: Uint8Array.from(value.bytes) } : value));
      let text = "";
      for (const exit of machine.run()) text += exit.kind === "io-out" ? Buffer.from(exit.data) : exit.kind + " ";
      console.log(text);`;
    const image = JSON.stringify(seedRealMode(), (_, value: unknown) => {
      if (typeof value === "bigint") return `n${value}`;
      return value instanceof Uint8Array ? [...value] : value;
    });
    const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", script, image]);
    expect(stderr).toBe("");
    expect(stdout).toBe("Hello from Real Mode!\n\0io-in mmio-write mmio-read hlt \n");
  });

  test("two copies on one thread, one's guest running inside the other's loop, stop with signals of their own", async () => {
    const one = await importBundle(await bundle("one.mjs", "esm"));
    const two = await importBundle(await bundle("two.mjs", "esm"));
    expect(one.boot).not.toBe(two.boot);
    const outer = await one.boot(counting);
    const inner = await two.boot(spinning);
    const blocked: number[] = [];
    const countBlocked = (): void =>
      void blocked.push(BigInt(`0x${resources().blocked}`).toString(2).split("1").length - 1);
    const kinds = new Set<Exit["kind"]>();
    let exits = 0;
    countBlocked();
    for (const exit of outer.run({ timeout: "50ms" })) {
      kinds.add(exit.kind);
      if (exits === 0) countBlocked();
      const steps = inner.run({ timeout: "30ms" });
      const { value } = steps.next();
      expect(value).toMatchObject({ kind: "timeout" });
      if (++exits === 5) break;
    }
    // Left half way, one inside the other: either must survive the other's end.
    const first = outer.run({ timeout: "20ms" });
    first.next();
    countBlocked();
    const last = await two.boot(counting);
    const second = last.run({ timeout: "20ms" });
    first.next();
    second.next();
    countBlocked();
    first.return?.();
    countBlocked();
    expect([...second].at(-1)).toMatchObject({ kind: "timeout" });
    countBlocked();
    await nextTurn();
    countBlocked();
    expect(kinds).toEqual(new Set(["io-out"]));
    // The first one's mark, and three signals that ask nobody to stop; the signal that the second one holds.
    expect(blocked).toEqual([0, 4, 5, 5, 5, 5, 0]);
    for (const machine of [outer, inner, last]) machine.close();
  });
});

describeKvm("in worker threads", () => {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.module).then(async ({ boot }) => {
      const machine = await boot(workerData.image);
      parentPort.postMessage("running");
      const exits = [];
      for (const exit of machine.run({ timeout: workerData.timeout })) exits.push(exit);
      machine.close();
      parentPort.postMessage(exits);
    });`;

  const start = (module: string, image: unknown, timeout: number): Worker =>
    new Worker(source, { eval: true, workerData: { module: pathToFileURL(module).href, image, timeout } });

  test("two at once, each with a machine of its own", async () => {
    const file = await bundle("worker.mjs", "esm");
    const results = await Promise.all(
      [seedRealMode(), spinning].map((image) => {
        const worker = start(file, image, 50);
        return new Promise<readonly Exit[]>((resolve, reject) => {
          worker.on("error", reject);
          worker.on("message", (message) => {
            if (message !== "running") resolve(message as readonly Exit[]);
          });
        });
      }),
    );
    expect(results.map((exits) => exits.at(-1)?.kind)).toEqual(["hlt", "timeout"]);
  });

  test("one that is told to terminate does, though its guest spins without a deadline", async () => {
    const worker = start(await bundle("terminate.mjs", "esm"), spinning, Number.POSITIVE_INFINITY);
    await new Promise((resolve) => void worker.on("message", resolve));
    await sleep(100);
    const before = performance.now();
    expect(await worker.terminate()).toBe(1);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
