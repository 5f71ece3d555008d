import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./child.ts";
import { packageRoot } from "./source-files.ts";

/** What `npm pack` may take, its manifest, and what builds it: source maps then lead to the copy. */
const copied = [
  ...[
    "package.json",
    "LICENSE",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs",
    "examples",
    "src",
  ],
  ...["scripts/build.mjs", "tsconfig.json", "tsconfig.build.json"],
];

/** A temporary folder with the package built in it, and how to remove it. Its dependencies are those of this tree. */
export async function buildPackage(): Promise<{ folder: string; remove: () => void }> {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-built-"));
  const remove = () => rmSync(folder, { recursive: true });
  for (const file of copied) cpSync(path.join(packageRoot, file), path.join(folder, file), { recursive: true });
  symlinkSync(path.join(packageRoot, "node_modules"), path.join(folder, "node_modules"));
  const built = await run(process.execPath, [path.join(folder, "scripts/build.mjs")], { cwd: folder });
  if (built.status !== 0) {
    remove();
    throw new Error(`The build failed:\n${built.stdout}${built.stderr}`);
  }
  return { folder, remove };
}
