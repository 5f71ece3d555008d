/** ELF files from their parts. */
import { elfSize, ELF, encodeElf, type ElfClass } from "./elf-structs.ts";

/** Bytes that lie in the file once, however many segments and sections show them. */
export interface ElfContents {
  readonly bytes: Uint8Array;
  /** Their place in the file has the same remainder by 16 as this address. */
  readonly address: bigint;
}

/** A segment: what a loader looks at. */
export interface ElfSegment {
  readonly type: bigint;
  readonly flags: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly align: bigint;
  readonly contents: ElfContents;
}

/** A section: what debuggers and disassemblers look at. */
export interface ElfSection {
  readonly name: string;
  readonly type: bigint;
  readonly flags: bigint;
  readonly address: bigint;
  readonly align: bigint;
  readonly contents: ElfContents;
  /** Bytes from the beginning of the contents. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

/** A symbol. */
export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: bigint;
  readonly type: bigint;
  readonly isGlobal: boolean;
  /** `undefined` for one that belongs to none. */
  readonly section: ElfSection | undefined;
}

/** An ELF file. */
export interface ElfFile {
  readonly class: ElfClass;
  readonly machine: bigint;
  readonly entry: bigint;
  /** Bytes right behind the program headers, which some loaders look for at the beginning of a file. */
  readonly preamble: Uint8Array;
  /** Those that are loaded, in the order of their virtual addresses. */
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  /** Local ones first. */
  readonly symbols: readonly ElfSymbol[];
}

/** What the offset of contents in the file and their address have in common: the remainder by this. */
const congruence = 16n;

/** The bytes of an ELF file. */
export function writeElf(file: ElfFile): Uint8Array {
  const { class: bits, segments, sections, preamble } = file;
  const out = new FileBytes();
  const headerSize = ELF.EI_NIDENT + elfSize("fileHeader", bits);
  const programHeaderSize = elfSize("programHeader", bits);
  out.reserve(headerSize + programHeaderSize * segments.length);
  out.append(preamble, 0n);
  const offsets = new Map<ElfContents, bigint>();
  for (const { contents } of [...segments, ...sections]) {
    if (!offsets.has(contents)) offsets.set(contents, out.append(contents.bytes, contents.address));
  }
  const symbols = symbolTable(file);
  const names = new StringTable();
  const headers = [
    new Uint8Array(elfSize("sectionHeader", bits)),
    ...sections.map(({ name, type, flags, address, align, contents, offset, size }) =>
      encodeElf("sectionHeader", bits, {
        ...{ name: names.add(name), type, flags, addr: address, size: BigInt(size), addralign: align },
        ...{ offset: offsets.get(contents)! + BigInt(offset), link: 0n, info: 0n, entsize: 0n },
      }),
    ),
  ];
  const table = (
    name: string,
    type: bigint,
    bytes: Uint8Array,
    rest: { link?: number; info?: number; entsize?: number },
  ) => {
    const header = {
      name: names.add(name),
      type,
      flags: 0n,
      addr: 0n,
      size: 0n,
      addralign: type === ELF.SHT_SYMTAB ? 8n : 1n,
    };
    const { link = 0, info = 0, entsize = 0 } = rest;
    const content = name === ".shstrtab" ? names.bytes() : bytes;
    headers.push(
      encodeElf("sectionHeader", bits, {
        ...header,
        ...{ size: BigInt(content.length), offset: out.append(content, 0n) },
        ...{ link: BigInt(link), info: BigInt(info), entsize: BigInt(entsize) },
      }),
    );
  };
  table(".symtab", ELF.SHT_SYMTAB, symbols.bytes, {
    link: headers.length + 1,
    info: symbols.locals,
    entsize: elfSize("symbol", bits),
  });
  table(".strtab", ELF.SHT_STRTAB, symbols.strings, {});
  table(".shstrtab", ELF.SHT_STRTAB, new Uint8Array(), {});
  const shoff = out.append(concatenate(headers), 0n);
  const header = encodeElf("fileHeader", bits, {
    type: ELF.ET_EXEC,
    machine: file.machine,
    version: BigInt(ELF.EV_CURRENT),
    entry: file.entry,
    phoff: segments.length === 0 ? 0n : BigInt(headerSize),
    shoff,
    flags: 0n,
    ehsize: BigInt(headerSize),
    phentsize: BigInt(programHeaderSize),
    phnum: BigInt(segments.length),
    shentsize: BigInt(elfSize("sectionHeader", bits)),
    shnum: BigInt(headers.length),
    shstrndx: BigInt(headers.length - 1),
  });
  const identification = new Uint8Array(ELF.EI_NIDENT);
  identification.set([...ELF.MAGIC, bits === 32 ? ELF.ELFCLASS32 : ELF.ELFCLASS64, ELF.ELFDATA2LSB, ELF.EV_CURRENT]);
  const programHeaders = segments.map(({ type, flags, vaddr, paddr, align, contents }) => {
    const size = BigInt(contents.bytes.length);
    const offset = offsets.get(contents)!;
    return encodeElf("programHeader", bits, { type, flags, offset, vaddr, paddr, filesz: size, memsz: size, align });
  });
  return out.finish([identification, header, ...programHeaders]);
}

function symbolTable({ class: bits, sections, symbols }: ElfFile): {
  readonly bytes: Uint8Array;
  readonly strings: Uint8Array;
  /** How many entries are local, with the null entry that comes first. */
  readonly locals: number;
} {
  const strings = new StringTable();
  const entries = symbols.map(({ name, address, size, type, isGlobal, section }) =>
    encodeElf("symbol", bits, {
      name: strings.add(name),
      value: address,
      size,
      info: ((isGlobal ? ELF.STB_GLOBAL : 0n) << 4n) | type,
      other: 0n,
      shndx: section === undefined ? ELF.SHN_ABS : BigInt(sections.indexOf(section) + 1),
    }),
  );
  const none = new Uint8Array(elfSize("symbol", bits));
  const locals = symbols.filter(({ isGlobal }) => !isGlobal).length + 1;
  return { bytes: concatenate([none, ...entries]), strings: strings.bytes(), locals };
}

/** Strings one after another, each with a zero byte; the first is empty. */
class StringTable {
  readonly #parts: Uint8Array[] = [Uint8Array.of(0)];
  #size = 1;

  add(name: string): bigint {
    const part = new TextEncoder().encode(`${name}\0`);
    const at = this.#size;
    this.#parts.push(part);
    this.#size += part.length;
    return BigInt(at);
  }

  bytes(): Uint8Array {
    return concatenate(this.#parts);
  }
}

/** A file that grows at its end; its beginning is filled in last. */
class FileBytes {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  reserve(size: number): void {
    this.#size += size;
    this.#parts.push(new Uint8Array(size));
  }

  /** Appends bytes at an offset whose remainder is that of an address, and says where. */
  append(bytes: Uint8Array, address: bigint): bigint {
    const gap = Number(BigInt.asUintN(64, address - BigInt(this.#size)) % congruence);
    if (gap > 0) this.reserve(gap);
    const at = BigInt(this.#size);
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return at;
  }

  finish(beginning: readonly Uint8Array[]): Uint8Array {
    const bytes = concatenate(this.#parts);
    bytes.set(concatenate(beginning));
    return bytes;
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
