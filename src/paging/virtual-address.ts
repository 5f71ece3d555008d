/** Virtual addresses and the numbers of their 4 KiB pages. */
import type { VirtAddr } from "../core/address.ts";
import type { PagingModeRules } from "./modes.ts";

/** Whether an address is one that the mode has: in 48 or 57 bits, sign-extended; in 32, without more bits. */
export function isCanonical(rules: PagingModeRules, virt: bigint): boolean {
  if (rules.virtualBits === 32) return virt >> 32n === 0n;
  return BigInt.asUintN(64, BigInt.asIntN(rules.virtualBits, virt)) === virt;
}

/** The virtual address of a page by its number without sign extension, as an address of the mode. */
export function virtualAddress({ virtualBits }: PagingModeRules, page: number): VirtAddr {
  const address = BigInt(page) << 12n;
  return virtualBits === 32 ? address : BigInt.asUintN(64, BigInt.asIntN(virtualBits, address));
}
