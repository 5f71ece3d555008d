import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the package, with no `/` at its end. */
export const packageRoot: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The files under a folder of the package that end in `suffix`: their paths from that folder, sorted. */
export function filesUnder(folder: string, suffix: string): string[] {
  return readdirSync(path.join(packageRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.replaceAll(path.sep, "/"))
    .toSorted();
}

/** A file of the package as text. */
export function textOf(file: string): string {
  return readFileSync(path.join(packageRoot, file), "utf8");
}

/** What the package can be imported as (`guestwright`, `guestwright/asm`), each with its source file (`src/index.ts`). */
export function entryPoints(): { name: string; file: string }[] {
  const { name, exports } = JSON.parse(textOf("package.json")) as {
    name: string;
    exports: Record<string, string | Record<string, string>>;
  };
  return Object.entries(exports).flatMap(([key, target]) =>
    typeof target === "string"
      ? []
      : [{ name: path.posix.join(name, key), file: path.posix.normalize(target["guestwright-source"]!) }],
  );
}
