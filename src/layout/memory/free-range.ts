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

/** A request that is made together with others. */
export interface SharedRequest extends RangeRequest {
  /** Where the range may lie. */
  readonly within: readonly Range[];
  /** What to throw where there is none. @param left the most bytes that are free there in one piece */
  readonly refusal: (left: bigint) => Error;
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

/**
 * A range for each request, none over another: found in their order, and where that leaves one without, those first that have
 * the least to choose from.
 *
 * @throws what the request says that is left without
 */
export function freeRanges(requests: readonly SharedRequest[], taken: readonly Range[]): readonly Range[] {
  const inOrder = requests.map((_, index) => index);
  const found = rangesInTurn(requests, inOrder, taken);
  if (!("without" in found)) return found;
  const narrowFirst = inOrder.toSorted((a, b) => compareChoice(requests[a]!, requests[b]!));
  const second = rangesInTurn(requests, narrowFirst, taken);
  if (!("without" in second)) return second;
  const { without, used } = found;
  throw without.refusal(largestGap(without, used));
}

function rangesInTurn(
  requests: readonly SharedRequest[],
  turns: readonly number[],
  taken: readonly Range[],
): readonly Range[] | { readonly without: SharedRequest; readonly used: readonly Range[] } {
  const used = [...taken];
  const ranges: Range[] = [];
  for (const turn of turns) {
    const request = requests[turn]!;
    const range = freeRange(request.within, used, request);
    if (range === undefined) return { without: request, used };
    used.push(range);
    ranges[turn] = range;
  }
  return ranges;
}

const room = ({ within }: SharedRequest): bigint => within.reduce((sum, { size }) => sum + size, 0n);

/** Whole pages are harder to find than parts of one, and many harder than few. */
function compareChoice(a: SharedRequest, b: SharedRequest): number {
  for (const difference of [b.align - a.align, room(a) - room(b), b.size - a.size]) {
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return 0;
}

/** The most bytes in one piece that a request could have: always fewer than it wants, where it gets none. */
function largestGap({ within, align }: SharedRequest, taken: readonly Range[]): bigint {
  let largest = 0n;
  for (const { at, size } of within) {
    let next = at;
    const inside = taken.filter((each) => overlap(each, { at, size })).toSorted((a, b) => (a.at < b.at ? -1 : 1));
    for (const each of [...inside, { at: at + size, size: 0n }]) {
      const gap = each.at - roundUp(next, align);
      if (gap > largest) largest = gap;
      if (each.at + each.size > next) next = each.at + each.size;
    }
  }
  return largest;
}
