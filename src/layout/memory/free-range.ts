/** The allocator: addresses that nothing has taken. */
import { holds, overlap, physicalEnd, type Range } from "./extent.ts";
import { roundUp } from "../../core/units.ts";

/** What is asked of free addresses. */
export interface RangeRequest {
  /** In bytes, above 0. */
  readonly size: bigint;
  /** What the first address is a multiple of, in bytes. */
  readonly align: bigint;
  /** The address that the range ends at or below; the end of physical addresses where not given. */
  readonly below?: bigint | undefined;
  /** Whether the highest range is wanted, and not the lowest. */
  readonly highest?: boolean;
}

/**
 * The lowest, or highest, range inside one of `within` that overlaps none of `taken`; `undefined` where there is none. The
 * same questions have the same answers, so that images stay the same.
 */
export function freeRange(
  within: readonly Range[],
  taken: readonly Range[],
  { size, align, below = physicalEnd, highest = false }: RangeRequest,
): Range | undefined {
  // A free range that cannot be moved further touches the edge of its region, of a range that is taken, or of the limit.
  const edges = highest
    ? [below, ...within.map((each) => each.at + each.size), ...taken.map(({ at }) => at)].map((end) => end - size)
    : [...within.map(({ at }) => at), ...taken.map((each) => each.at + each.size)].map((at) => roundUp(at, align));
  const ranges = edges
    .filter((at) => at >= 0n)
    .map((at) => ({ at: at - (at % align), size }))
    .filter((range) => range.at + size <= below && within.some((each) => holds(each, range)))
    .filter((range) => !taken.some((each) => overlap(each, range)))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1));
  return highest ? ranges.at(-1) : ranges[0];
}
