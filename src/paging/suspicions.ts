/** The words for what is legal but suspicious about a mapping, whoever finds it: in page tables or in a description. */
import type { PhysAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";

/** What a mapping can be suspicious for by itself, after what names the mapping. */
export const suspicions = {
  WRITABLE_AND_EXECUTABLE: "is writable and executable: the guest can run what it writes",
  USER_IN_UPPER_HALF: "is open to user mode in the upper half of the addresses, which is the kernel's by custom",
  GIGABYTE_PAGE: "has pages of 1 GiB, which not every CPU has (CPUID.80000001H:EDX.Page1GB)",
  WIDE_ADDRESS: "goes past physical addresses of 36 bits, the least that CPUs have",
} as const;

/** CPUs whose CPUID does not say how wide physical addresses are have 36 bits: SDM vol. 3A, 4.1.4. */
export const narrowestPhysicalEnd: PhysAddr = 1n << 36n;

/** Two mappings of one physical page under two memory types, which is undefined: SDM vol. 3A, 12.12.4. */
export function cacheAliasToText(one: string, other: string, at: PhysAddr): string {
  return `${one} and ${other} are the same memory at physical ${hex(at)} under two memory types`;
}
