import {
  addressSpaceOf,
  buildPageTables,
  higherHalf,
  offsetMap,
  type AddressSpace,
  type PagingDescription,
} from "../../src/paging/index.ts";

/** A small kernel's address space, with one of everything. */
export const kernel: PagingDescription = {
  mode: "4-level",
  tables: 0x10_0000n,
  mappings: [
    { name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" },
    { name: "data", virt: 0x1000n, phys: 0x5000n, size: 0x3000n, access: "rw" },
    { name: "hole", virt: 0x4000n, phys: 0x8000n, size: 0x1000n, access: "rwx" },
    { name: "user", virt: 0x40_0000n, phys: 0x20_0000n, size: 0x5000n, access: "rx", user: true },
    { name: "mmio", virt: 0x60_0000n, phys: 0xfee0_0000n, size: 0x1000n, access: "rw", cache: { pat: 3 } },
    offsetMap({
      name: "direct",
      phys: 0n,
      offset: higherHalf["4-level"],
      size: 0x40_2000n,
      access: "rw",
      global: true,
    }),
  ],
  absent: [{ name: "swap", virt: 0x8000n, size: 0x2000n, payload: 0xabcd00n }],
  recursive: { slot: 510 },
};

/** The address space of `kernel`, some of it changed. */
export function kernelSpace(change: Partial<PagingDescription> = {}): AddressSpace {
  return addressSpaceOf(buildPageTables({ ...kernel, ...change }));
}
