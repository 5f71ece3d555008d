/** Ranges of addresses, and their text. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";

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
