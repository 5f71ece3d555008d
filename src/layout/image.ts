/**
 * The image: everything that a runner, a file format, a snapshot or a tool needs to know of a guest, as plain data.
 * The same description gives the same image, to the byte.
 */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import type { CpuState } from "./cpu-state.ts";

/** A range of guest-physical memory. What lies in none is not backed: the guest's access to it exits. */
export interface MemoryRegion {
  readonly name: string;
  readonly kind: "ram";
  readonly at: PhysAddr;
  /** In bytes; a multiple of 4096. */
  readonly size: bigint;
}

/** Bytes that lie in guest memory before the first instruction. Chunks are sorted and do not overlap. */
export interface Chunk {
  /** What put these bytes here: `code guest`, `page tables`, `gdt`. */
  readonly name: string;
  readonly at: PhysAddr;
  readonly bytes: Uint8Array;
}

/** Where in the author's TypeScript a byte was written. */
export type { SourceLocation } from "../core/source.ts";

/** A guest, ready to be loaded. Plain data: it can be cloned, compared and sent to another thread. */
export interface Image {
  /** Guest memory, in address order. */
  readonly memory: readonly MemoryRegion[];
  /** The bytes in it, in address order; what no chunk covers is zero. */
  readonly chunks: readonly Chunk[];
  /** The CPU at the guest's first instruction. */
  readonly cpu: CpuState;
}
