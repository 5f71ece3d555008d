import fc from "fast-check";
import { expect, test } from "vitest";
import { editScript } from "../../../../src/layout/image/diff/edit-script.ts";

const list = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 24 });

/** The length of the longest list that both contain, by the table of textbooks. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array<number>(b.length + 1).fill(0);
  for (const element of a) {
    const next = [0];
    for (const [j, other] of b.entries()) {
      next.push(element === other ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    }
    row = next;
  }
  return row[b.length]!;
}

test("the edits make the second list of the first, are the fewest, and have something kept between them", () => {
  fc.assert(
    fc.property(list, list, (before, after) => {
      const edits = editScript(before, after);
      const made = before.slice();
      for (const { from, removed, to, added } of edits.toReversed()) {
        made.splice(from, removed, ...after.slice(to, to + added));
      }
      expect(made).toEqual(after);
      const differences = edits.reduce((sum, { removed, added }) => sum + removed + added, 0);
      expect(differences).toBe(before.length + after.length - 2 * longestCommon(before, after));
      for (const [i, { from, to }] of edits.entries()) {
        const last = edits[i - 1];
        if (last === undefined) continue;
        expect(from).toBeGreaterThan(last.from + last.removed);
        expect(from - last.from - last.removed).toBe(to - last.to - last.added);
      }
    }),
    { numRuns: 500 },
  );
});

test("lists that have little in common are replaced as a whole between their equal ends", () => {
  const numbers = (from: number): string[] => Array.from({ length: 4000 }, (_, i) => String(from + i));
  const before = ["head", ...numbers(0), "tail"];
  const after = ["head", ...numbers(10_000), "tail"];
  expect(editScript(before, after)).toEqual([{ from: 1, removed: 4000, to: 1, added: 4000 }]);
});
