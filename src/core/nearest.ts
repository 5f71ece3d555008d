/** The name that somebody may have meant. */

/**
 * The name that takes the fewest slips of the pen to become `written`; `undefined` where none is near. A slip is a letter
 * too much, too few, or wrong, or two letters in the wrong order.
 *
 * @example
 * ```ts
 * nearest("movv", ["add", "mov"]); // "mov"
 * ```
 */
export function nearest(written: string, names: Iterable<string>): string | undefined {
  if (written.length > longest) return undefined;
  let best: string | undefined;
  let fewest = Math.min(3, Math.floor(written.length / 2) + 1);
  for (const name of names) {
    if (Math.abs(name.length - written.length) >= fewest) continue;
    const slips = distance(written.toLowerCase(), name.toLowerCase(), fewest);
    if (slips < fewest) [best, fewest] = [name, slips];
  }
  return best;
}

/** Names that are longer are not compared. */
const longest = 32;

/** How many slips lie between two words; `limit` where there are as many or more. */
function distance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let slips = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, beforeLast[j - 2]! + 1);
      row.push(slips);
    }
    if (Math.min(...row) >= limit) return limit;
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
