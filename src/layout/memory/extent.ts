/** Ranges of addresses: their text, and the rule that no two of a kind overlap. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { LayoutError } from "../layout-error.ts";

/** A page, the unit of memory slots, in bytes: KVM takes whole pages only (`KVM_SET_USER_MEMORY_REGION`). */
export const smallestPage = 0x1000n;

/** MAXPHYADDR is at most 52 bits (SDM vol. 3A, 4.1.4). */
export const physicalEnd: bigint = 1n << 52n;

/** A range of addresses. */
export interface Range {
  readonly at: bigint;
  /** In bytes. */
  readonly size: bigint;
}

/** A range of physical addresses with a name, for messages about two of them. */
export interface Extent extends Range {
  readonly name: string;
  readonly at: PhysAddr;
}

/** Whether two ranges have an address in common. */
export function overlap(a: Range, b: Range): boolean {
  return a.at < b.at + b.size && b.at < a.at + a.size;
}

/** Whether one range holds all of another. */
export function holds(outer: Range, inner: Range): boolean {
  return outer.at <= inner.at && inner.at + inner.size <= outer.at + outer.size;
}

/** A range as its first and last address. */
export function extentToText({ at, size }: Range): string {
  return `${hex(at)}..${hex(at + size - 1n)}`;
}

/** The extents in address order. Throws where two overlap; `nameOf` says what a message calls one. */
export function sortWithoutOverlap<E extends Extent>(extents: readonly E[], nameOf: (extent: E) => string): E[] {
  const sorted = extents.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  sorted.forEach((extent, i) => {
    const next = sorted[i + 1];
    if (next === undefined || !overlap(extent, next)) return;
    throw new LayoutError(
      `${nameOf(extent)} and ${nameOf(next)} overlap: ${extentToText(extent)} and ${extentToText(next)}`,
      {
        code: "OVERLAP",
        value: [extent.name, next.name],
        hint: `begin ${nameOf(next)} at physical ${hex(extent.at + extent.size)} or above, or move ${nameOf(extent)}`,
      },
    );
  });
  return sorted;
}
