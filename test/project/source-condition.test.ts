import { expect, test } from "vitest";
import { entryPoints } from "./source-files.ts";

test.each(entryPoints())("tests that import $name get $file", async ({ name, file }) => {
  const byName = (await import(/* @vite-ignore */ name)) as object;
  const byPath = (await import(/* @vite-ignore */ `../../${file}`)) as object;
  expect(byName).toBe(byPath);
});
