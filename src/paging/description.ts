/** What a person writes to get page tables, and what comes back. Plain data. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import type { PagingRegisters } from "./control-registers.ts";
import type { PageSize, PagingMode, TableName } from "./modes.ts";

/**
 * What may be done with a page: read, write, execute. Reading cannot be denied to a present page. Without `x` the
 * entry has XD set, which needs EFER.NXE; 32-bit paging has no XD, and there `x` must be asked for.
 */
export type Access = "r" | "rw" | "rx" | "rwx";

/**
 * The memory type of a page: an index into the PAT, or the two older bits of it.
 * After reset, index 0 is write-back, 1 write-through, 2 uncached-, 3 uncached, and 4 to 7 the same again
 * (SDM vol. 3A, 12.12.4).
 */
export type CacheSetting =
  | { readonly pat: number; readonly pwt?: never; readonly pcd?: never }
  | { readonly pat?: never; readonly pwt?: boolean; readonly pcd?: boolean };

/** A virtual range that translates to a physical range. */
export interface Mapping {
  /** Unique in its description; errors, walks and pictures use it. */
  readonly name: string;
  /** The first virtual address, in bytes; a multiple of the page size. */
  readonly virt: VirtAddr;
  /** The physical address that it translates to, in bytes; a multiple of the page size. */
  readonly phys: PhysAddr;
  /** In bytes; a multiple of the page size, not 0. */
  readonly size: bigint;
  readonly access: Access;
  /** Whether user mode (CPL 3) may use it too. False where not given. */
  readonly user?: boolean;
  /** G: the translation survives a reload of CR3. Needs CR4.PGE. */
  readonly global?: boolean;
  /** A, as if the CPU had used the pages already. */
  readonly accessed?: boolean;
  /** D, as if the CPU had written to the pages already. */
  readonly dirty?: boolean;
  /** PAT index 0 where not given. */
  readonly cache?: CacheSetting;
  /** The protection key, 0 to 15. 4- and 5-level paging only; needs CR4.PKE. */
  readonly key?: number;
  /** The bits that the CPU ignores: bits 9 to 11 of the entry from the lowest up, then 52 to 58 where the mode has them. */
  readonly software?: number;
  /** The size of every page, or the largest that addresses, size and the description allow. */
  readonly pageSize?: PageSize | "largest";
  /** Replaces whatever other mappings say about this range; large pages around it are split. */
  readonly override?: boolean;
}

/** A virtual range whose entries are not present but hold a value: a swap slot, a marker for the guest's handler. */
export interface AbsentMapping {
  /** Unique in its description. */
  readonly name: string;
  /** The first virtual address, in bytes; a multiple of the page size. */
  readonly virt: VirtAddr;
  /** In bytes; a multiple of the page size, not 0. */
  readonly size: bigint;
  /** The entry of each page: 4 or 8 bytes as the mode has them, with bit 0 (P) clear. */
  readonly payload: bigint;
  /** The size of page whose entries hold the payload: `"4KiB"` where not given. */
  readonly pageSize?: PageSize;
  /** Replaces whatever other mappings say about this range. */
  readonly override?: boolean;
}

/**
 * The flags of entries that refer to tables. What is not given is the union of what the pages below need: R/W if one
 * is writable, U/S if one is for user mode. XD stays clear, since the pages' own entries say it.
 */
export interface ParentFlags {
  readonly write?: boolean;
  readonly user?: boolean;
  /** False sets XD: nothing below can be executed. */
  readonly execute?: boolean;
  /** A, as if the CPU had used the entries already. */
  readonly accessed?: boolean;
  /** Bit 6, which is D in a page's entry: the CPU ignores it here, but some kernels set it. Not in a PAE PDPTE. */
  readonly dirty?: boolean;
  /** PWT: how the CPU caches the table that the entry refers to. */
  readonly pwt?: boolean;
  /** PCD: the same. */
  readonly pcd?: boolean;
}

