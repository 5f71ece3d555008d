/** Files that commands write. */
import { accessSync, constants, statSync, writeFileSync, type Stats } from "node:fs";
import path from "node:path";
import { CliError } from "../cli-error.ts";
import { writeFailure } from "../file-failure.ts";

/** Writes a file that a user named. Throws {@link CliError} `NOT_WRITTEN`. */
export function writeOutput(file: string, content: Uint8Array | string): void {
  attempt(file, () => writeFileSync(file, content));
}

/**
 * Throws {@link CliError} `NOT_WRITTEN` where a file cannot be written, or is one that is read: before a guest runs for an hour,
 * or its source is gone.
 *
 * @param read the files that are read, with what is read from each
 */
export function requireWritable(file: string, read: Readonly<Record<string, string>>): void {
  const there = statOf(file);
  const [lost] = Object.entries(read).find(([, each]) => there !== undefined && isSame(there, statOf(each))) ?? [];
  if (lost !== undefined) {
    throw new CliError(`${file} is the file that ${lost} is read from, and would be lost`, {
      code: "NOT_WRITTEN",
      value: file,
      hint: "name another file",
    });
  }
  // Folders may be written to as well.
  if (there?.isDirectory() === true) throw notWritten(file, { code: "EISDIR" });
  attempt(file, () => accessSync(there === undefined ? path.dirname(file) : file, constants.W_OK));
}

function isSame(one: Stats, other: Stats | undefined): boolean {
  return one.dev === other?.dev && one.ino === other.ino;
}

function statOf(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

function attempt(file: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw notWritten(file, cause);
  }
}

function notWritten(file: string, cause: unknown): CliError {
  return new CliError(`cannot write ${file}: ${writeFailure(cause)}`, { code: "NOT_WRITTEN", value: file, cause });
}
