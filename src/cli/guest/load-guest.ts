/** From files' names to images, whatever kinds of files they are. */
import { readFileSync, statSync } from "node:fs";
import { imageFromElf, imageFromJson, imageFromRaw, type Image, type ImportOptions } from "../../layout/index.ts";
import { sizeToText } from "../../core/units.ts";
import { CliError } from "../cli-error.ts";
import { readFailure } from "../file-failure.ts";
import { readValue } from "../command/parse-arguments.ts";
import { address } from "../command/reader.ts";
import { withProgress } from "../output/progress.ts";
import type { Terminal } from "../output/terminal.ts";
import { fileKindOf, type FileKind } from "./file-kind.ts";
import { namingFile } from "./naming-file.ts";
import { requireOptionsFor, type GuestOptions, type NamedFile } from "./guest-options.ts";
import { guestOfModule, type ModuleExports } from "./guest-module.ts";

/** What a file's bytes come to. */
interface FileContents {
  readonly image: Image;
  /** What the module exports; `undefined` for other files. */
  readonly exports?: ModuleExports;
}

/** A file that was read. */
export interface GuestFile extends NamedFile {
  readonly kind: FileKind;
  readonly bytes: Uint8Array;
}

/** A file with its guest. */
export interface LoadedGuest extends GuestFile, FileContents {}

/** How each kind of file becomes an image. */
const loaders: Readonly<Record<FileKind, (guest: GuestFile) => FileContents | Promise<FileContents>>> = {
  module: async ({ file, options }) => await guestOfModule(file, options.export),
  image: ({ bytes }) => ({ image: imageFromJson(new TextDecoder().decode(bytes)) }),
  elf: async ({ bytes, options: { start = "entry", entry, ...options } }) => ({
    image: await imageFromElf(bytes, {
      ...memoryOf(options),
      ...{ start, ...(entry === undefined ? {} : { entry: address.read(entry) ?? entry }) },
    }),
  }),
  raw: async ({ file, bytes, options: { at, mode, entry, stack, ...memory } }) => {
    if (at === undefined || mode === undefined) {
      throw new CliError(`${file} is neither a module, nor an image in JSON, nor an ELF file`, {
        code: "NO_GUEST",
        value: file,
        hint: "for raw bytes say where they lie and how they start: --at 0x7c00 --mode real16",
      });
    }
    if (mode === "real16" && stack !== undefined && stack > 0n) {
      const message = `--stack must be 0 in real16, where code sets up its own; got ${sizeToText(stack)}`;
      throw new CliError(message, { code: "BAD_VALUE", value: stack });
    }
    const first = entry === undefined ? {} : { entry: readValue(address, "--entry", entry) };
    return { image: await imageFromRaw(bytes, { ...memoryOf({ ...memory, stack }), at, mode, ...first }) };
  },
};

function memoryOf({
  ram,
  stack,
  "memory-limit": memoryLimit,
}: Pick<GuestOptions, "ram" | "stack" | "memory-limit">): ImportOptions {
  return {
    ram,
    ...(stack === undefined ? {} : { stack }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  };
}

/**
 * The guests of files. An option that several have must be for one of them at least. Throws {@link CliError}, and what building
 * or reading an image throws.
 */
export async function loadGuests(files: readonly NamedFile[], terminal: Terminal): Promise<readonly LoadedGuest[]> {
  const guests = files.map((named): GuestFile => {
    const bytes = readInput(named.file);
    return { ...named, bytes, kind: fileKindOf(named.file, bytes) };
  });
  requireOptionsFor(guests);
  const loaded: LoadedGuest[] = [];
  for (const guest of guests) {
    const load = loaders[guest.kind];
    const contents = await withProgress(
      terminal,
      () => `building ${guest.file}`,
      async () => await namingFile(guest.file, async () => await load(guest)),
    );
    loaded.push({ ...guest, ...contents });
  }
  return loaded;
}

/** The guest of one file, as {@link loadGuests}. */
export async function loadGuest(file: string, options: GuestOptions, terminal: Terminal): Promise<LoadedGuest> {
  const [loaded] = await loadGuests([{ file, options }], terminal);
  return loaded!;
}

/** The bytes of a file that a user named. Throws {@link CliError} `NO_FILE`. */
export function readInput(file: string): Uint8Array {
  const refuse = (why: string, cause?: unknown): never => {
    throw new CliError(`cannot read ${file}: ${why}`, { code: "NO_FILE", value: file, cause });
  };
  let bytes: Uint8Array | undefined;
  try {
    bytes = isDevice(file) ? undefined : readFileSync(file);
  } catch (cause) {
    return refuse(readFailure(cause), cause);
  }
  return bytes ?? refuse("it is a device, not a file");
}

/** Whether a file is a device, which, as /dev/zero, may have no end. */
function isDevice(file: string): boolean {
  const stats = statSync(file);
  return stats.isCharacterDevice() || stats.isBlockDevice();
}
