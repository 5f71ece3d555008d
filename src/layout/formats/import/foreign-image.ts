/** An image around code that guestwright has not assembled: memory, page tables, descriptors and the entry state. */
import { code16, code32, code64, type AnyCode } from "../../../asm/index.ts";
import { sizeToText, roundUp } from "../../../core/units.ts";
import { countTables } from "../../../paging/index.ts";
import type { Chunk, Image, ImageProgram, ImageWarning } from "../../image.ts";
import { layout } from "../../layout.ts";
import { smallestPage, type Range } from "../../memory/extent.ts";
import { badFile } from "./bad-file.ts";
import { foreignMappingName, foreignMappings, type ForeignMapping } from "./foreign-mappings.ts";

/** A mode that foreign code can start in. */
export type ForeignMode = "real16" | "protected32" | "long64";

/** Bytes that are to lie together. */
export interface ForeignPart {
  readonly name: string;
  /** Its address as the code sees it. */
  readonly virt: bigint;
  readonly phys: bigint;
  readonly bytes: Uint8Array;
  /** In bytes, with the zeros behind `bytes`; above 0. */
  readonly memorySize: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** Foreign code, and what it is to start with. */
export interface ForeignGuest {
  /** What the program is called. */
  readonly name: string;
  readonly mode: ForeignMode;
  /** The linear address of the first instruction; physical, where the mode has no paging. */
  readonly entry: bigint;
  /** In the order of their physical addresses, without overlap; the entry lies in one. */
  readonly parts: readonly ForeignPart[];
  readonly labels: Readonly<Record<string, bigint>>;
  /** Memory besides that of the parts. */
  readonly ram: readonly Range[];
  /** In bytes, a multiple of 4096; 0 for no stack. */
  readonly stackSize: bigint;
  /** The most memory that it may take, in bytes. */
  readonly memoryLimit: bigint;
}

/** What each mode needs besides the code. */
const modes = {
  real16: { bits: 16, code: (): AnyCode => code16().hlt(), segments: undefined },
  protected32: {
    bits: 32,
    code: (): AnyCode => code32().hlt(),
    segments: { code: { type: "code", bits: 32 }, data: { type: "data" } },
  },
  long64: {
    bits: 64,
    code: (): AnyCode => code64().hlt(),
    segments: { code: { type: "code", bits: 64 }, data: { type: "data" } },
  },
} as const;

/** The memory from 0 on that every PC has, 640 KiB: in real mode the vectors lie there. */
export const conventionalMemory: Range = { at: 0n, size: 0xa_0000n };

/**
 * Builds the image: a layout with one instruction where the code starts, whose place the code's own bytes then take.
 *
 * @throws LayoutError `BAD_FILE`
 */
export async function foreignImage(guest: ForeignGuest): Promise<Image> {
  const { name, mode, entry, parts } = guest;
  const { code, segments } = modes[mode];
  const ram = memoryOf(guest);
  const area = systemArea(guest, ram);
  const memory = merge([...ram, area.range].filter(({ size }) => size > 0n));
  const places =
    area.mappings ??
    memory.map(({ at, size }): ForeignMapping => ({ parts: [], virt: at, phys: at, size, access: "rwx" }));
  const names = new Map(
    places.map((place, i) => [place, area.mappings === undefined ? regionName(i) : foreignMappingName(place)]),
  );
  const place = places.find(({ virt, size }) => virt <= entry && entry < virt + size)!;
  const built = await layout({
    mode,
    memory: Object.fromEntries(memory.map((range, i) => [regionName(i), range])),
    ...(area.mappings === undefined
      ? {}
      : {
          paging: {
            tables: area.tables,
            map: Object.fromEntries(places.map((each) => [names.get(each)!, rangeOf(each)])),
          },
        }),
    ...(segments === undefined ? {} : { gdt: { at: area.range.at, segments } }),
    place: { [name]: { code: code(), in: names.get(place)!, offset: entry - place.virt } },
    cpu: {
      ...(guest.stackSize === 0n ? {} : { rsp: area.stackEnd }),
      ...(mode === "real16" ? { segments: { cs: Number((entry >> 4n) & 0xf000n) } } : {}),
    },
  }).build();
  const main = mainPart(guest);
  const chunks = parts.map((part): Chunk => ({ name: chunkName(guest, part, main), at: part.phys, bytes: part.bytes }));
  return {
    ...built,
    chunks: [
      ...built.chunks.filter((chunk) => chunk.name !== `code ${name}`),
      ...chunks.filter(({ bytes }) => bytes.length > 0),
    ].toSorted((a, b) => (a.at < b.at ? -1 : 1)),
    symbols: { ...built.symbols, ...labelSymbols(guest, main) },
    programs: [programOf(guest, main)],
    warnings: built.warnings.map(inTermsOfFiles),
  };
}

/** A mapping as a description has it. */
function rangeOf({ virt, phys, size, access }: ForeignMapping): Omit<ForeignMapping, "parts"> {
  return { virt, phys, size, access };
}

/** A file has no paths of a description. */
function inTermsOfFiles({ code, message }: ImageWarning): ImageWarning {
  return { code, message: message.replaceAll("paging.map.", "") };
}

function chunkName({ name }: ForeignGuest, part: ForeignPart, main: ForeignPart): string {
  return part === main ? `code ${name}` : `code ${name} ${part.name}`;
}

const regionName = (index: number): string => (index === 0 ? "ram" : `ram${index + 1}`);

function mainPart({ mode, parts, entry }: ForeignGuest): ForeignPart {
  const start = (part: ForeignPart): bigint => (mode === "long64" ? part.virt : part.phys);
  return parts.find((part) => start(part) <= entry && entry < start(part) + part.memorySize) ?? parts[0]!;
}

function programOf({ name, mode, parts, labels }: ForeignGuest, main: ForeignPart): ImageProgram {
  const part = ({ virt, phys, memorySize }: ForeignPart) => ({ origin: virt, phys, size: Number(memorySize) });
  return {
    ...{ name, mode: modes[mode].bits, labels, listing: [] },
    ...part(main),
    sections: parts.filter((each) => each !== main).map((each) => ({ name: each.name, ...part(each) })),
  };
}

/** Names as a layout gives them to its programs' labels. */
function labelSymbols({ name, labels }: ForeignGuest, main: ForeignPart): Readonly<Record<string, bigint>> {
  const entries = Object.entries(labels).map(([label, address]) => [`place.${name}.${label}`, address] as const);
  return { [`place.${name}`]: main.virt, ...Object.fromEntries(entries) };
}

/** Whole pages around all parts, and the memory that is asked for besides. */
function memoryOf({ mode, parts, ram, memoryLimit }: ForeignGuest): readonly Range[] {
  const pages = parts.map(({ phys, memorySize }) => {
    const at = phys - (phys % smallestPage);
    return { at, size: roundUp(phys + memorySize, smallestPage) - at };
  });
  const memory = merge([...pages, ...ram, ...(mode === "real16" ? [conventionalMemory] : [])]);
  const size = memory.reduce((sum, each) => sum + each.size, 0n);
  if (size <= memoryLimit) return memory;
  throw badFile(
    `the guest takes ${sizeToText(size)} of memory, and ${sizeToText(memoryLimit)} are allowed`,
    size,
    "raise memoryLimit (--memory-limit on the command line) if that is meant",
  );
}

/** Ranges in address order; those that overlap or touch become one. */
function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (const { at, size } of ranges.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    const last = merged.at(-1);
    if (last === undefined || last.at + last.size < at) merged.push({ at, size });
    else if (at + size > last.at + last.size) merged[merged.length - 1] = { at: last.at, size: at + size - last.at };
  }
  return merged;
}

