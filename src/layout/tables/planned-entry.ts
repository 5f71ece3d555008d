/** A GDT or an LDT on its way: names and selectors first, since code and other tables use them; gates lead to labels. */
import type { GuestDescription } from "../description/description.ts";
import type { LdtDescription, SegmentDescription, TssDescription } from "../description/table-descriptions.ts";
import type { Descriptor } from "../descriptors/index.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { ImageDescriptor } from "../image.ts";
import { LayoutError } from "../layout-error.ts";

/** An entry that has its selector. */
export interface PlannedEntry {
  readonly name: string;
  /** Where the description has it. */
  readonly path: string;
  readonly selector: number;
  /** Bytes from the beginning of the table. */
  readonly offset: number;
  /** In bytes: 8, or 16 for system segments and gates of long mode. */
  readonly size: number;
  readonly description: SegmentDescription;
}

/** The table indicator of selectors of an LDT (SDM vol. 3A, figure 3-6). */
const localSelector = 4;

/** The most bytes that a descriptor table has: selectors hold a 13-bit index (SDM vol. 3A, 3.5.1). */
const mostBytes = 0x1_0000;

/** Whether system segments and gates have the forms of long mode. */
export function hasLongTables({ mode }: GuestDescription): boolean {
  return entryModes[mode].paging.includes("4-level");
}

/** The form of a mode's gates, and of the code that they lead to: in long mode 64-bit code. */
export function gateBits(description: GuestDescription): 16 | 32 | 64 {
  return hasLongTables(description) ? 64 : entryModes[description.mode].bits;
}

/** The form of a TSS: in long mode 64 bits, and nowhere else (SDM vol. 3A, table 3-2). */
export function taskBits(description: GuestDescription, path: string, { bits }: TssDescription): 16 | 32 | 64 {
  const usual = gateBits(description);
  if (bits === undefined || bits === usual) return usual;
  if (bits !== 64 && usual !== 64) return bits;
  throw new LayoutError(`${path}.bits: ${description.mode} has no TSS of ${bits} bits`, {
    code: "INCONSISTENT",
    value: bits,
    hint: usual === 64 ? "leave it out" : "give 16 or 32, or leave it out",
  });
}

/** The entries of a table, with their selectors. `path` is where the description has them. */
export function planEntries(
  path: string,
  segments: Readonly<Record<string, SegmentDescription>>,
  { isLocal, isLong }: { readonly isLocal: boolean; readonly isLong: boolean },
): readonly PlannedEntry[] {
  // JavaScript puts such keys first, whatever the order in which they are written.
  const number = Object.keys(segments).find((name) => /^\d+$/.test(name));
  if (number !== undefined) {
    throw new LayoutError(`${path}.${number}: a name that is a number would not keep its place in the table`, {
      code: "BAD_DESCRIPTION",
      value: number,
    });
  }
  // The first entry of a GDT is the null descriptor.
  let offset = isLocal ? 0 : 8;
  const entries = Object.entries(segments).map(([name, description]): PlannedEntry => {
    const isSegment = description.type === "code" || description.type === "data";
    const rpl = isSegment ? (description.dpl ?? 0) : 0;
    const entry = {
      name,
      path: `${path}.${name}`,
      selector: offset | (isLocal ? localSelector : 0) | rpl,
      offset,
      size: isLong && !isSegment ? 16 : 8,
      description,
    };
    offset += entry.size;
    return entry;
  });
  if (offset > mostBytes) {
    throw new LayoutError(`${path}: a descriptor table holds 8192 entries of 8 bytes, got ${offset / 8}`, {
      code: "BAD_DESCRIPTION",
      value: offset / 8,
    });
  }
  return entries;
}

/** The entries of an LDT. */
export function localEntries(
  { path }: PlannedEntry,
  { segments }: LdtDescription,
  isLong: boolean,
): readonly PlannedEntry[] {
  return planEntries(`${path}.segments`, segments, { isLocal: true, isLong });
}

/** The table's size in bytes. */
export function tableSize(entries: readonly PlannedEntry[]): number {
  return entries.reduce((end, { offset, size }) => Math.max(end, offset + size), 8);
}

/** The entries as the image has them. */
export function imageEntries(
  entries: readonly PlannedEntry[],
  descriptorOf: (entry: PlannedEntry) => Descriptor,
): readonly ImageDescriptor[] {
  return entries.map((entry) => ({ name: entry.name, selector: entry.selector, descriptor: descriptorOf(entry) }));
}
