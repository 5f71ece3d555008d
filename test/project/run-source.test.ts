import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { run } from "./child.ts";
import { packageRoot } from "./source-files.ts";

const runSource = (...words: string[]) => run(process.execPath, ["scripts/run-source.mjs", ...words]);

test("a program that runs from source knows its lines, its file, its words, and gets its signals", async () => {
  const program = "test/project/source-program.ts";
  const lines = [
    `listed at ${program}:4`,
    "made at source-program.ts:6:41",
    `in the file ${pathToFileURL(path.join(packageRoot, program)).href}`,
    "given two words",
    "",
  ];
  expect(await runSource(program, "two", "words")).toEqual({ status: 7, stdout: lines.join("\n"), stderr: "" });
});

test.each([
  ["what is no TypeScript", "const a = ;", /wrong\.ts:1:10:/],
  ["what throws", `const a: string = "a";\nthrow new Error(a);`, /wrong\.ts:2\n.*throw new Error\(a\);/s],
])("%s fails at its line", async (_, source, place) => {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-"));
  try {
    const file = path.join(folder, "wrong.ts");
    writeFileSync(file, source);
    const { status, stdout, stderr } = await runSource(file);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(place);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("programs run at once, each from what it was bundled to", async () => {
  const ended = await Promise.all(["1", "2", "3"].map((word) => runSource("test/project/source-program.ts", word)));
  expect(ended.map(({ stdout }) => /^given (.*)$/m.exec(stdout)?.[1])).toEqual(["1", "2", "3"]);
});