/** Memory behind all other: the GDT, the page tables, the stack. */
interface SystemArea {
  /** The GDT lies at its beginning. */
  readonly range: Range;
  readonly tables: bigint;
  /** The first address behind the stack, which is the area's end. */
  readonly stackEnd: bigint;
  /** `undefined` where the mode has no paging. */
  readonly mappings: readonly ForeignMapping[] | undefined;
}

/** The tables map the area that they lie in, so that its size may change theirs, but hardly ever more often than this. */
const mostRounds = 8;

function systemArea({ mode, parts, stackSize, entry }: ForeignGuest, ram: readonly Range[]): SystemArea {
  const last = ram.at(-1)!;
  const at = last.at + last.size;
  if (mode === "real16") return { range: { at, size: 0n }, tables: 0n, stackEnd: 0n, mappings: undefined };
  const area = (tableBytes: bigint, mappings: readonly ForeignMapping[] | undefined): SystemArea => {
    const size = smallestPage + tableBytes + stackSize;
    return { range: { at, size }, tables: at + smallestPage, stackEnd: at + size, mappings };
  };
  if (mode === "protected32") return area(0n, undefined);
  let bytes = 0n;
  for (let round = 0; round < mostRounds; round++) {
    const planned = area(bytes, undefined);
    const mappings = foreignMappings(merge([...ram, planned.range]), parts);
    const counted = countTables({
      mode: "4-level",
      tables: planned.tables,
      mappings: mappings.map((each) => ({ ...each, name: foreignMappingName(each) })),
    });
    if (counted.bytes === bytes) return area(bytes, mappings);
    bytes = counted.bytes;
  }
  throw badFile("the page tables find no place", entry);
}
