/** Images from static ELF files. */
import { hex } from "../../../core/hex.ts";
import { nearest } from "../../../core/nearest.ts";
import { show } from "../../../core/show.ts";
import { toBytes } from "../../../core/units.ts";
import type { Image } from "../../image.ts";
import { ELF } from "../elf/elf-structs.ts";
import { readElf, type ReadElf, type ReadSegment, type ReadSymbol } from "../elf/read-elf.ts";
import { requireOptions } from "../../layout-error.ts";
import { badFile } from "./bad-file.ts";
import { conventionalMemory, foreignImage, type ForeignPart } from "./foreign-image.ts";
import { badOption, importOptionNames, readImportOptions, type ImportOptions } from "./import-options.ts";

/** How an ELF file becomes an image. */
export interface ElfImportOptions extends ImportOptions {
  /**
   * Where the guest starts: `"entry"`, the default, at `e_entry`, in 64-bit mode for files of 64 bits and in 32-bit
   * protected mode for others; `"pvh"` at the address of its PVH note, in 32-bit protected mode with RAM below 640 KiB.
   */
  readonly start?: "entry" | "pvh";
  /**
   * The first instruction, instead of the one that `start` names: an address, also as text such as `"1MiB"`, or the name of
   * one of the file's symbols. The mode stays.
   */
  readonly entry?: number | bigint | string;
}

/**
 * An image of a static ELF file for x86: its segments at their physical addresses, memory around them, and a CPU in
 * 32-bit protected mode or, for files of 64 bits, in 64-bit mode. There the page tables map all memory at its own address,
 * and each segment at its virtual address with its rights. Labels are the file's symbols.
 *
 * @throws LayoutError `BAD_FILE` with what is wrong: headers that lie, offsets past the end, segments that overlap, another
 * machine, too much memory, an entry that is no symbol or not in executable bytes
 * @example
 * ```ts
 * using machine = await boot(await imageFromElf(await readFile("kernel.elf")));
 * ```
 */
export async function imageFromElf(bytes: Uint8Array, options: ElfImportOptions = {}): Promise<Image> {
  requireOptions("imageFromElf", ["start", "entry", ...importOptionNames], options);
  const imported = readImportOptions("elf", options);
  const elf = readElf(bytes);
  const isPvh = options.start === "pvh";
  const isLong = elf.class === 64 && !isPvh;
  const labels = labelsOf(elf.symbols);
  const asked = options.entry === undefined ? undefined : askedEntry(options.entry, labels);
  const start = startOf(elf, options.start ?? "entry");
  const entry =
    asked === undefined
      ? entryOf(elf, start, isLong, "the file starts")
      : entryOf(elf, asked, isLong, "the guest would start");
  return foreignImage({
    ...imported,
    ram: isPvh ? [conventionalMemory, ...imported.ram] : imported.ram,
    mode: isLong ? "long64" : "protected32",
    entry,
    parts: elf.segments.map(partOf),
    labels,
  });
}

function partOf({ index, vaddr, paddr, bytes, memorySize, flags }: ReadSegment): ForeignPart {
  return {
    ...{ name: `segment-${index}`, virt: vaddr, phys: paddr, bytes, memorySize },
    writable: (flags & ELF.PF_W) !== 0n,
    executable: (flags & ELF.PF_X) !== 0n,
  };
}

/** The address that the file itself starts at. */
function startOf({ entry, pvhEntry }: ReadElf, start: unknown): bigint {
  if (start !== "entry" && start !== "pvh") throw badFile('start: expected "entry" or "pvh"', start);
  if (start === "entry") return entry;
  if (pvhEntry === undefined) throw badFile("the file has no PVH note", undefined);
  return pvhEntry;
}

/** An address as it is; a symbol's, by its name. */
function askedEntry(entry: number | bigint | string, labels: Readonly<Record<string, bigint>>): bigint {
  const address = toBytes(entry);
  if (address !== undefined) return address;
  if (typeof entry !== "string") throw badOption("entry", "an address or the name of a symbol", entry);
  if (Object.hasOwn(labels, entry)) return labels[entry]!;
  const names = Object.keys(labels);
  const near = nearest(entry, names);
  const hint = near === undefined ? symbolsHint(names) : `did you mean ${near}?`;
  throw badFile(`the file has no ${names.length === 0 ? "symbols" : `symbol ${show(entry)}`}`, entry, hint);
}

/** How many symbols a hint lists. */
const MOST_SYMBOLS = 8;

function symbolsHint(names: readonly string[]): string {
  if (names.length === 0) return "give the address instead";
  const more = names.length > MOST_SYMBOLS ? `, and ${names.length - MOST_SYMBOLS} more` : "";
  return `it has ${names.slice(0, MOST_SYMBOLS).join(", ")}${more}`;
}

/** Without paging the code runs where it is loaded; linkers of kernels may have written the virtual address. */
function entryOf({ segments }: ReadElf, address: bigint, isLong: boolean, starts: string): bigint {
  const within = (at: bigint, { memorySize }: ReadSegment): boolean => at <= address && address < at + memorySize;
  const physical = segments.find((each) => within(each.paddr, each));
  const virtual = segments.find((each) => within(each.vaddr, each));
  const segment = isLong ? (virtual ?? physical) : (physical ?? virtual);
  if (segment === undefined) throw badFile(`${starts} at ${hex(address)}, which is in none of its segments`, address);
  if ((segment.flags & ELF.PF_X) === 0n) {
    throw badFile(`${starts} at ${hex(address)}, in segment ${segment.index}, which is not executable`, address);
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
