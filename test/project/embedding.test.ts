import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { build, type BuildOptions } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { buildPackage } from "./built-package.ts";
import { run } from "./child.ts";
import { packageRoot } from "./source-files.ts";

/** What a bundle that holds everything must bring along: iced-x86 is CommonJS that asks for `require` and `__dirname`. */
const commonJs = `
import * as bannerModule from "node:module";
import * as bannerUrl from "node:url";
const require = bannerModule.createRequire(import.meta.url);
const __dirname = bannerUrl.fileURLToPath(new URL(".", import.meta.url));
`;

/** The files that it reads from beside itself. */
const wasmFiles = ["keystone-wasm/dist/keystone.wasm", "iced-x86/iced_x86_bg.wasm"];

/** Koffi's addon for this machine, which koffi asks for by the name of its package. */
const addon = "@koromix/koffi-linux-x64";

describeKvm("a host application", () => {
  let installed: Awaited<ReturnType<typeof buildPackage>> | undefined;

  beforeAll(async () => {
    installed = await buildPackage();
  });
  afterAll(() => installed?.remove());

  /** Bundles a program against the built package; its folder has no dependencies unless they are put there. */
  async function bundle(name: string, program: string, options: BuildOptions): Promise<string> {
    const folder = path.join(installed!.folder, "applications", name);
    mkdirSync(path.join(folder, "node_modules"), { recursive: true });
    await build({
      entryPoints: [path.join(packageRoot, "test/project/embedding", program)],
      outfile: path.join(folder, "application.mjs"),
      alias: { guestwright: path.join(installed!.folder, "dist/index.js") },
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      logLevel: "silent",
      ...options,
    });
    return folder;
  }

  const install = (folder: string, name: string) => {
    const to = path.join(folder, "node_modules", name);
    mkdirSync(path.dirname(to), { recursive: true });
    symlinkSync(path.join(packageRoot, "node_modules", name), to);
  };

  const transcript = [
    "main: built on the main thread, hlt timeout",
    "worker: built on the main thread, hlt and in the worker: hlt timeout",
    "",
  ].join("\n");

  test("bundles the package, with its dependencies external", async () => {
    const external = ["koffi", "keystone-wasm", "iced-x86"];
    const folder = await bundle("external", "application.ts", { external });
    for (const name of external) install(folder, name);
    const ended = await run(process.execPath, [`${folder}/application.mjs`]);
    expect(ended).toEqual({ status: 0, stdout: transcript, stderr: "" });
  });

  test("bundles all of it, with the WebAssembly files and koffi's addon beside", async () => {
    const folder = await bundle("whole", "application.ts", { banner: { js: commonJs } });
    for (const file of wasmFiles) {
      copyFileSync(path.join(packageRoot, "node_modules", file), path.join(folder, path.basename(file)));
    }
    install(folder, addon);
    const ended = await run(process.execPath, [`${folder}/application.mjs`]);
    expect(ended).toEqual({ status: 0, stdout: transcript, stderr: "" });
  });

  test("has two copies of the package beside each other", async () => {
    const folder = await bundle("copies", "two-copies.ts", {});
    const other = await buildPackage();
    try {
      symlinkSync(installed!.folder, path.join(folder, "one"));
      symlinkSync(other.folder, path.join(folder, "two"));
      const ended = await run(process.execPath, [`${folder}/application.mjs`]);
      const stdout = [
        "two copies: true",
        "of its own: one hlt two hlt",
        "of the other: one hlt two hlt",
        "at once: io-out io-out hlt hlt timeout timeout",
        "",
      ].join("\n");
      expect(ended).toEqual({ status: 0, stdout, stderr: "" });
    } finally {
      other.remove();
    }
  });
});
