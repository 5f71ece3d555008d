/** The bytes that lie in guest memory, and whether there is memory where something needs it. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { Chunk, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText, overlap, smallestPage, type Range } from "./extent.ts";
import { sortWithoutOverlap, type PlaceKey } from "./place-key.ts";
import { behindAlias, hasMemory } from "./regions.ts";

/** What lies in memory, with the key that says where: a chunk on its way, or, without bytes, space that is kept free. */
export interface Content {
  readonly name: string;
  readonly at: PhysAddr;
  readonly content: Uint8Array | bigint;
  readonly key: PlaceKey;
}

/**
 * What has bytes, in address order; all of it must lie in memory, and no two at the same place. Zeros at the end of a chunk
 * take no bytes of the image where they are a page or more: memory is zero where no chunk lies.
 */
export function placeChunks(regions: readonly MemoryRegion[], contents: readonly Content[]): Chunk[] {
  const placed = contents.flatMap(({ name, at, content, key }) => {
    const bytes = typeof content === "bigint" ? undefined : content;
    const size = typeof content === "bigint" ? content : BigInt(content.length);
    if (size === 0n) return [];
    requireMemory(regions, { at, size }, name);
    return [{ name, at: behindAlias(regions, { at, size }), size, bytes, key }];
  });
  const extents = sortWithoutOverlap(placed, { nameOf: ({ name }) => name, keyOf: ({ key }) => key });
  return extents.flatMap(({ name, at, bytes }) => {
    const written = bytes === undefined ? undefined : withoutTrailingZeros(bytes);
    return written === undefined || written.length === 0 ? [] : [{ name, at, bytes: written }];
  });
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
