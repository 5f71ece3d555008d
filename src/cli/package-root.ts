import { readFileSync } from "node:fs";

/** The folder of this installation: two above this file in the source, and above `dist/chunks` and `dist/cli` in the build. */
export const packageRoot: URL = new URL("../../", import.meta.url);

/** The version of this installation. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL("package.json", packageRoot), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
