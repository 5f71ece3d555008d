/** The options of every command that reads a guest, and the operand that names it. */
import type { Operand } from "../command/command.ts";
import { address, memoryRange, oneOf, size, text, type MemoryRange, type Reader } from "../command/reader.ts";

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

/** How a guest's file is to be read. */
export const guestOptions: {
  readonly export: { readonly summary: string; readonly value: Reader<string> };
  readonly at: { readonly summary: string; readonly value: Reader<bigint> };
  readonly mode: { readonly summary: string; readonly value: Reader<RawMode> };
  readonly entry: { readonly summary: string; readonly value: Reader<bigint> };
  readonly start: { readonly summary: string; readonly value: Reader<ElfStart> };
  readonly ram: { readonly summary: string; readonly value: Reader<MemoryRange>; readonly isList: true };
  readonly stack: { readonly summary: string; readonly value: Reader<bigint> };
} = {
  export: { summary: "which of the module's exports is the guest", value: text("NAME", "the name of an export") },
  at: { summary: "of raw bytes: the physical address that they are loaded to", value: address },
  mode: { summary: "of raw bytes: the mode that they start in", value: oneOf("MODE", rawModes) },
  entry: { summary: "of raw bytes: the physical address of the first instruction; --at unless given", value: address },
  start: {
    summary: "of an ELF file: at its entry point, or as its PVH note says; entry unless given",
    value: oneOf("START", starts),
  },
  ram: {
    summary: "of raw bytes and ELF files: memory besides theirs",
    value: memoryRange,
    isList: true,
  },
  stack: { summary: "of raw bytes and ELF files: the size of the stack; 64KiB unless given", value: size },
};

/** What these options come to. */
export interface GuestOptions {
  readonly export: string | undefined;
  readonly at: bigint | undefined;
  readonly mode: RawMode | undefined;
  readonly entry: bigint | undefined;
  readonly start: ElfStart | undefined;
  readonly ram: readonly MemoryRange[];
  readonly stack: bigint | undefined;
}

/** The option of every command that has a form for programs. */
export const jsonOption: { readonly summary: string } = { summary: "prints JSON, for programs" };
