/** Images from static ELF files. */
import { hex } from "../../../core/hex.ts";
import type { Image } from "../../image.ts";
import { ELF } from "../elf/elf-structs.ts";
import { readElf, type ReadElf, type ReadSegment, type ReadSymbol } from "../elf/read-elf.ts";
import { badFile } from "./bad-file.ts";
import { conventionalMemory, foreignImage, type ForeignPart } from "./foreign-image.ts";
import { readImportOptions, type ImportOptions } from "./import-options.ts";

/** How an ELF file becomes an image. */
export interface ElfImportOptions extends ImportOptions {
  /**
   * Where the guest starts: `"entry"`, the default, at `e_entry`, in 64-bit mode for files of 64 bits and in 32-bit
   * protected mode for others; `"pvh"` at the address of its PVH note, in 32-bit protected mode with RAM below 640 KiB.
   */
  readonly start?: "entry" | "pvh";
}

/**
 * An image of a static ELF file for x86: its segments at their physical addresses, memory around them, and a CPU in
 * 32-bit protected mode or, for files of 64 bits, in 64-bit mode. There the page tables map all memory at its own address,
 * and each segment at its virtual address with its rights. Labels are the file's symbols.
 *
 * @throws LayoutError `BAD_FILE` with what is wrong: headers that lie, offsets past the end, segments that overlap, another
 * machine, too much memory
 * @example
 * ```ts
 * using machine = await boot(await imageFromElf(await readFile("kernel.elf")));
 * ```
 */
export async function imageFromElf(bytes: Uint8Array, options: ElfImportOptions = {}): Promise<Image> {
  const imported = readImportOptions("elf", options);
  const elf = readElf(bytes);
  const isLong = elf.class === 64 && options.start !== "pvh";
  const entry = entryOf(elf, options.start ?? "entry", isLong);
  const isPvh = options.start === "pvh";
  return foreignImage({
    ...imported,
    ram: isPvh ? [conventionalMemory, ...imported.ram] : imported.ram,
    mode: isLong ? "long64" : "protected32",
    entry,
    parts: elf.segments.map(partOf),
    labels: labelsOf(elf.symbols),
  });
}

function partOf({ index, vaddr, paddr, bytes, memorySize, flags }: ReadSegment): ForeignPart {
  return {
    ...{ name: `segment-${index}`, virt: vaddr, phys: paddr, bytes, memorySize },
    writable: (flags & ELF.PF_W) !== 0n,
    executable: (flags & ELF.PF_X) !== 0n,
  };
}

/** Without paging the code runs where it is loaded; linkers of kernels may have written the virtual address. */
function entryOf({ entry, segments, pvhEntry }: ReadElf, start: unknown, isLong: boolean): bigint {
  if (start !== "entry" && start !== "pvh") throw badFile('start: expected "entry" or "pvh"', start);
  if (start === "pvh" && pvhEntry === undefined) throw badFile("the file has no PVH note", undefined);
  const address = start === "pvh" ? pvhEntry! : entry;
  const within = (at: bigint, { memorySize }: ReadSegment): boolean => at <= address && address < at + memorySize;
  const physical = segments.find((each) => within(each.paddr, each));
  const virtual = segments.find((each) => within(each.vaddr, each));
  const segment = isLong ? (virtual ?? physical) : (physical ?? virtual);
  if (segment === undefined)
    throw badFile(`the file starts at ${hex(address)}, which is in none of its segments`, address);
  if ((segment.flags & ELF.PF_X) === 0n) {
    throw badFile(`the file starts at ${hex(address)}, in segment ${segment.index}, which is not executable`, address);
  }
  return !isLong && physical === undefined ? address - segment.vaddr + segment.paddr : address;
}

/** The symbols by name. Of several with one name the global one, else the first. */
function labelsOf(symbols: readonly ReadSymbol[]): Readonly<Record<string, bigint>> {
  const labels = new Map<string, ReadSymbol>();
  for (const symbol of symbols) {
    const known = labels.get(symbol.name);
    if (known === undefined || (symbol.isGlobal && !known.isGlobal)) labels.set(symbol.name, symbol);
  }
  return Object.fromEntries(Array.from(labels, ([name, { value }]) => [name, value]));
}
