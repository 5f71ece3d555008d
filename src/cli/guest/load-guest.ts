/** From a file's name to an image, whatever kind of file it is. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { imageFromElf, imageFromJson, imageFromRaw, type Image } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { withProgress } from "../output/progress.ts";
import type { Terminal } from "../output/terminal.ts";
import type { GuestOptions } from "./guest-options.ts";
import { imageOfModule } from "./guest-module.ts";

const modules: ReadonlySet<string> = new Set([".ts", ".mts", ".js", ".mjs", ".cjs"]);

/** What every ELF file begins with (System V ABI, chapter 4, "ELF Identification"). */
const elfMagic = [0x7f, 0x45, 0x4c, 0x46];

/** Whether a file is an ELF file, by its first bytes. */
export function isElf(bytes: Uint8Array): boolean {
  return elfMagic.every((byte, index) => bytes[index] === byte);
}

/** The image of a guest's file. Throws {@link CliError}, and what building or reading an image throws. */
export async function loadGuest(file: string, options: GuestOptions, terminal: Terminal): Promise<Image> {
  return await withProgress(
    terminal,
    () => `building ${file}`,
    () => load(file, options),
  );
}

async function load(file: string, options: GuestOptions): Promise<Image> {
  const bytes = readInput(file);
  const extension = path.extname(file);
  if (modules.has(extension)) return await imageOfModule(file, options.export);
  if (extension === ".json") return imageFromJson(new TextDecoder().decode(bytes));
  const { at, mode, entry, start = "entry", ram, stack } = options;
  const memory = { ram, ...(stack === undefined ? {} : { stack }) };
  if (isElf(bytes)) return await imageFromElf(bytes, { ...memory, start });
  if (at !== undefined && mode !== undefined)
    return await imageFromRaw(bytes, { ...memory, at, mode, ...(entry === undefined ? {} : { entry }) });
  throw new CliError(`${file} is neither a module, nor an image in JSON, nor an ELF file`, {
    code: "NO_GUEST",
    value: file,
    hint: "for raw bytes say where they lie and how they start: --at 0x7c00 --mode real16",
  });
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
};

/** The bytes of a file that a user named. Throws {@link CliError} `NO_FILE`. */
export function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot read ${file}: ${readFailures[code] ?? code}`, {
      code: "NO_FILE",
      value: file,
      cause: error,
    });
  }
}
