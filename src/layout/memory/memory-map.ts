/** The physical memory map: regions of memory, and the bytes that lie in them. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import type { GuestDescription } from "../description/description.ts";
import type { Chunk, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";

/** The size of a page of memory slots: KVM takes whole pages only (`KVM_SET_USER_MEMORY_REGION`). */
const pageBytes = 0x1000n;

/** MAXPHYADDR is at most 52 bits (SDM vol. 3A, 4.1.4). */
const physicalEnd = 1n << 52n;

/** Something with a place, for messages about two of them. */
interface Extent {
  readonly name: string;
  readonly at: PhysAddr;
  readonly size: bigint;
}

/** The regions of a description, in address order. */
export function memoryRegions({ memory }: GuestDescription): MemoryRegion[] {
  const regions = Object.entries(memory).map(([name, { at, size }]): MemoryRegion => {
    const region = { name, kind: "ram", at: toBytes(at)!, size: toBytes(size)! } as const;
    if (region.at % pageBytes !== 0n || region.size % pageBytes !== 0n) {
      throw new LayoutError(`memory.${name}: ${extentToText(region)} is not made of whole pages of 4096 bytes`, {
        code: "MISALIGNED",
        value: memory[name],
        hint: `the whole pages around it: ${pagesAround(region)}`,
      });
    }
    if (region.size === 0n || region.at + region.size > physicalEnd) {
      throw new LayoutError(
        region.size === 0n
          ? `memory.${name}: its size is 0`
          : `memory.${name}: ${extentToText(region)} runs past 2^52, the widest physical address`,
        { code: "BAD_DESCRIPTION", value: memory[name] },
      );
    }
    return region;
  });
  return sortWithoutOverlap(regions, (region) => `memory.${region.name}`);
}

/** The smallest range of whole pages that holds another, as a description gives it. */
function pagesAround({ at, size }: Omit<Extent, "name">): string {
  const first = at - (at % pageBytes);
  const last = at + size + ((pageBytes - ((at + size) % pageBytes)) % pageBytes);
  return `at ${hex(first)}, size "${sizeToText(last - first)}"`;
}

/** The chunks in address order; each must lie in memory, and no two at the same place. */
export function placeChunks(regions: readonly MemoryRegion[], chunks: readonly Chunk[]): Chunk[] {
  const extents = chunks
    .filter(({ bytes }) => bytes.length > 0)
    .map((chunk) => ({ chunk, name: chunk.name, at: chunk.at, size: BigInt(chunk.bytes.length) }));
  for (const extent of extents) requireMemory(regions, extent, extent.name);
  return sortWithoutOverlap(extents, ({ name }) => name).map(({ chunk }) => chunk);
}

function sortWithoutOverlap<E extends Extent>(extents: readonly E[], nameOf: (extent: E) => string): E[] {
  const sorted = extents.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  sorted.forEach((extent, i) => {
    const next = sorted[i + 1];
    if (next === undefined || extent.at + extent.size <= next.at) return;
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

/** Throws unless memory backs all of a range. */
export function requireMemory(regions: readonly MemoryRegion[], range: Omit<Extent, "name">, what: string): void {
  const missing = firstUnbacked(regions, range);
  if (missing === undefined) return;
  throw new LayoutError(`${what}: there is no memory at ${hex(missing)} of its physical ${extentToText(range)}`, {
    code: "NO_MEMORY",
    value: missing,
    hint:
      regions.length === 0
        ? "there is no memory at all"
        : `there is memory at ${regions.map((region) => `${extentToText(region)} (${region.name})`).join(", ")}`,
  });
}

/** Throws unless no memory backs any of a range. */
export function requireNoMemory(regions: readonly MemoryRegion[], range: Omit<Extent, "name">, what: string): void {
  const region = regions.find(({ at, size }) => at < range.at + range.size && range.at < at + size);
  if (region === undefined) return;
  throw new LayoutError(
    `${what}: it has backing "none", but memory.${region.name} backs some of its physical ${extentToText(range)}`,
    {
      code: "OVERLAP",
      value: region.name,
      hint: `leave backing out, or map physical addresses that memory.${region.name} does not have`,
    },
  );
}

function firstUnbacked(regions: readonly MemoryRegion[], { at, size }: Omit<Extent, "name">): PhysAddr | undefined {
  let next = at;
  for (const region of regions) if (region.at <= next && next < region.at + region.size) next = region.at + region.size;
  return next < at + size ? next : undefined;
}

/** A range as its first and last address. */
export function extentToText({ at, size }: Omit<Extent, "name">): string {
  return `${hex(at)}..${hex(at + size - 1n)}`;
}
