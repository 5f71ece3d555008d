/** The chunks and labels of an image as the sections and symbols of an ELF file. */
import type { Chunk, Image, ImageProgram, ImageSection } from "../../image.ts";
import { ELF, type ElfClass } from "./elf-structs.ts";
import type { ElfContents, ElfSection, ElfSymbol } from "./write-elf.ts";

/** A program, or a section of it that lies apart. */
interface Part extends Omit<ImageSection, "name"> {
  readonly program: ImageProgram;
  /** Whether it holds instructions; `undefined` where there is no listing to tell. */
  readonly hasCode: boolean | undefined;
}

/** A chunk and what an ELF file says of it. */
export interface ChunkSection {
  readonly chunk: Chunk;
  /** The linear address at which the guest finds it; the physical one where nothing maps it, or the file has too few bits. */
  readonly linear: bigint;
  /** PF_R, PF_W and PF_X. */
  readonly access: bigint;
  readonly part: Part | undefined;
}

/** The chunks of an image with their linear addresses and rights. `bits` is the size of the file's addresses. */
export function chunkSections(image: Image, bits: ElfClass): readonly ChunkSection[] {
  const parts = image.programs.flatMap(partsOf);
  return image.chunks.map((chunk) => {
    const part = parts.find(({ phys, size }) => phys === chunk.at && size > 0);
    const mappings = (image.paging?.mappings ?? []).filter(
      ({ phys, size }) => phys <= chunk.at && chunk.at < phys + size,
    );
    const linearBy = ({ virt, phys }: { readonly virt: bigint; readonly phys: bigint }): bigint =>
      virt + (chunk.at - phys);
    const mapping = mappings.find((each) => linearBy(each) === part?.origin) ?? mappings[0];
    const isWritable = mapping === undefined || mapping.access.includes("w");
    const isExecutable = part !== undefined && (part.hasCode ?? mapping?.access.includes("x") ?? true);
    const access = ELF.PF_R | (isWritable ? ELF.PF_W : 0n) | (isExecutable ? ELF.PF_X : 0n);
    const linear = mapping === undefined ? chunk.at.valueOf() : linearBy(mapping);
    const fits = linear + BigInt(chunk.bytes.length) <= 1n << BigInt(bits);
    return { chunk, linear: fits ? linear : chunk.at.valueOf(), access, part };
  });
}

function partsOf(program: ImageProgram): readonly Part[] {
  const { listing } = program;
  const isIn = (address: bigint, { origin, size }: ImageSection | ImageProgram): boolean =>
    address >= origin && address < origin + BigInt(size);
  return [program, ...program.sections].map((part) => ({
    ...{ program, origin: part.origin, phys: part.phys, size: part.size },
    hasCode:
      listing.length === 0
        ? undefined
        : listing.some(({ kind, address }) => kind === "instruction" && isIn(address, part)),
  }));
}

/** Where in a file's contents a chunk lies. */
export interface ChunkContents {
  readonly contents: ElfContents;
  /** Bytes from their beginning. */
  readonly offset: number;
}

/** A section for each chunk, named after it: `.code.guest`, `.page-tables`. */
export function elfSections(
  chunks: readonly ChunkSection[],
  contentsOf: (chunk: Chunk) => ChunkContents,
): ReadonlyMap<Chunk, ElfSection> {
  return new Map(
    chunks.map(({ chunk, linear, access }) => [
      chunk,
      {
        name: `.${chunk.name.replace("page tables", "page-tables").replaceAll(/\s+\.?/g, ".")}`,
        type: ELF.SHT_PROGBITS,
        flags:
          ELF.SHF_ALLOC |
          ((access & ELF.PF_W) === 0n ? 0n : ELF.SHF_WRITE) |
          ((access & ELF.PF_X) === 0n ? 0n : ELF.SHF_EXECINSTR),
        address: linear,
        align: 1n,
        size: chunk.bytes.length,
        ...contentsOf(chunk),
      },
    ]),
  );
}

/**
 * The labels as symbols: for each program a symbol of type FILE with its name, then its labels, which are local. Last
 * come the programs themselves, global. None has a size: GDB would name a sized symbol rather than a label inside it.
 */
export function elfSymbols(
  image: Image,
  chunks: readonly ChunkSection[],
  sections: ReadonlyMap<Chunk, ElfSection>,
): readonly ElfSymbol[] {
  const plain = { size: 0n, isGlobal: false, section: undefined };
  const locals = image.programs.flatMap((program): ElfSymbol[] => [
    { ...plain, name: program.name, address: 0n, type: ELF.STT_FILE },
    ...Object.entries(program.labels).map(([name, address]): ElfSymbol => {
      const found = partOf(program, chunks, address);
      if (found === undefined) return { ...plain, name, address, type: ELF.STT_NOTYPE };
      const linear = found.linear + (address - found.part.origin);
      return { ...plain, name, address: linear, type: ELF.STT_NOTYPE, section: sections.get(found.chunk) };
    }),
  ]);
  const programs = chunks.flatMap(({ chunk, linear, part }): ElfSymbol[] => {
    if (part === undefined || part.phys !== part.program.phys) return [];
    const type = part.hasCode === false ? ELF.STT_OBJECT : ELF.STT_FUNC;
    const { name } = part.program;
    return [{ name, address: linear, size: 0n, type, isGlobal: true, section: sections.get(chunk) }];
  });
  return [...locals, ...programs];
}

/** The chunk of a program's part that has a label; a label behind the last byte of a part belongs to it. */
function partOf(
  program: ImageProgram,
  chunks: readonly ChunkSection[],
  address: bigint,
): (ChunkSection & { readonly part: Part }) | undefined {
  const own = chunks.filter((each): each is ChunkSection & { readonly part: Part } => each.part?.program === program);
  const reach = (beyond: bigint) =>
    own.find(({ part: { origin, size } }) => address >= origin && address < origin + BigInt(size) + beyond);
  return reach(0n) ?? reach(1n);
}
