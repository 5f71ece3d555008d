import { expect, test } from "vitest";
import { undocumented } from "./exported-docs.ts";
import { entryPoints, textOf } from "./source-files.ts";

test.each(entryPoints())("every export of $name has a doc comment", ({ file }) => {
  expect(undocumented(file, textOf)).toEqual([]);
});

test("the checker follows re-exports and finds what has none", () => {
  const files: Record<string, string> = {
    "src/index.ts": `export { a, type B as Bee } from "./a.ts"; export * from "./b/index.ts"; /** n */ export * as n from "./a.ts";`,
    "src/a.ts": `const a = 1; interface B {} export { a, type B }; export const hidden = 2;`,
    "src/b/index.ts": `import { a } from "../a.ts"; export type * from "../c.ts"; export { a as again };`,
    "src/c.ts": [
      `/** Said once. */\nexport function f(x: 1): 1;\nexport function f(x: 2): 2;\nexport function f(x: number) { return x; }`,
      `// not a doc comment\nexport type G = 1;`,
      `/** h */\n// a directive\nexport class H {}`,
      `/** i */ const before = 1;\nexport const i = before, j = before;`,
    ].join("\n"),
  };
  expect(undocumented("src/index.ts", (file) => files[file]!)).toEqual([
    "a (src/a.ts)",
    "Bee (src/a.ts)",
    "G (src/c.ts)",
    "i (src/c.ts)",
    "j (src/c.ts)",
    "again (src/a.ts)",
  ]);
});
