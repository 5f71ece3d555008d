/**
 * Builds the package into `dist`: declarations file by file, and code in few files, since Node takes longer to find and read
 * three hundred modules than to run them.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const out = path.join(root, "dist");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");

/** The hooks that load guests' modules: Node 20 loads them by their file in a thread of their own, so they stay one. */
const hooks = "cli/guest/module-hooks";

/** What the manifest leads to, and the hooks, as files of `src`. */
function entryPoints() {
  const { exports, bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const modules = Object.values(exports).flatMap((each) => (typeof each === "string" ? [] : [each.default]));
  const built = [...modules, ...Object.values(bin)].map((file) => path.relative("dist", file).replace(/\.js$/, ""));
  return [...built, hooks].map((file) => path.join(root, "src", `${file}.ts`));
}

/** Leaves the hooks out of other files. Who imports them is imported when needed, and so a file of `dist/chunks`. */
const hooksApart = {
  name: "hooks apart",
  setup: (bundler) =>
    bundler.onResolve({ filter: /\/module-hooks\.ts$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: `../${hooks}.js`, external: true },
    ),
};

rmSync(out, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", path.join(root, "tsconfig.build.json")], { stdio: "inherit" });
// tsc leaves declaration files where they are, though what it makes refers to them.
cpSync(path.join(root, "src"), out, {
  recursive: true,
  filter: (file) => path.extname(file) === "" || file.endsWith(".d.ts"),
});
await build({
  entryPoints: entryPoints(),
  outdir: out,
  outbase: path.join(root, "src"),
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false,
  plugins: [hooksApart],
  logLevel: "warning",
});
// npm does the same when it installs the package, but not when it links it.
chmodSync(path.join(out, "cli/bin.js"), 0o755);
