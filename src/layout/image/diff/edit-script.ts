/** What has to be removed from one list and added to it to get another: the fewest, found by Myers' greedy algorithm. */

/** Elements that are in one list only, between two that both lists have. */
export interface Edit {
  /** The index in the first list of the first element that is removed, or before which others are added. */
  readonly from: number;
  /** How many are removed. */
  readonly removed: number;
  /** The same in the second list. */
  readonly to: number;
  /** How many are added. */
  readonly added: number;
}

/** So many elements that differ are looked at one by one; lists that differ in more are taken as other lists. */
const mostDifferences = 1000;

/** The edits that make the second list of the first, in their order. Takes O((n + m) * differences). */
export function editScript(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const [old, now] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  if (old.length === 0 && now.length === 0) return [];
  const kept = longestCommon(old, now) ?? [];
  const edits: Edit[] = [];
  let [x, y] = [0, 0];
  for (const [keptX, keptY] of [...kept, [old.length, now.length] as const]) {
    if (keptX > x || keptY > y) {
      edits.push({ from: head + x, removed: keptX - x, to: head + y, added: keptY - y });
    }
    [x, y] = [keptX + 1, keptY + 1];
  }
  return edits;
}

/** The pairs of indices of equal elements on the shortest way; `undefined` where that is too long. */
function longestCommon(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] | undefined {
  const most = Math.min(a.length + b.length, mostDifferences);
  // On each diagonal, x - y, how far the way with so many differences gets in `a`.
  const reach = new Int32Array(2 * most + 3);
  const steps: Int32Array[] = [];
  for (let differences = 0; differences <= most; differences++) {
    steps.push(reach.slice(most + 1 - differences, most + 2 + differences));
    for (let diagonal = -differences; diagonal <= differences; diagonal += 2) {
      const at = most + 1 + diagonal;
      const isDown = diagonal === -differences || (diagonal !== differences && reach[at - 1]! < reach[at + 1]!);
      let x = isDown ? reach[at + 1]! : reach[at - 1]! + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      reach[at] = x;
      if (x >= a.length && x - diagonal >= b.length) return wayBack(steps, a.length, b.length);
    }
  }
  return undefined;
}

/** Follows the way from its end to its beginning. @param steps for each number of differences, how far the ways got before it */
function wayBack(steps: readonly Int32Array[], endX: number, endY: number): readonly (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  let [x, y] = [endX, endY];
  for (let differences = steps.length - 1; differences >= 0; differences--) {
    const reached = (diagonal: number): number => steps[differences]![diagonal + differences]!;
    const diagonal = x - y;
    const isDown =
      diagonal === -differences || (diagonal !== differences && reached(diagonal - 1) < reached(diagonal + 1));
    const fromDiagonal = isDown ? diagonal + 1 : diagonal - 1;
    const fromX = differences === 0 ? 0 : reached(fromDiagonal);
    const fromY = differences === 0 ? 0 : fromX - fromDiagonal;
    const [startX, startY] = differences === 0 ? [0, 0] : isDown ? [fromX, fromY + 1] : [fromX + 1, fromY];
    while (x > startX && y > startY) pairs.push([--x, --y]);
    [x, y] = [fromX, fromY];
  }
  return pairs.reverse();
}
