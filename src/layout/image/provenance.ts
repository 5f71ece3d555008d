/** Where the bytes of an image come from. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { codeAtPhysical, type CodePlace, codePlaceToText } from "../../core/code-place.ts";
import { hex } from "../../core/hex.ts";
import {
  pagingModeOf,
  pagingModes,
  ranges,
  tablePages,
  type Access,
  type AddressSpace,
  type EntryName,
} from "../../paging/index.ts";
import type { Image, ImageDescriptor, MemoryRegion } from "../image.ts";
import { imageAddressSpace } from "./address-space.ts";
import { shownBy } from "./seen-chunks.ts";

/** An address of the guest that leads to a byte of physical memory. */
export interface ReachingMapping {
  /** The mapping's name, where the image says it. */
  readonly name: string | undefined;
  readonly virt: VirtAddr;
  readonly access: Access;
  /** Whether user mode (CPL 3) may use it. */
  readonly user: boolean;
}

/** An entry of a table that the CPU reads. */
export interface TableEntryPlace {
  /** The table, or what the entries of page tables are called. */
  readonly kind: "gdt" | "ldt" | "idt" | EntryName;
  /** The entry's number in its table, from 0; of the IDT, the vector. */
  readonly index: number;
  /** The name of a segment; `undefined` where the entry has none. */
  readonly name: string | undefined;
  /** Of page tables: the first virtual address that the entry is for. */
  readonly virt: VirtAddr | undefined;
}

/** Where a byte of an image comes from. */
export interface Provenance {
  readonly physical: PhysAddr;
  /** `undefined` where the image has no region. */
  readonly region: MemoryRegion | undefined;
  /** Where the byte really lies: elsewhere than `physical` for one that an alias shows. */
  readonly backing: PhysAddr;
  /** What put it there, and how many bytes it lies behind the first; `undefined` where memory is zero. */
  readonly chunk: { readonly name: string; readonly offset: bigint } | undefined;
  readonly code: CodePlace | undefined;
  /** The entry of a table that the byte belongs to. */
  readonly entry: TableEntryPlace | undefined;
  /** How the guest's first page walk reaches the byte, in the order of virtual addresses; nothing without paging. */
  readonly mappings: readonly ReachingMapping[];
}

/**
 * Where a byte of guest-physical memory comes from.
 *
 * @example
 * ```ts
 * provenanceOf(image, 0x4001n).code?.source; // { file: "guest.ts", line: 14, column: 4 }
 * ```
 */
export function provenanceOf(image: Image, physical: PhysAddr): Provenance {
  const { memory, programs } = image;
  const region = memory.find(({ at, size }) => physical >= at && physical < at + size);
  const shown = region?.kind === "alias" ? shownBy(region, memory) : undefined;
  const backing = shown === undefined || region === undefined ? physical : shown + (physical - region.at);
  const chunk = image.chunks.find(({ at, bytes }) => backing >= at && backing < at + BigInt(bytes.length));
  const space = imageAddressSpace(image);
  return {
    physical,
    region,
    backing,
    chunk: chunk && { name: chunk.name, offset: backing - chunk.at },
    code: codeAtPhysical(programs, backing),
    entry: descriptorEntry(image, backing) ?? pagingEntry(space, physical),
    mappings: ranges(space)
      .ranges.filter(({ phys, size }) => physical >= phys && physical < phys + size)
      .map(({ name, virt, phys, access, user }) => ({ name, virt: virt + (physical - phys), access, user })),
  };
}

/** A table of descriptors. */
interface DescriptorTable {
  readonly kind: "gdt" | "ldt" | "idt";
  readonly chunk: string;
  readonly entries: readonly ImageDescriptor[];
  /** In bytes. */
  readonly entryBytes: number;
}

/** The size of a descriptor in a GDT or an LDT, where system segments of long mode take two, in bytes (SDM vol. 3A, 3.4.5). */
const descriptorBytes = 8;

function descriptorTables({ gdt, ldts, idt, mode }: Image): readonly DescriptorTable[] {
  const entryBytes = descriptorBytes;
  return [
    ...(gdt === undefined ? [] : [{ kind: "gdt", chunk: "gdt", entries: gdt.entries, entryBytes } as const]),
    ...ldts.map(({ name, entries }) => ({ kind: "ldt", chunk: `ldt ${name}`, entries, entryBytes }) as const),
    // The gates of each mode: SDM vol. 3A, 6.11 and 6.14.1; the vectors of real mode: vol. 3B, 21.1.4.
    ...(idt === undefined ? [] : [{ kind: "idt", chunk: "idt", entries: [], entryBytes: gateBytes(mode) } as const]),
  ];
}

function gateBytes(mode: Image["mode"]): number {
  if (mode === "real16") return 4;
  return mode === "long64" || mode === "compat32" ? 16 : 8;
}

function descriptorEntry(image: Image, physical: PhysAddr): TableEntryPlace | undefined {
  for (const { kind, chunk: name, entries, entryBytes } of descriptorTables(image)) {
    const chunk = image.chunks.find((each) => each.name === name);
    if (chunk === undefined || physical < chunk.at || physical >= chunk.at + BigInt(chunk.bytes.length)) continue;
    const index = Math.floor(Number(physical - chunk.at) / entryBytes);
    // The last that begins at or before it: some take two places.
    const entry = entries.findLast(({ selector }) => selector >> 3 <= index);
    return { kind, index: entry === undefined ? index : entry.selector >> 3, name: entry?.name, virt: undefined };
  }
  return undefined;
}

function pagingEntry(space: AddressSpace, physical: PhysAddr): TableEntryPlace | undefined {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return undefined;
  const { entryBytes, levels } = pagingModes[mode];
  for (const { at, table, virt } of tablePages(space)) {
    const level = levels.find((each) => each.table === table)!;
    const index = Number((physical - at) / BigInt(entryBytes));
    if (physical < at || index >= 2 ** level.indexBits) continue;
    const first = virt + (BigInt(index) << BigInt(level.shift));
    return { kind: level.entry, index, name: undefined, virt: BigInt.asUintN(64, first) };
  }
  return undefined;
}

/**
 * The same in one line: `0x4001: ram, code guest+0x1, guest:next (guest.ts:14), at 0x1001 through text (rx)`.
 */
export function provenanceToText({ physical, region, backing, chunk, code, entry, mappings }: Provenance): string {
  const at = (name: string, offset: bigint): string => (offset === 0n ? name : `${name}+${hex(offset)}`);
  const parts = [
    region === undefined ? "no region" : region.name,
    ...(backing === physical ? [] : [`the memory at ${hex(backing)}`]),
    chunk === undefined ? "zero" : at(chunk.name, chunk.offset),
    ...(code === undefined ? [] : [codePlaceToText(code)]),
    ...(entry === undefined ? [] : [entryToText(entry)]),
    ...mappings.map(({ name, virt, access }) => `at ${hex(virt)} through ${name ?? "a mapping"} (${access})`),
  ];
  return `${hex(physical)}: ${parts.join(", ")}`;
}

function entryToText({ kind, index, name, virt }: TableEntryPlace): string {
  const entry = `${kind} entry ${index}`;
  return virt === undefined ? (name === undefined ? entry : `${entry} ${name}`) : `${entry} for ${hex(virt)}`;
}
