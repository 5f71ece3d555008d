/** Guest-physical memory as walks read it, and the address space that memory and a CPU make together. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import type { PagingCpu } from "./control-registers.ts";
import type { AbsentMapping, Mapping, PageTables } from "./description.ts";

/** Something to read guest-physical memory from. */
export interface PhysicalMemory {
  /**
   * The 32-bit little-endian word at a physical address, 0 to 2^32 - 1, or `undefined` where there is no memory.
   *
   * @param at in bytes, a multiple of 4, below 2^52: a number, since walks are hot and 52 bits fit one exactly
   */
  readonly readU32: (at: number) => number | undefined;
}

/** Bytes at a physical address: an image's chunk, page tables, a dump of guest memory. */
export interface MemoryChunk {
  readonly at: PhysAddr;
  readonly bytes: Uint8Array;
}

/** Physical memory together with the CPU whose walks read it: the address space that the guest sees. */
export interface AddressSpace {
  readonly memory: PhysicalMemory;
  readonly cpu: PagingCpu;
  /** What the ranges are called, so that walks and pictures can name them. */
  readonly mappings?: readonly Mapping[];
  readonly absent?: readonly AbsentMapping[];
  /** What is left unmapped on purpose, such as guard pages. */
  readonly gaps?: readonly AddressGap[];
}

/** A virtual range that is unmapped on purpose. */
export interface AddressGap {
  /** In words, as messages give it: `guard page below stack "main"`. */
  readonly what: string;
  readonly virt: VirtAddr;
  /** In bytes. */
  readonly size: bigint;
}

/**
 * Memory that consists of chunks. The bytes are read when asked for, so later changes to them are seen.
 *
 * @param chunks must not overlap
 * @param ram ranges that are memory beyond the chunks, in bytes: they read as zero
 */
export function memoryOf(
  chunks: Iterable<MemoryChunk>,
  ram: Iterable<{ readonly at: PhysAddr; readonly size: bigint }> = [],
): PhysicalMemory {
  const known = Array.from(chunks, ({ at, bytes }) => ({ from: Number(at), to: Number(at) + bytes.length, bytes }));
  const zero = Array.from(ram, ({ at, size }) => ({ from: Number(at), to: Number(at + size) }));
  let recent = known[0] ?? { from: 0, to: 0, bytes: new Uint8Array() };
  const readByte = (at: number): number | undefined => {
    const chunk = known.find(({ from, to }) => at >= from && at < to);
    if (chunk !== undefined) return chunk.bytes[at - chunk.from];
    return zero.some(({ from, to }) => at >= from && at < to) ? 0 : undefined;
  };
  /** A word that no chunk holds as a whole: at the edge of one, or beyond them all. */
  const readByBytes = (at: number): number | undefined => {
    let word = 0;
    for (let index = 3; index >= 0; index--) {
      const byte = readByte(at + index);
      if (byte === undefined) return undefined;
      word = (word << 8) | byte;
    }
    return word >>> 0;
  };
  return {
    readU32: (at) => {
      if (at < recent.from || at + 4 > recent.to) {
        const chunk = known.find(({ from, to }) => at >= from && at + 4 <= to);
        if (chunk === undefined) return readByBytes(at);
        recent = chunk;
      }
      const { bytes } = recent;
      const index = at - recent.from;
      return (bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24)) >>> 0;
    },
  };
}

/**
 * The address space that page tables make by themselves, with the names of their mappings.
 *
 * @param cpu what differs from the registers that the tables need at least: CR0.WP, a MAXPHYADDR, and the like
 * @example
 * ```ts
 * walk(addressSpaceOf(tables, { maxPhysAddr: 40 }), 0x1000n);
 * ```
 */
export function addressSpaceOf(tables: PageTables, cpu: Partial<PagingCpu> = {}): AddressSpace {
  const { mappings, absent } = tables;
  return { memory: memoryOf([tables]), cpu: { ...tables.registers, ...cpu }, mappings, absent };
}
