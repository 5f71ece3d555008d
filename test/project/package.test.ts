import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildPackage } from "./built-package.ts";
import { run } from "./child.ts";
import { typeScriptFences } from "./fences.ts";
import { installPackage } from "./installed-project.ts";
import { entryPoints, filesUnder, textOf } from "./source-files.ts";

/** One package, as `npm pack --json` lists it. */
interface Packed {
  readonly files: readonly { readonly path: string }[];
}

test("the package holds the build, its source, the examples, the licence and the documents, and nothing else", async () => {
  const { folder, remove } = await buildPackage();
  onTestFinished(remove);
  const { stdout, stderr, status } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: folder,
  });
  expect(status, stderr).toBe(0);
  // npm lists the packages as an array; since npm 12 as an object, by name.
  const [{ files }] = Object.values(JSON.parse(stdout) as Record<string, Packed>) as [Packed];
  const packed = files.map((file) => file.path);
  const sources = filesUnder("src", ".ts");
  expect(packed.filter((file) => !file.startsWith("dist/") && !file.startsWith("src/")).toSorted()).toEqual([
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    ...filesUnder("docs", ".md").map((file) => `docs/${file}`),
    ...filesUnder("examples", ".ts").map((file) => `examples/${file}`),
    "package.json",
  ]);
  expect(packed.filter((file) => file.startsWith("src/")).toSorted()).toEqual(sources.map((file) => `src/${file}`));
  const built = packed.filter((file) => file.startsWith("dist/"));
  expect(built.filter((file) => /\.d\.ts(\.map)?$/.test(file)).toSorted()).toEqual(
    sources
      .flatMap((file) =>
        file.endsWith(".d.ts")
          ? [`dist/${file}`]
          : [".d.ts", ".d.ts.map"].map((end) => `dist/${file.replace(/\.ts$/, end)}`),
      )
      .toSorted(),
  );
  // Code is in the files that the manifest leads to, in the loader's, and in what they share.
  const entries = entryPoints().map(({ file }) => file.replace(/^src\/(.*)\.ts$/, "dist/$1.js"));
  const code = built.filter((file) => /\.js(\.map)?$/.test(file) && !file.startsWith("dist/chunks/"));
  expect(code.toSorted()).toEqual(
    [...entries, "dist/cli/bin.js", "dist/cli/guest/module-hooks.js"]
      .flatMap((file) => [file, `${file}.map`])
      .toSorted(),
  );
});

test("installed from the tarball, npx runs it, and a guest in TypeScript finds it", async () => {
  const project = await installPackage();
  onTestFinished(project.remove);
  const modules = path.join(project.folder, "node_modules");
  // npm makes this link, too.
  const { bin } = JSON.parse(textOf("package.json")) as { bin: Record<string, string> };
  mkdirSync(path.join(modules, ".bin"));
  symlinkSync(path.join("../guestwright", bin["guestwright"]!), path.join(modules, ".bin/guestwright"));
  rmSync(path.join(modules, "guestwright/src"), { recursive: true });
  project.write("package.json", "{}");
  project.write("guest.ts", typeScriptFences(textOf("docs/cli.md"))[0]!.code);
  const ended = await run("npx", ["--no", "guestwright", "inspect", "guest.ts", "symbols"], { cwd: project.folder });
  expect(ended.status, ended.stderr).toBe(0);
  expect(ended.stdout).toContain("  0x00000008  physical 0x00004008  label     place.guest.probe\n");
});
