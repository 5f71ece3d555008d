/**
 * The bits of the control registers that paging depends on, and what they say about a CPU
 * (SDM vol. 3A, 2.5 and 4.1; EFER: SDM vol. 4, IA32_EFER).
 */
import type { PhysAddr } from "../core/address.ts";
import type { PagingMode } from "./modes.ts";

/** Protection enable. */
export const CR0_PE = 0x1n;
/** Write protect: the supervisor cannot write to read-only pages either. */
export const CR0_WP = 0x1_0000n;
/** Paging. */
export const CR0_PG = 0x8000_0000n;
/** Page-size extensions: 4 MiB pages in 32-bit paging. */
export const CR4_PSE = 0x10n;
/** Physical-address extension: 8-byte entries. */
export const CR4_PAE = 0x20n;
/** Global pages. */
export const CR4_PGE = 0x80n;
/** 57-bit virtual addresses: 5-level paging. */
export const CR4_LA57 = 0x1000n;
/** Supervisor-mode execution prevention. */
export const CR4_SMEP = 0x10_0000n;
/** Supervisor-mode access prevention. */
export const CR4_SMAP = 0x20_0000n;
/** Protection keys for user-mode pages. */
export const CR4_PKE = 0x40_0000n;
/** Long mode enable. */
export const EFER_LME = 0x100n;
/** Long mode active: LME and paging are both on. */
export const EFER_LMA = 0x400n;
/** No-execute enable: bit 63 of entries is XD instead of reserved. */
export const EFER_NXE = 0x800n;

/** The registers that select a paging mode and its features. */
export interface PagingRegisters {
  readonly cr0: bigint;
  /** Holds the root table's address. */
  readonly cr3: PhysAddr;
  readonly cr4: bigint;
  readonly efer: bigint;
}

/** A CPU as its page walks see it. What is not said has the value that faults least. */
export interface PagingCpu extends PagingRegisters {
  /** MAXPHYADDR in bits, 32 to 52: CPUID.80000008H:EAX[7:0]. 52 where it is not given. */
  readonly maxPhysAddr?: number;
  /** Whether the CPU has 1 GiB pages: CPUID.80000001H:EDX.Page1GB[26]. True where it is not given. */
  readonly gigabytePages?: boolean;
  /** AMD's CPUs reserve bit 8 of the entries above the page directory. `"intel"` where it is not given. */
  readonly vendor?: "intel" | "amd";
  /** The rights of the sixteen protection keys, two bits each: access-disable and write-disable. 0 where not given. */
  readonly pkru?: number;
}

/**
 * The paging mode that the registers select, or `"off"` while CR0.PG is clear (SDM vol. 3A, 4.1.1).
 * EFER.LME counts, not LMA: the CPU sets LMA itself once paging is on.
 *
 * @example
 * ```ts
 * pagingModeOf({ cr0: CR0_PG | CR0_PE, cr3: 0x1000n, cr4: CR4_PAE, efer: 0n }); // "pae"
 * ```
 */
export function pagingModeOf(registers: PagingRegisters): PagingMode | "off" {
  if ((registers.cr0 & CR0_PG) === 0n) return "off";
  if ((registers.cr4 & CR4_PAE) === 0n) return "32-bit";
  if ((registers.efer & (EFER_LME | EFER_LMA)) === 0n) return "pae";
  return (registers.cr4 & CR4_LA57) === 0n ? "4-level" : "5-level";
}
