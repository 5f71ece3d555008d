/** Files that commands write. */
import { writeFileSync } from "node:fs";
import { CliError } from "../cli-error.ts";

/** Writes a file that a user named. Throws {@link CliError} `NOT_WRITTEN`. */
export function writeOutput(file: string, content: Uint8Array | string): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot write ${file}: ${code}`, { code: "NOT_WRITTEN", value: file, cause: error });
  }
}
