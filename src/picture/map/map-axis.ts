/** From addresses to places in a map. */

/** A stretch of addresses, from `from` to the byte before `to`. */
export interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

/** A stretch of the axis, drawn from `start` on with `length`, both in shares of the whole. */
export interface AxisPiece extends Stretch {
  readonly start: number;
  readonly length: number;
  /** Whether nothing lies there. */
  readonly isGap: boolean;
}

/** What the lengths of pieces stand for. */
export type AxisScale = "scaled" | "even";

/** The most of the axis that gaps take, all together, and that one of them does. */
const gapShares = { all: 0.4, one: 0.06 } as const;

/** How much longer a piece of an even axis is for twice as many bytes, beyond a page. */
const evenGrowth = 0.08;

/** An axis of addresses. */
export class MapAxis {
  readonly pieces: readonly AxisPiece[];

  private constructor(pieces: readonly Omit<AxisPiece, "start">[]) {
    const whole = pieces.reduce((sum, { length }) => sum + length, 0);
    let start = 0;
    this.pieces = pieces.map((piece) => {
      const length = piece.length / whole;
      start += length;
      return { ...piece, length, start: start - length };
    });
  }

  /**
   * To scale: as many bytes are as long everywhere, except that gaps are cut short. The axis begins at address 0.
   *
   * @param stretches may overlap; one at least
   */
  static scaled(stretches: readonly Stretch[]): MapAxis {
    const pieces = piecesOf(merge(stretches));
    const covered = pieces.reduce((sum, { from, to, isGap }) => (isGap ? sum : sum + Number(to - from)), 0);
    const gaps = pieces.filter(({ isGap }) => isGap).length;
    const longest = covered * Math.min(gapShares.one, gapShares.all / gaps);
    return new MapAxis(
      pieces.map((piece) => {
        const size = Number(piece.to - piece.from);
        return { ...piece, length: piece.isGap ? Math.min(size, longest) : size };
      }),
    );
  }

  /** Lengths grow with the logarithm of the size, so that everything has room for its name. */
  static even(stretches: readonly Stretch[]): MapAxis {
    const edges = [...new Set(stretches.flatMap(({ from, to }) => [from, to]))].toSorted((a, b) => (a < b ? -1 : 1));
    const runs = merge(stretches);
    let run = 0;
    const covered = edges.slice(0, -1).flatMap((from, i) => {
      const to = edges[i + 1]!;
      while (run < runs.length - 1 && runs[run]!.to <= from) run++;
      return from >= runs[run]!.from && to <= runs[run]!.to ? [{ from, to }] : [];
    });
    return new MapAxis(
      piecesOf(covered).map((piece) => {
        const doublings = Math.max(0, Math.log2(Number(piece.to - piece.from)) - 12);
        return { ...piece, length: piece.isGap ? 1 : 1 + doublings * evenGrowth };
      }),
    );
  }

  /** The place of an address that lies in a piece, or at the end of one: 0 to 1. */
  at(address: bigint): number {
    let [low, high] = [0, this.pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pieces[middle]!.from <= address) low = middle;
      else high = middle - 1;
    }
    const { from, to, start, length } = this.pieces[low]!;
    return start + (Number(address - from) / Number(to - from)) * length;
  }
}

/** Stretches in address order, those that touch or overlap as one. */
function merge(stretches: readonly Stretch[]): readonly Stretch[] {
  const runs: { from: bigint; to: bigint }[] = [];
  for (const { from, to } of stretches.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = runs.at(-1);
    if (last === undefined || from > last.to) runs.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return runs;
}

/** Stretches that do not overlap, and the gaps before and between them. */
function piecesOf(stretches: readonly Stretch[]): readonly (Stretch & { readonly isGap: boolean })[] {
  let end = 0n;
  return stretches.flatMap(({ from, to }) => {
    const gap = from > end ? [{ from: end, to: from, isGap: true }] : [];
    end = to;
    return [...gap, { from, to, isGap: false }];
  });
}
