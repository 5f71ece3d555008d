import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { packageRoot } from "./source-files.ts";

/** A project in a temporary folder that depends on guestwright, as a user's does, with these files in it. */
export function userProject(files: Readonly<Record<string, string>>): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-user-"));
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(packageRoot, path.join(folder, "node_modules/guestwright"));
  for (const name of ["@types", "vitest"]) {
    symlinkSync(path.join(packageRoot, "node_modules", name), path.join(folder, "node_modules", name));
  }
  const manifest = JSON.stringify({ name: "user", type: "module" });
  // An example may define what it does not go on to use.
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  // A user gets the types of the build; here they come from the source, which needs what its `.d.ts` files declare.
  const include = ["*.ts", `${packageRoot}/src/**/*.d.ts`];
  const compiler = JSON.stringify({ extends: `${packageRoot}/tsconfig.json`, compilerOptions, include });
  for (const [file, text] of Object.entries({ "package.json": manifest, "tsconfig.json": compiler, ...files })) {
    writeFileSync(path.join(folder, file), text);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
