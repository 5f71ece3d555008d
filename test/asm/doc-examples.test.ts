/** The bytes that the examples in doc comments promise: every one is assembled. */
import { transform } from "esbuild";
import * as asm from "guestwright/asm";
import { expect, test } from "vitest";
import { filesUnder, textOf } from "../project/source-files.ts";

/** An example whose last statement is code, and the bytes in the comment behind it. */
interface Example {
  readonly where: string;
  readonly body: string;
  readonly bytes: string;
}

const promise = /^(?<code>code(?:16|32|64)\(.*\)|\}\)); \/\/ (?<bytes>[0-9a-f]{2}(?: [0-9a-f]{2})*(?: \.\.\.)?)$/;

function examplesOf(file: string): Example[] {
  const comments = textOf(`src/asm/${file}`).matchAll(/@example\s+\* ```ts\n(?<fence>.*?)\* ```/gs);
  return [...comments].flatMap(({ groups, index }) => {
    const lines = groups!["fence"]!.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
    const last = lines.findLast((line) => line !== "") ?? "";
    const bytes = promise.exec(last)?.groups!["bytes"];
    if (bytes === undefined) return [];
    const body = lines.join("\n").trim();
    const start = body.lastIndexOf("\ncode") === -1 ? 0 : body.lastIndexOf("\ncode") + 1;
    return [{ where: `${file} at ${index}`, body: `${body.slice(0, start)}return ${body.slice(start)}`, bytes }];
  });
}

const examples = filesUnder("src/asm", ".ts").flatMap(examplesOf);

test("most of the builder's own methods have such an example", () => {
  expect(examples.length).toBeGreaterThan(30);
});

test.each(examples.map((each) => [each.where, each] as const))("%s", async (_, { body, bytes }) => {
  const { code: script } = await transform(`function example() {\n${body}\n}`, { loader: "ts" });
  // oxlint-disable-next-line typescript/no-implied-eval -- the example is a string, and running it is the test
  const make = new Function(...Object.keys(asm), `${script}\nreturn example();`) as (...all: unknown[]) => asm.AnyCode;
  const program = await asm.assemble(make(...Object.values(asm)));
  const written = Array.from(program.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (bytes.endsWith("...")) expect(written.startsWith(bytes.slice(0, -4))).toBe(true);
  else expect(written).toBe(bytes);
});
