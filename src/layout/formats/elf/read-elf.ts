/** ELF files read as data that nobody vouches for: every offset, size and count is checked before it is used. */
import { hex } from "../../../core/hex.ts";
import { show } from "../../../core/show.ts";
import { badFile } from "../import/bad-file.ts";
import { decodeElf, ELF, elfSize, type ElfClass, type ElfValues } from "./elf-structs.ts";

/** A segment that is to be loaded. */
export interface ReadSegment {
  /** Its number among the program headers. */
  readonly index: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  /** What the file has of it; the rest, up to `memorySize`, is zero. */
  readonly bytes: Uint8Array;
  readonly memorySize: bigint;
  /** PF_R, PF_W and PF_X. */
  readonly flags: bigint;
}

/** A symbol with a name and a section. */
export interface ReadSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly isGlobal: boolean;
}

/** A static ELF file for x86. */
export interface ReadElf {
  readonly class: ElfClass;
  readonly entry: bigint;
  /** Sorted by physical address, without overlap. */
  readonly segments: readonly ReadSegment[];
  readonly symbols: readonly ReadSymbol[];
  /** What the PVH note says, where there is one. */
  readonly pvhEntry: bigint | undefined;
}

/** The machine of each class. */
const machines: Readonly<Record<ElfClass, readonly [number: bigint, name: string]>> = {
  32: [ELF.EM_386, "EM_386 (3)"],
  64: [ELF.EM_X86_64, "EM_X86_64 (62)"],
};

/** Addresses that a segment may have: physical ones have 52 bits at most, and 32 in files of 32 bits. */
const addressEnds: Readonly<Record<ElfClass, { readonly virtual: bigint; readonly physical: bigint }>> = {
  32: { virtual: 1n << 32n, physical: 1n << 32n },
  64: { virtual: 1n << 64n, physical: 1n << 52n },
};

/** More segments than this are no guest; linkers write a handful. */
const mostSegments = 256n;

/** More symbols than this are not read: 2^20. */
const mostSymbols = 1n << 20n;

/**
 * Reads a file.
 *
 * @throws LayoutError `BAD_FILE` with what is wrong and where
 */
export function readElf(bytes: Uint8Array): ReadElf {
  const bits = readIdentification(bytes);
  requireBytes(bytes, 0n, BigInt(ELF.EI_NIDENT + elfSize("fileHeader", bits)), "the file header");
  const header = decodeElf("fileHeader", bits, bytes, ELF.EI_NIDENT);
  checkHeader(header, bits);
  const programHeaders = readTable(bytes, bits, "programHeader", {
    ...{ at: header.phoff, count: header.phnum, entrySize: header.phentsize },
    ...{ field: "e_phentsize", what: "the program headers" },
  });
  const dynamic = programHeaders.find(({ type }) => type === ELF.PT_INTERP || type === ELF.PT_DYNAMIC);
  if (dynamic !== undefined) {
    throw badFile(
      "the file is linked dynamically, and a guest has no dynamic linker",
      dynamic.type,
      "link it with -static",
    );
  }
  const segments = programHeaders.flatMap((each, index) => {
    if (each.type !== ELF.PT_LOAD || each.memsz === 0n) return [];
    return [readSegment(bytes, bits, each, index)];
  });
  if (segments.length === 0) throw badFile("the file has no segment to load", programHeaders.length);
  return {
    class: bits,
    entry: header.entry,
    segments: inOrder(segments),
    symbols: readSymbols(bytes, bits, header),
    pvhEntry: readPvhEntry(bytes, programHeaders),
  };
}

