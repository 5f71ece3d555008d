/** Builds the package into `dist`: what tsc makes, and the declaration files of `src`. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const out = path.join(root, "dist");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");

rmSync(out, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", path.join(root, "tsconfig.build.json")], { stdio: "inherit" });
// tsc leaves declaration files where they are, though what it makes refers to them.
cpSync(path.join(root, "src"), out, {
  recursive: true,
  filter: (file) => path.extname(file) === "" || file.endsWith(".d.ts"),
});
// npm does the same when it installs the package, but not when it links it.
chmodSync(path.join(out, "cli/bin.js"), 0o755);
