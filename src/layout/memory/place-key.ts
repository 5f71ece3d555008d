/** Which key of a description says where something begins, and the rule that no two of a kind overlap. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText, overlap, type Extent, type Range } from "./extent.ts";
import { freeRange } from "./free-range.ts";

/** The key that says where something begins. */
export interface PlaceKey {
  /** Its path: `stacks.main.phys`, `place.guest.offset`. */
  readonly path: string;
  /** The physical address that its value is counted from. */
  readonly from: PhysAddr;
  /** Where it may lead. */
  readonly within: readonly Range[];
  /** What it must not lead to there, besides what has content: memory that is mapped for something else. */
  readonly without?: readonly Range[];
  /** What the address is to be a multiple of, in bytes. */
  readonly align: bigint;
}

/** What a message calls a range, and the key that can move it. */
interface Naming<E extends Extent> {
  readonly nameOf: (extent: E) => string;
  readonly keyOf: (extent: E) => PlaceKey;
}

/** The extents in address order. Throws where two overlap. */
export function sortWithoutOverlap<E extends Extent>(extents: readonly E[], naming: Naming<E>): E[] {
  const { nameOf } = naming;
  const sorted = extents.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  sorted.forEach((extent, i) => {
    const next = sorted[i + 1];
    if (next === undefined || !overlap(extent, next)) return;
    throw new LayoutError(
      `${nameOf(extent)} and ${nameOf(next)} overlap: ${extentToText(extent)} and ${extentToText(next)}`,
      {
        code: "OVERLAP",
        value: [extent.name, next.name],
        hint: overlapHint([extent, next], sorted, naming),
      },
    );
  });
  return sorted;
}

/** What to do about two ranges that overlap: the values of their keys that lead to what none of the others has taken. */
function overlapHint<E extends Extent>([one, other]: readonly [E, E], all: readonly E[], { keyOf }: Naming<E>): string {
  const [first, second] = [other, one].flatMap((extent) => {
    const { path, from, within, without = [], align } = keyOf(extent);
    const others = [...all.filter((each) => each !== extent), ...without];
    const range = freeRange(within, others, { size: extent.size, align });
    return range === undefined ? [] : [{ extent, path, value: range.at - from }];
  });
  const pathOf = (extent: E): string => keyOf(extent).path;
  if (first === undefined)
    return `neither ${pathOf(other)} nor ${pathOf(one)} can lead to free memory: make the memory larger`;
  const set = `set ${first.path} to ${hex(first.value)}`;
  if (second !== undefined) return `${set}, or ${second.path} to ${hex(second.value)}: both are free`;
  return `${set}, which is free; ${pathOf(first.extent === one ? other : one)} cannot lead to free memory`;
}