/** An entry of the root that refers to the root itself, so that the tables appear in the address space. */
export interface RecursiveSlot {
  /** The index of the entry in the root: 0 to 511, or to 1023 in 32-bit paging. Not in PAE paging. */
  readonly slot: number;
  /** `"rwx"` where not given, the customary value. */
  readonly access?: Access;
  readonly user?: boolean;
}

/** Memory that tables may lie in. */
export interface TableRange {
  readonly at: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
}

/**
 * Gives the tables a place. It is asked once, with the size of all of them.
 *
 * @param size in bytes, a multiple of `align`
 * @param align in bytes: 4096
 */
export type TableAllocator = (size: bigint, align: bigint) => PhysAddr;

/** An address space to build. */
export interface PagingDescription {
  readonly mode: PagingMode;
  /**
   * Where the tables lie: from an address on, at the start of a range that must hold them, or where a function says.
   * They are contiguous: the root first, then level by level, each level in the order of virtual addresses.
   */
  readonly tables: PhysAddr | TableRange | TableAllocator;
  readonly mappings: readonly Mapping[];
  /** Entries that are not present but hold something. */
  readonly absent?: readonly AbsentMapping[];
  /** For mappings that do not say: one size, or the largest that fits (the default). */
  readonly pageSize?: PageSize | "largest";
  /**
   * The largest page that `"largest"` chooses. Without it, 1 GiB pages are not chosen, since not every CPU has them;
   * 2 MiB and 4 MiB pages are.
   */
  readonly largest?: PageSize;
  readonly parents?: ParentFlags;
  readonly recursive?: RecursiveSlot;
  /**
   * MAXPHYADDR: the width of the CPU's physical addresses in bits, 32 to 52. Without it, the widest that the mode has
   * (52; 40 in 32-bit paging): CPUs differ, and what is beyond those widths is wrong on every one of them.
   */
  readonly maxPhysAddr?: number;
  /** The most that the tables may take, in bytes. 256 MiB where not given. Checked before anything is allocated. */
  readonly budget?: bigint;
}

/** What tables need of the CPU so that they mean what their description says. */
export interface PagingRequirements {
  /** CR4.PSE: 32-bit tables with 4 MiB pages. */
  readonly pse: boolean;
  /** CR4.PAE: every mode but 32-bit. */
  readonly pae: boolean;
  /** CR4.LA57: 5-level paging. */
  readonly la57: boolean;
  /** CR4.PGE: some page is global. */
  readonly pge: boolean;
  /** CR4.PKE: some page has a protection key. */
  readonly pke: boolean;
  /** EFER.LME: 4- and 5-level paging. */
  readonly lme: boolean;
  /** EFER.NXE: some entry has XD set. */
  readonly nxe: boolean;
  /** CPUID.80000001H:EDX.Page1GB: some page is of 1 GiB. */
  readonly gigabytePages: boolean;
}

/** How many tables a description takes. */
export interface TableCount {
  readonly tables: number;
  /** In bytes: 4096 a table. */
  readonly bytes: bigint;
  /** From the root down. */
  readonly levels: readonly { readonly table: TableName; readonly tables: number }[];
  /** How many pages of each size are mapped. */
  readonly pages: Readonly<Partial<Record<PageSize, number>>>;
}

/** Page tables, ready to lie in memory. */
export interface PageTables {
  readonly mode: PagingMode;
  /** The root table's address, for CR3. */
  readonly root: PhysAddr;
  /** Where `bytes` lie. The root comes first, so this is the same as `root`. */
  readonly at: PhysAddr;
  /** All tables, one after another. */
  readonly bytes: Uint8Array;
  readonly count: TableCount;
  /** As they were described. */
  readonly mappings: readonly Mapping[];
  readonly absent: readonly AbsentMapping[];
  readonly requires: PagingRequirements;
  /** The least control-register values that `requires` comes to, with CR3 at the root and CR0.PE and PG set. */
  readonly registers: PagingRegisters;
}
