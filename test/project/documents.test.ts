import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromSource, run, tsc } from "./child.ts";
import { typeScriptFences } from "./fences.ts";
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
  typeScriptFences(textOf(document)).map((fence) => ({
    ...fence,
    where: `${document}:${fence.line}`,
    file: `${document.replaceAll("/", "-")}-${fence.line}.ts`,
    needsKvm: /\bboot\b|guestwright\/kvm/.test(fence.code),
  })),
);

// As many empty lines in front as the document has: the compiler's line numbers are then the document's.
const project = userProject(
  Object.fromEntries(programs.map(({ file, line, code }) => [file, "\n".repeat(line - 1) + code])),
);
afterAll(project.remove);

function kvmProblem(): string | undefined {
  if (process.env["REQUIRE_KVM"] === "1") return undefined;
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `needs /dev/kvm: ${(error as Error).message}`;
  }
}

test("every ts fence compiles", async () => {
  expect((await tsc("-p", project.folder, "--pretty", "false")).stdout).toBe("");
});

describe("a ts fence prints what the text fence after it says", () => {
  test.for(programs.filter(({ output }) => output !== undefined))(
    "$where",
    async ({ file, output, needsKvm }, { skip }) => {
      const problem = needsKvm ? kvmProblem() : undefined;
      skip(problem !== undefined, problem);
      const ended = await run(process.execPath, [...fromSource, file], { cwd: project.folder });
      expect(ended).toEqual({ status: 0, stdout: output, stderr: "" });
    },
  );
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
