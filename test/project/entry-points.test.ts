import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { fromSource, run } from "./child.ts";
import { entryPoints, packageRoot } from "./source-files.ts";

const hosts = [
  [process.platform, process.arch],
  ["darwin", "arm64"],
  ["win32", "arm64"],
] as const;

/** What a process prints and which scripts V8 ran in it, native loaders' and CommonJS included. */
async function importIn(platform: string, arch: string, entry: string) {
  const coverage = mkdtempSync(path.join(tmpdir(), "guestwright-import-"));
  const env = { ENTRY: entry, PLATFORM: platform, ARCH: arch, NODE_V8_COVERAGE: coverage };
  try {
    const probe = `${packageRoot}/test/project/import-probe.ts`;
    const { status, stdout, stderr } = await run(process.execPath, [...fromSource, probe], { env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const scripts = readdirSync(coverage).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(path.join(coverage, file), "utf8")) as { result: { url: string }[] };
      return result.map(({ url }) => url);
    });
    const packages = scripts.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    return { printed: JSON.parse(stdout) as unknown, scripts, packages: [...new Set(packages)].toSorted() };
  } finally {
    rmSync(coverage, { recursive: true });
  }
}

/** Its purpose is what it does: it adds to Vitest's `expect`. */
const setup = "guestwright/testing/setup";

/** What runs TypeScript in the probe's process: there before the entry point is. */
const loaders = (await importIn(process.platform, process.arch, "node:fs")).packages;

describe.each(hosts)("on %s/%s", (platform, arch) => {
  const quiet = entryPoints().filter(({ name }) => name !== setup);
  test.each(quiet)("importing $name does nothing but define it", async ({ name, file }) => {
    const { printed, scripts, packages } = await importIn(platform, arch, name);
    expect(printed).toEqual({ names: expect.any(Array) as unknown, wasmModules: [], globals: [], sharedObjects: [] });
    expect(scripts.some((url) => url.includes(`/${file}`))).toBe(true);
    expect(packages).toEqual(loaders);
  });
});

test("the probe sees a package, a WebAssembly module and a native addon being loaded", async () => {
  const koffi = await importIn(process.platform, process.arch, "koffi");
  expect(koffi.packages).toContain("koffi");
  expect(koffi.printed).toMatchObject({ sharedObjects: [expect.stringContaining("koffi")] });
  const iced = await importIn(process.platform, process.arch, "iced-x86");
  expect(iced.packages).toContain("iced-x86");
  expect(iced.printed).toMatchObject({ wasmModules: [expect.stringContaining("iced_x86")] });
});
