/**
 * What the compiler pays for chains of statements: its check time over that of a program of one statement, in turns,
 * medians.
 *
 * `node --conditions=guestwright-source --import tsx bench/types.ts [rounds]`
 */
import { chain, mixed, typeCost } from "../test/types/compiler.ts";

const rounds = Number(process.argv[2] ?? 5);
const lengths = [1, 1_000, 3_000];

const seconds = new Map<number, number[]>();
for (let round = 0; round < rounds; round++) {
  for (const length of lengths) {
    const { checkSeconds } = await typeCost(chain(length, mixed));
    seconds.set(length, [...(seconds.get(length) ?? []), checkSeconds]);
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const base = median(seconds.get(1)!);
const rows = lengths.map((length) => {
  const check = median(seconds.get(length)!);
  return [`${length} statements`, { "check, s": check.toFixed(2), "over one, s": (check - base).toFixed(2) }];
});
console.table(Object.fromEntries(rows));