function readIdentification(bytes: Uint8Array): ElfClass {
  if (!(bytes instanceof Uint8Array)) throw badFile(`an ELF file is bytes, got ${show(bytes)}`, bytes);
  if (bytes.length < ELF.EI_NIDENT || ELF.MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw badFile("the file does not begin with 7f 45 4c 46, as ELF files do", bytes.slice(0, 4));
  }
  const [elfClass, data, version] = [bytes[4]!, bytes[5]!, bytes[6]!];
  const bits = elfClass === ELF.ELFCLASS32 ? 32 : elfClass === ELF.ELFCLASS64 ? 64 : undefined;
  if (bits === undefined)
    throw badFile(`the file's class is ${elfClass}, and ELF has 1 (32 bits) and 2 (64 bits)`, elfClass);
  if (data !== ELF.ELFDATA2LSB) throw badFile(`the file's byte order is ${data}, and x86 has 1, little-endian`, data);
  if (version !== ELF.EV_CURRENT) throw badFile(`the file's version is ${version}, and ELF has 1`, version);
  return bits;
}

function checkHeader({ type, machine, phnum }: ElfValues<"fileHeader">, bits: ElfClass): void {
  const [number, name] = machines[bits];
  if (machine !== number)
    throw badFile(`e_machine is ${machine}, and x86 has ${name} in files of ${bits} bits`, machine);
  if (type !== ELF.ET_EXEC) {
    const hint = "link it without -r, -shared and -pie: -static -no-pie";
    throw badFile(`e_type is ${type}, and a file whose addresses are final has ET_EXEC (2)`, type, hint);
  }
  if (phnum > mostSegments)
    throw badFile(`the file has ${phnum} program headers, and ${mostSegments} are read at most`, phnum);
}

/** Throws unless the file has all of a range. */
function requireBytes(bytes: Uint8Array, at: bigint, size: bigint, what: string): void {
  if (at + size <= BigInt(bytes.length)) return;
  throw badFile(
    `${what} would be at ${hex(at)}..${hex(at + size - 1n)}, and the file has ${hex(bytes.length)} bytes`,
    at,
  );
}

interface TablePlace {
  readonly at: bigint;
  readonly count: bigint;
  readonly entrySize: bigint;
  /** The field that says how large an entry is. */
  readonly field: string;
  readonly what: string;
}

function readTable<N extends "programHeader" | "sectionHeader" | "symbol">(
  bytes: Uint8Array,
  bits: ElfClass,
  struct: N,
  { at, count, entrySize, field, what }: TablePlace,
): readonly ElfValues<N>[] {
  if (count === 0n) return [];
  const size = elfSize(struct, bits);
  if (entrySize !== BigInt(size))
    throw badFile(`${field} is ${entrySize}, and files of ${bits} bits have ${size}`, entrySize);
  requireBytes(bytes, at, count * entrySize, what);
  return Array.from({ length: Number(count) }, (_, i) => decodeElf(struct, bits, bytes, Number(at) + i * size));
}

function readSegment(
  bytes: Uint8Array,
  bits: ElfClass,
  { offset, vaddr, paddr, filesz, memsz, flags }: ElfValues<"programHeader">,
  index: number,
): ReadSegment {
  const name = `segment ${index}`;
  if (filesz > memsz) {
    throw badFile(`${name} has ${hex(filesz)} bytes in the file and ${hex(memsz)} in memory`, filesz);
  }
  requireBytes(bytes, offset, filesz, name);
  const { virtual, physical } = addressEnds[bits];
  if (paddr + memsz > physical) {
    throw badFile(
      `${name} would end at physical ${hex(paddr + memsz - 1n)}, beyond the last address ${hex(physical - 1n)}`,
      paddr,
    );
  }
  if (vaddr + memsz > virtual) {
    throw badFile(
      `${name} would end at virtual ${hex(vaddr + memsz - 1n)}, beyond the last address ${hex(virtual - 1n)}`,
      vaddr,
    );
  }
  const from = Number(offset);
  return { index, vaddr, paddr, bytes: bytes.slice(from, from + Number(filesz)), memorySize: memsz, flags };
}

function inOrder(segments: readonly ReadSegment[]): readonly ReadSegment[] {
  const sorted = segments.toSorted((a, b) => (a.paddr < b.paddr ? -1 : a.paddr > b.paddr ? 1 : 0));
  sorted.forEach(({ index, paddr, memorySize }, i) => {
    const next = sorted[i + 1];
    if (next === undefined || paddr + memorySize <= next.paddr) return;
    throw badFile(`segment ${index} and segment ${next.index} overlap at physical ${hex(next.paddr)}`, [
      index,
      next.index,
    ]);
  });
  return sorted;
}

