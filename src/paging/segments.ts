/**
 * From mappings to segments: sorted, disjoint pieces of the address space, each owned by one mapping. Overlap is
 * settled here. Addresses are counted in 4 KiB pages from here on, so that each fits a number exactly: a virtual page
 * number has at most 45 bits, a physical one 40.
 */
import { hex } from "../core/hex.ts";
import type { AbsentMapping, Mapping, PagingDescription, RecursiveSlot } from "./description.ts";
import { pagingModes, type PagingModeRules } from "./modes.ts";
import { PagingError } from "./paging-error.ts";
import { virtualAddress } from "./virtual-address.ts";

/** What lies behind a piece of the address space. */
export type SegmentOwner =
  | { readonly kind: "mapping"; readonly mapping: Mapping }
  | { readonly kind: "absent"; readonly mapping: AbsentMapping }
  | { readonly kind: "recursive"; readonly slot: RecursiveSlot };

/** A piece of the address space. */
export interface Segment {
  /** The number of its first virtual page, without the sign extension. */
  readonly first: number;
  /** The number of the virtual page after its last. */
  readonly end: number;
  /** The number of its first physical page; 0 where there is none. */
  readonly frame: number;
  readonly owner: SegmentOwner;
}

/**
 * The segments of a description, in the order of virtual addresses.
 *
 * @throws PagingError `OVERLAP` where two mappings overlap and neither says `override`
 */
export function segmentsOf(description: PagingDescription): readonly Segment[] {
  const rules = pagingModes[description.mode];
  const base: Segment[] = [];
  const overriding: Segment[] = [];
  for (const mapping of description.mappings) {
    (mapping.override === true ? overriding : base).push(
      segment(rules, mapping, mapping.phys, { kind: "mapping", mapping }),
    );
  }
  for (const mapping of description.absent ?? []) {
    (mapping.override === true ? overriding : base).push(segment(rules, mapping, 0n, { kind: "absent", mapping }));
  }
  if (description.recursive !== undefined) {
    const pages = 2 ** (rules.levels[0]!.shift - 12);
    const first = description.recursive.slot * pages;
    base.push({ first, end: first + pages, frame: 0, owner: { kind: "recursive", slot: description.recursive } });
  }
  base.sort((a, b) => a.first - b.first);
  for (let index = 1; index < base.length; index++) {
    if (base[index]!.first < base[index - 1]!.end) throw overlap(rules, base[index - 1]!, base[index]!);
  }
  return overriding.reduce((segments, each) => cut(rules, segments, each), base);
}

function segment(rules: PagingModeRules, mapping: Mapping | AbsentMapping, phys: bigint, owner: SegmentOwner): Segment {
  const first = Number(BigInt.asUintN(rules.virtualBits, mapping.virt) >> 12n);
  return { first, end: first + Number(mapping.size >> 12n), frame: Number(phys >> 12n), owner };
}

/** Puts a segment in the place of what was there: what it covers goes, what it covers in part is cut. */
function cut(rules: PagingModeRules, segments: readonly Segment[], hole: Segment): Segment[] {
  const from = firstEndingAfter(segments, hole.first);
  const middle: Segment[] = [hole];
  let to = from;
  for (; to < segments.length && segments[to]!.first < hole.end; to++) {
    const each = segments[to]!;
    if (each.owner.kind === "recursive") throw overlap(rules, each, hole);
    if (each.first < hole.first) middle.unshift({ ...each, end: hole.first });
    if (each.end > hole.end) middle.push({ ...each, first: hole.end, frame: each.frame + hole.end - each.first });
  }
  return [...segments.slice(0, from), ...middle, ...segments.slice(to)];
}

/** The index of the first segment that ends after a page; the number of segments where none does. */
function firstEndingAfter(segments: readonly Segment[], page: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.end <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

function overlap(rules: PagingModeRules, a: Segment, b: Segment): PagingError {
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.end, b.end);
  const from = virtualAddress(rules, first);
  const recursive = a.owner.kind === "recursive" || b.owner.kind === "recursive";
  return new PagingError(
    `${nameOf(a.owner)} and ${nameOf(b.owner)} overlap at virtual ${hex(from)} to ${hex(from + (BigInt(last - first) << 12n) - 1n)}`,
    {
      code: "OVERLAP",
      value: from,
      hint: recursive
        ? "give the recursive slot a place of its own"
        : "move one of them, or say `override: true` on the one that wins",
    },
  );
}

/** A segment's owner as messages name it. */
export function nameOf(owner: SegmentOwner): string {
  return owner.kind === "recursive"
    ? `the recursive slot ${owner.slot.slot}`
    : `mapping ${JSON.stringify(owner.mapping.name)}`;
}
