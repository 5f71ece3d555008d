/** What the maps of memory show. */
import type { Access } from "../../paging/index.ts";
import type { MemoryRegion } from "../../layout/index.ts";
import type { Stretch } from "./map-axis.ts";

/** What is drawn in one colour. */
export type RangeKind = MemoryRegion["kind"] | "unbacked" | "guard" | "code" | "tables" | "data" | "stack" | Access;

/** A range in a map. */
export interface MapRange extends Stretch {
  /** 0 for what makes up the address space, 1 for what lies in it. */
  readonly lane: 0 | 1;
  readonly kind: RangeKind;
  readonly name: string;
  /** What there is to say besides the name: `4KiB, r-x`. */
  readonly detail: string;
  /** What the page has more of it: an id. */
  readonly target: string | undefined;
}

/** A map of an address space. */
export interface MemoryMap {
  /** Part of the ids of its elements. */
  readonly id: string;
  readonly title: string;
  /** In address order, each before what lies in it. */
  readonly ranges: readonly MapRange[];
  /** How many more ranges there are, which are not told. */
  readonly more: number;
  /** How many digits addresses have. */
  readonly digits: number;
}

/** Ranges in address order; at one address those of the address space first. */
export function inOrder(ranges: readonly MapRange[]): readonly MapRange[] {
  return ranges.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.lane - b.lane));
}