/** `XEN_ELFNOTE_PHYS32_ENTRY` of `xen/interface/elfnote.h`. */
const physicalEntryNote = 18;

/** The 32-bit entry point of the first PVH note. */
function readPvhEntry(bytes: Uint8Array, headers: readonly ElfValues<"programHeader">[]): bigint | undefined {
  for (const { type, offset, filesz } of headers) {
    if (type !== ELF.PT_NOTE) continue;
    requireBytes(bytes, offset, filesz, "the notes");
    const notes = bytes.subarray(Number(offset), Number(offset + filesz));
    const view = new DataView(notes.buffer, notes.byteOffset, notes.length);
    // Name and descriptor are each filled up to a multiple of 4 bytes.
    const padded = (size: number): number => Math.ceil(size / 4) * 4;
    for (let at = 0; at + 12 <= notes.length;) {
      const [nameSize, descriptorSize, kind] = [0, 4, 8].map((field) => view.getUint32(at + field, true));
      const descriptorAt = at + 12 + padded(nameSize!);
      const isXen = nameSize === 4 && view.getUint32(at + 12, true) === 0x006e_6558;
      const end = descriptorAt + padded(descriptorSize!);
      if (descriptorAt + descriptorSize! > notes.length) throw badFile("a note reaches beyond its segment", at);
      if (isXen && kind === physicalEntryNote && descriptorSize! >= 4)
        return BigInt(view.getUint32(descriptorAt, true));
      at = end;
    }
  }
  return undefined;
}

/** The symbols that have a section and are no section or file themselves. */
function readSymbols(bytes: Uint8Array, bits: ElfClass, header: ElfValues<"fileHeader">): readonly ReadSymbol[] {
  if (header.shoff === 0n) return [];
  const sections = readTable(bytes, bits, "sectionHeader", {
    ...{ at: header.shoff, count: header.shnum, entrySize: header.shentsize },
    ...{ field: "e_shentsize", what: "the section headers" },
  });
  const table = sections.find(({ type }) => type === ELF.SHT_SYMTAB);
  if (table === undefined || table.size === 0n) return [];
  const strings = sections[Number(table.link)];
  if (strings === undefined)
    throw badFile(`the symbol table's names are in section ${table.link}, which there is not`, table.link);
  requireBytes(bytes, strings.offset, strings.size, "the names of the symbols");
  const names = bytes.subarray(Number(strings.offset), Number(strings.offset + strings.size));
  const count = table.entsize === 0n ? 0n : table.size / table.entsize;
  if (count > mostSymbols) throw badFile(`the file has ${count} symbols, and ${mostSymbols} are read at most`, count);
  const symbols = readTable(bytes, bits, "symbol", {
    ...{ at: table.offset, count, entrySize: table.entsize },
    ...{ field: "the size of a symbol", what: "the symbol table" },
  });
  return symbols.flatMap(({ name, value, info, shndx }): ReadSymbol[] => {
    const type = info & 0xfn;
    if (shndx === 0n || shndx >= ELF.SHN_LORESERVE || type > ELF.STT_FUNC) return [];
    if (name >= BigInt(names.length)) throw badFile(`the name of a symbol is at ${hex(name)}, beyond the names`, name);
    const text = nameAt(names, Number(name));
    return text === "" ? [] : [{ name: text, value, isGlobal: info >> 4n === ELF.STB_GLOBAL }];
  });
}

/** Names longer than this are cut off, so that symbols that share one long name take no memory without end. */
const longestName = 4096;

function nameAt(names: Uint8Array, at: number): string {
  const end = names.indexOf(0, at);
  const length = Math.min((end < 0 ? names.length : end) - at, longestName);
  return new TextDecoder().decode(names.subarray(at, at + length));
}
