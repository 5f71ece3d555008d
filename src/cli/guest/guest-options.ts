/** The options of every command that reads a guest, and the operand that names it. */
import { CliError } from "../cli-error.ts";
import type { Operand } from "../command/command.ts";
import { address, memoryRange, oneOf, pages, text, type MemoryRange, type Reader } from "../command/reader.ts";
import { fileKinds, kindsToText, type FileKind } from "./file-kind.ts";

/** The modes that raw bytes can start in. */
const rawModes = ["real16", "protected32", "long64"] as const;
type RawMode = (typeof rawModes)[number];

/** Where ELF files can start. */
const starts = ["entry", "pvh"] as const;
type ElfStart = (typeof starts)[number];

/** The file of a guest. */
export const guestOperand: Operand = {
  name: "FILE",
  summary: "a module (.ts, .js) that exports a guest, an image (.json), an ELF file, or raw bytes",
};

/** What the options come to. */
export interface GuestOptions {
  readonly export: string | undefined;
  readonly at: bigint | undefined;
  readonly mode: RawMode | undefined;
  /** As it was written: what it may be depends on the file. */
  readonly entry: string | undefined;
  readonly start: ElfStart | undefined;
  readonly ram: readonly MemoryRange[];
  readonly stack: bigint | undefined;
  readonly "memory-limit": bigint | undefined;
}

/** The kinds of files that each option is for. Others have nothing that it could change. */
const filesOf: Readonly<Record<keyof GuestOptions, readonly FileKind[]>> = {
  export: ["module"],
  at: ["raw"],
  mode: ["raw"],
  entry: ["raw", "elf"],
  start: ["elf"],
  ram: ["raw", "elf"],
  stack: ["raw", "elf"],
  "memory-limit": ["raw", "elf"],
};

const of = (name: keyof GuestOptions, summary: string): string => `of ${kindsToText(filesOf[name])}: ${summary}`;

/** How a guest's file is to be read. */
export const guestOptions: {
  readonly export: { readonly summary: string; readonly value: Reader<string> };
  readonly at: { readonly summary: string; readonly value: Reader<bigint> };
  readonly mode: { readonly summary: string; readonly value: Reader<RawMode> };
  readonly entry: { readonly summary: string; readonly value: Reader<string> };
  readonly start: { readonly summary: string; readonly value: Reader<ElfStart> };
  readonly ram: { readonly summary: string; readonly value: Reader<MemoryRange>; readonly isList: true };
  readonly stack: { readonly summary: string; readonly value: Reader<bigint> };
  readonly "memory-limit": { readonly summary: string; readonly value: Reader<bigint> };
} = {
  export: { summary: of("export", "which export is the guest"), value: text("NAME", "the name of an export") },
  at: { summary: of("at", "the physical address that they are loaded to"), value: address },
  mode: { summary: of("mode", "the mode that they start in"), value: oneOf("MODE", rawModes) },
  entry: {
    summary: of("entry", "the address of the first instruction, in ELF files also a symbol"),
    value: text("ADDRESS", `${address.expected}, or a symbol of an ELF file`),
  },
  start: {
    summary: of("start", "at their entry point, or as their PVH note says; entry unless given"),
    value: oneOf("START", starts),
  },
  ram: { summary: of("ram", "memory besides theirs"), value: memoryRange, isList: true },
  stack: { summary: of("stack", "the size of the stack; 64KiB unless given, none in real16"), value: pages },
  "memory-limit": { summary: of("memory-limit", "the most memory they may take; 1GiB unless given"), value: pages },
};

/** A file that a command line names, and how it is to be read. */
export interface NamedFile {
  readonly file: string;
  readonly options: GuestOptions;
}

/** Throws {@link CliError} `OPTION_NOT_FOR_FILE` for the value of an option that is for none of the files that it is given for. */
export function requireOptionsFor(files: readonly (NamedFile & { readonly kind: FileKind })[]): void {
  for (const [name, kinds] of Object.entries(filesOf) as [keyof GuestOptions, readonly FileKind[]][]) {
    for (const given of new Set(files.map(({ options }) => options[name]))) {
      const isGiven = Array.isArray(given) ? given.length > 0 : given !== undefined;
      const meant = files.filter(({ options }) => options[name] === given);
      if (!isGiven || meant.some(({ kind }) => kinds.includes(kind))) continue;
      const are = meant.map(({ file, kind }) => `${file} is ${fileKinds[kind].one}`).join(", ");
      throw new CliError(`--${name} is for ${kindsToText(kinds)}; ${are}`, {
        code: "OPTION_NOT_FOR_FILE",
        value: given,
        hint: `leave --${name} out`,
      });
    }
  }
}

/** The option of every command that has a form for programs. */
export const jsonOption: { readonly summary: string } = { summary: "prints JSON, for programs" };
