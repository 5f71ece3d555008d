/** The kinds of files that hold guests. */
import path from "node:path";

/** A kind of file. */
export type FileKind = "module" | "image" | "elf" | "raw";

/** What each kind is called, one file of it and all of them. */
export const fileKinds: Readonly<Record<FileKind, { readonly one: string; readonly all: string }>> = {
  module: { one: "a module", all: "modules" },
  image: { one: "an image in JSON", all: "images in JSON" },
  elf: { one: "an ELF file", all: "ELF files" },
  raw: { one: "raw bytes", all: "raw bytes" },
};

/** The kinds that a file's name tells, by its ending. */
const kindsByEnding: Readonly<Record<string, FileKind>> = {
  ".ts": "module",
  ".mts": "module",
  ".js": "module",
  ".mjs": "module",
  ".cjs": "module",
  ".json": "image",
};

/** What every ELF file begins with (System V ABI, chapter 4, "ELF Identification"). */
const elfMagic = [0x7f, 0x45, 0x4c, 0x46];

/** The kind of a file: by its name, else by its first bytes. What has no format is raw bytes. */
export function fileKindOf(file: string, bytes: Uint8Array): FileKind {
  const ending = path.extname(file);
  if (Object.hasOwn(kindsByEnding, ending)) return kindsByEnding[ending]!;
  return elfMagic.every((byte, index) => bytes[index] === byte) ? "elf" : "raw";
}

/** The names of kinds, for a sentence. */
export function kindsToText(kinds: readonly FileKind[]): string {
  return kinds.map((kind) => fileKinds[kind].all).join(" and ");
}
