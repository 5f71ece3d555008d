/** The bytes that lie in guest memory, and whether there is memory where something needs it. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { Chunk, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { type Extent, extentToText, holds, overlap, smallestPage, sortWithoutOverlap, type Range } from "./extent.ts";
import { hasMemory } from "./regions.ts";

/**
 * The chunks in address order; each must lie in memory, and no two at the same place, nor where `reserved` is. Zeros at the
 * end of a chunk take no bytes of the image where they are a page or more: memory is zero where no chunk lies.
 */
export function placeChunks(
  regions: readonly MemoryRegion[],
  chunks: readonly Chunk[],
  reserved: readonly Extent[],
): Chunk[] {
  const placed = chunks
    .filter(({ bytes }) => bytes.length > 0)
    .map((chunk) => {
      const size = BigInt(chunk.bytes.length);
      requireMemory(regions, { at: chunk.at, size }, chunk.name);
      return { ...chunk, at: behindAlias(regions, { at: chunk.at, size }), size };
    });
  const extents = sortWithoutOverlap<Extent & { readonly bytes?: Uint8Array }>(
    [...placed, ...reserved],
    ({ name }) => name,
  );
  return extents.flatMap(({ name, at, bytes }) => {
    const written = bytes === undefined ? undefined : withoutTrailingZeros(bytes);
    return written === undefined || written.length === 0 ? [] : [{ name, at, bytes: written }];
  });
}

/** Where the memory is that a range shows: elsewhere, where it lies in an alias. */
function behindAlias(regions: readonly MemoryRegion[], range: Range): PhysAddr {
  const alias = regions.find((region) => region.kind === "alias" && holds(region, range));
  if (alias?.kind !== "alias") return range.at;
  return regions.find(({ name }) => name === alias.of)!.at + alias.offset + range.at - alias.at;
}

function withoutTrailingZeros(bytes: Uint8Array): Uint8Array {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return bytes.length - end < Number(smallestPage) ? bytes : bytes.slice(0, end);
}

/** Throws unless memory backs all of a range. */
export function requireMemory(regions: readonly MemoryRegion[], range: Range, what: string): void {
  const missing = firstUnbacked(regions.filter(hasMemory), range);
  if (missing === undefined) return;
  throw new LayoutError(`${what}: there is no memory at ${hex(missing)} of its physical ${extentToText(range)}`, {
    code: "NO_MEMORY",
    value: missing,
    hint: whereMemoryIs(regions, range),
  });
}

/** What there is instead: a window where memory was wanted, or memory elsewhere. */
function whereMemoryIs(regions: readonly MemoryRegion[], wanted: Range): string {
  const window = regions.find((region) => !hasMemory(region) && overlap(region, wanted));
  if (window !== undefined) {
    return `memory.${window.name} is ${window.kind} and has none; a mapping of it says backing "none"`;
  }
  const memory = regions.filter(hasMemory).map((region) => `${extentToText(region)} (${region.name})`);
  return memory.length === 0 ? "there is no memory at all" : `there is memory at ${memory.join(", ")}`;
}

/** Throws unless no memory backs any of a range. */
export function requireNoMemory(regions: readonly MemoryRegion[], range: Range, what: string): void {
  const region = regions.find((each) => hasMemory(each) && overlap(each, range));
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

function firstUnbacked(regions: readonly MemoryRegion[], { at, size }: Range): PhysAddr | undefined {
  let next = at;
  for (const region of regions) if (region.at <= next && next < region.at + region.size) next = region.at + region.size;
  return next < at + size ? next : undefined;
}
