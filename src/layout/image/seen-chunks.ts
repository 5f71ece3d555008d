/** The bytes of an image as the guest sees them: where they lie, and through aliases once more. */
import type { Chunk, Image, MemoryRegion } from "../image.ts";

type Alias = Extract<MemoryRegion, { kind: "alias" }>;

/** The physical address of the memory that an alias shows, at its first byte; `undefined` where there is none. */
export function shownBy({ of, offset }: Alias, memory: readonly MemoryRegion[]): bigint | undefined {
  const region = memory.find(({ name }) => name === of);
  return region === undefined ? undefined : region.at + offset;
}

/** The chunks of an image, and their parts that aliases show, in address order. No bytes are copied. */
export function seenChunks({ chunks, memory }: Pick<Image, "chunks" | "memory">): readonly Chunk[] {
  const shown = memory.flatMap((region): Chunk[] => {
    const from = region.kind === "alias" ? shownBy(region, memory) : undefined;
    if (from === undefined) return [];
    return chunks.flatMap(({ name, at, bytes }): Chunk[] => {
      const first = from > at ? Number(from - at) : 0;
      const end = Number(from + region.size - at);
      if (first >= bytes.length || end <= 0) return [];
      return [{ name, at: at + BigInt(first) + (region.at - from), bytes: bytes.subarray(first, end) }];
    });
  });
  return shown.length === 0 ? chunks : [...chunks, ...shown].toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
