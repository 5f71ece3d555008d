/** Mappings that follow a rule. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import type { Mapping } from "./description.ts";
import type { PagingMode } from "./modes.ts";

/**
 * The first address of the upper half of each mode's address space, where kernels live: the half whose addresses have
 * their top bit set.
 */
export const higherHalf: Readonly<Record<PagingMode, VirtAddr>> = {
  "32-bit": 0x8000_0000n,
  pae: 0x8000_0000n,
  "4-level": 0xffff_8000_0000_0000n,
  "5-level": 0xff00_0000_0000_0000n,
};

/**
 * A mapping whose virtual addresses are its physical ones.
 *
 * @example
 * ```ts
 * identityMap({ name: "ram", at: 0x0n, size: 1n << 30n, access: "rwx" });
 * // { name: "ram", virt: 0x0n, phys: 0x0n, size: 0x40000000n, access: "rwx" }
 * ```
 */
export function identityMap({ at, ...rest }: Omit<Mapping, "virt" | "phys"> & { readonly at: PhysAddr }): Mapping {
  return { ...rest, virt: at.valueOf(), phys: at };
}

/**
 * A mapping whose virtual addresses are its physical ones plus an offset, in bytes. With `higherHalf` as the offset it
 * is the direct map that many kernels keep.
 *
 * @example
 * ```ts
 * offsetMap({ name: "direct", phys: 0x0n, offset: higherHalf["4-level"], size: 1n << 30n, access: "rw" });
 * // { name: "direct", virt: 0xffff800000000000n, phys: 0x0n, … }
 * ```
 */
export function offsetMap({ offset, ...rest }: Omit<Mapping, "virt"> & { readonly offset: bigint }): Mapping {
  return { ...rest, virt: rest.phys + offset };
}
