import { expect, test } from "vitest";
import { tsc } from "../project/child.ts";
import { filesUnder, textOf } from "../project/source-files.ts";
import { disagreements, expectedMessages, printedMessages, typeCost } from "./compiler.ts";

test("the compiler says what the fixtures expect, where they expect it, and nothing else", async () => {
  const files = filesUnder("test/types/fixtures", ".ts");
  const { stdout } = await tsc("-p", "test/types/fixtures", "--pretty", "false");
  const expected = files.flatMap((file) => expectedMessages(file, textOf(`test/types/fixtures/${file}`)));
  expect(disagreements(expected, printedMessages(stdout))).toEqual([]);
});

test("a message that is missing, in the wrong line, or not expected is found", () => {
  const source = "f(1); // error: one\n// error: two\n// error: three\nf(\n  2,\n);\n";
  const expected = expectedMessages("a.ts", source);
  expect(expected.map(({ line, text }) => [line, text])).toEqual([
    [1, "one"],
    [4, "two"],
    [4, "three"],
  ]);
  const printed = printedMessages(
    "x/a.ts(1,3): error TS1: not one.\nx/a.ts(5,3): error TS2: two\nx/a.ts(4,3): error TS3: so\n  because three\n",
  );
  expect(disagreements(expected, printed)).toEqual(["a.ts:4 should say: two", "a.ts:5 should not say: TS2: two"]);
});

test("the cost of types grows with what a program instantiates", async () => {
  const empty = await typeCost("export {};");
  const some = await typeCost(
    "type Up<N extends 0[]> = N['length'] extends 200 ? N : Up<[...N, 0]>; export let up: Up<[]>['length'] = 200;",
  );
  expect(some.instantiations).toBeGreaterThan(empty.instantiations + 200);
});
