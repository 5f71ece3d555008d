import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { fromSource, outsideOfVitest, run, tsc } from "./child.ts";
import { typeScriptFences, type FenceRun } from "./fences.ts";
import { filesUnder, packageRoot, textOf } from "./source-files.ts";
import { userProject } from "./user-project.ts";

const documents = [
  "README.md",
  ...["ARCHITECTURE.md", "CONTRIBUTING.md", "docs"].flatMap((name) => {
    if (!existsSync(path.join(packageRoot, name))) return [];
    return name.endsWith(".md") ? [name] : filesUnder(name, ".md").map((file) => `${name}/${file}`);
  }),
];
const programs = documents.flatMap((document) =>
  typeScriptFences(textOf(document)).map((fence) => {
    const isTest = /from "vitest"/.test(fence.code);
    // A fence that others import begins with its name.
    const [, name] = /^\/\/ (\S+\.ts)\n/.exec(fence.code) ?? [];
    return {
      ...fence,
      where: `${document}:${fence.line}`,
      file: name ?? `${document.replaceAll("/", "-")}-${fence.line}${isTest ? ".test" : ""}.ts`,
      isTest,
      needsKvm: /\bboot(?:Smp)?\b|guestwright\/kvm/.test(fence.code),
    };
  }),
);

// As many empty lines in front as the document has: the compiler's line numbers are then the document's.
const project = userProject({
  ...Object.fromEntries(programs.map(({ file, line, code }) => [file, "\n".repeat(line - 1) + code])),
  "matchers.d.ts": `import "guestwright/testing";\n`,
});
afterAll(project.remove);

test("every ts fence compiles", async () => {
  expect((await tsc("-p", project.folder, "--pretty", "false")).stdout).toBe("");
});

async function runFences(files: readonly string[]): Promise<ReadonlyMap<string, FenceRun>> {
  const runner = path.join(packageRoot, "test/project/run-fences.ts");
  const { stdout, stderr, status } = await run(process.execPath, [...fromSource, runner, ...files], {
    cwd: project.folder,
  });
  expect([status, stderr]).toEqual([0, ""]);
  const lines = stdout.trimEnd().split("\n");
  return new Map(lines.map((line) => JSON.parse(line) as FenceRun).map((each) => [each.file, each]));
}

for (const [needsKvm, describeGroup] of [
  [false, describe],
  [true, describeKvm],
] as const) {
  const group = programs.filter((each) => each.output !== undefined && !each.isTest && each.needsKvm === needsKvm);
  if (group.length === 0) continue;
  describeGroup(`a ts fence prints what the text fence after it says${needsKvm ? ", on KVM" : ""}`, () => {
    // One process runs them all: most of the time that one takes is its start.
    let runs: ReadonlyMap<string, FenceRun>;
    beforeAll(async () => {
      runs = await runFences(group.map(({ file }) => file));
    }, 120_000);

    test.each(group)("$where", ({ file, output }) => {
      expect(runs.get(file)).toEqual({ file, stdout: output, stderr: "" });
    });
  });
}

describeKvm("a ts fence of tests passes, or fails with what the text fence after it says", () => {
  test.each(programs.filter(({ isTest }) => isTest))("$where", async ({ file, output }) => {
    const vitest = path.join(packageRoot, "node_modules/vitest/vitest.mjs");
    const arguments_ = ["run", file, "--config", path.join(packageRoot, "test/project/fence-tests.config.ts")];
    const env = { ...outsideOfVitest, NO_COLOR: "1" };
    const ended = await run(process.execPath, [vitest, ...arguments_, "--root", project.folder], {
      cwd: project.folder,
      env,
    });
    expect([ended.status, output === undefined ? ended.stderr : ""]).toEqual([output === undefined ? 0 : 1, ""]);
    const printed = ended.stderr.split("\n").map((line) => line.replace(/^(?:\w*Error): /, "").trimEnd());
    expect(printed).toEqual(expect.arrayContaining(output?.trimEnd().split("\n") ?? []));
  });
});

test("the README's commands", () => {
  expect(textOf("README.md")).toContain("npm ci && npm start");
  expect(textOf("README.md")).toContain("npm ci && npm test");
});

test("a fence and its output are found, and a heading or another fence parts them", () => {
  const document =
    "a\n```ts\none();\n\n```\nIt prints:\n\n```text\n1\n```\n```ts\ntwo();\n```\n# b\n```text\n2\n```\n```sh\nthree\n```\n";
  expect(typeScriptFences(document)).toEqual([
    { line: 3, code: "one();\n\n", output: "1\n" },
    { line: 12, code: "two();\n", output: undefined },
  ]);
});
