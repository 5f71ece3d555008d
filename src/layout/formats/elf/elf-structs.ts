/** The structures of ELF files as tables, for 32 and 64 bits: System V ABI, chapters 4 and 5. Little-endian. */

/** The size of an ELF file's addresses, in bits. */
export type ElfClass = 32 | 64;

/** The names of the fields of each structure. */
interface FieldNames {
  fileHeader:
    | ("type" | "machine" | "version" | "entry" | "phoff" | "shoff" | "flags" | "ehsize" | "phentsize" | "phnum")
    | ("shentsize" | "shnum" | "shstrndx");
  programHeader: "type" | "offset" | "vaddr" | "paddr" | "filesz" | "memsz" | "flags" | "align";
  sectionHeader: "name" | "type" | "flags" | "addr" | "offset" | "size" | "link" | "info" | "addralign" | "entsize";
  symbol: "name" | "value" | "size" | "info" | "other" | "shndx";
}

type StructName = keyof FieldNames;

/** The values of a structure's fields. */
export type ElfValues<N extends StructName> = Readonly<Record<FieldNames[N], bigint>>;

/** A structure: the sizes of its fields in bytes, in files of 32 and of 64 bits, and their order. */
interface Struct<F extends string> {
  readonly sizes: Readonly<Record<F, readonly [bytes32: number, bytes64: number]>>;
  /** Where it differs from that of `sizes`. */
  readonly order64?: readonly F[];
}

const structs: { readonly [N in StructName]: Struct<FieldNames[N]> } = {
  /** What follows the identification. */
  fileHeader: {
    sizes: {
      type: [2, 2],
      machine: [2, 2],
      version: [4, 4],
      entry: [4, 8],
      phoff: [4, 8],
      shoff: [4, 8],
      flags: [4, 4],
      ehsize: [2, 2],
      phentsize: [2, 2],
      phnum: [2, 2],
      shentsize: [2, 2],
      shnum: [2, 2],
      shstrndx: [2, 2],
    },
  },
  programHeader: {
    sizes: {
      type: [4, 4],
      offset: [4, 8],
      vaddr: [4, 8],
      paddr: [4, 8],
      filesz: [4, 8],
      memsz: [4, 8],
      flags: [4, 4],
      align: [4, 8],
    },
    order64: ["type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align"],
  },
  sectionHeader: {
    sizes: {
      name: [4, 4],
      type: [4, 4],
      flags: [4, 8],
      addr: [4, 8],
      offset: [4, 8],
      size: [4, 8],
      link: [4, 4],
      info: [4, 4],
      addralign: [4, 8],
      entsize: [4, 8],
    },
  },
  symbol: {
    sizes: { name: [4, 4], value: [4, 8], size: [4, 8], info: [1, 1], other: [1, 1], shndx: [2, 2] },
    order64: ["name", "info", "other", "shndx", "value", "size"],
  },
};

/** The fields of a structure as they follow each other. */
function layoutOf(name: StructName, bits: ElfClass): readonly (readonly [field: string, bytes: number])[] {
  const { sizes, order64 }: Struct<string> = structs[name];
  const fields = bits === 64 && order64 !== undefined ? order64 : Object.keys(sizes);
  return fields.map((field) => [field, sizes[field]![bits === 32 ? 0 : 1]]);
}

/** The size of a structure in bytes. */
export function elfSize(name: StructName, bits: ElfClass): number {
  return layoutOf(name, bits).reduce((sum, [, bytes]) => sum + bytes, 0);
}

/** A structure's bytes. Values must fit their fields. */
export function encodeElf<N extends StructName>(name: N, bits: ElfClass, values: ElfValues<N>): Uint8Array {
  const bytes = new Uint8Array(elfSize(name, bits));
  let at = 0;
  for (const [field, size] of layoutOf(name, bits)) {
    let value = (values as Readonly<Record<string, bigint>>)[field]!;
    for (let i = 0; i < size; i++, value >>= 8n) bytes[at++] = Number(value & 0xffn);
  }
  return bytes;
}

/** A structure's values, read from bytes that hold all of it from `at` on. */
export function decodeElf<N extends StructName>(name: N, bits: ElfClass, bytes: Uint8Array, at: number): ElfValues<N> {
  const values: Record<string, bigint> = {};
  for (const [field, size] of layoutOf(name, bits)) {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
    values[field] = value;
    at += size;
  }
  return values as ElfValues<N>;
}

/** Numbers of the System V ABI and its supplement for each machine, by their names there. */
export const ELF = {
  /** 0x7f, `ELF`. */
  MAGIC: [0x7f, 0x45, 0x4c, 0x46],
  ELFCLASS32: 1,
  ELFCLASS64: 2,
  ELFDATA2LSB: 1,
  EV_CURRENT: 1,
  ET_EXEC: 2n,
  EM_386: 3n,
  EM_X86_64: 62n,
  PT_LOAD: 1n,
  PT_DYNAMIC: 2n,
  PT_INTERP: 3n,
  PT_NOTE: 4n,
  PF_X: 1n,
  PF_W: 2n,
  PF_R: 4n,
  SHT_PROGBITS: 1n,
  SHT_SYMTAB: 2n,
  SHT_STRTAB: 3n,
  SHT_NOTE: 7n,
  SHF_WRITE: 1n,
  SHF_ALLOC: 2n,
  SHF_EXECINSTR: 4n,
  SHN_ABS: 0xfff1n,
  SHN_LORESERVE: 0xff00n,
  STT_NOTYPE: 0n,
  STT_OBJECT: 1n,
  STT_FUNC: 2n,
  STT_FILE: 4n,
  STB_GLOBAL: 1n,
  /** The size of the identification in bytes. */
  EI_NIDENT: 16,
} as const;
