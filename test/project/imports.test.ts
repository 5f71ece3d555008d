import { describe, expect, test } from "vitest";
import { importViolations } from "./import-rules.ts";
import { filesUnder, textOf } from "./source-files.ts";

describe("every import in src goes the way that the table allows", () => {
  test.each(filesUnder("src", ".ts"))("%s", (file) => {
    expect(importViolations(file, textOf(`src/${file}`))).toEqual([]);
  });
});

describe("the checker refuses", () => {
  test.each([
    ["core/a.ts", `import { b } from "../asm/b.ts";`, "imports asm/b.ts, which core may not"],
    ["core/a.ts", `import type { B } from "../asm/b.ts";`, "imports a type of asm/b.ts, which core may not"],
    ["core/a.ts", `let b: import("../asm/b.ts").B;`, "imports a type of asm/b.ts, which core may not"],
    ["asm/a.ts", `import "../paging/b.ts";`, "imports paging/b.ts, which asm may not"],
    ["asm/x86/a.ts", `export * from "../../layout/b.ts";`, "imports layout/b.ts, which asm may not"],
    ["paging/a.ts", `export { b } from "../layout/b.ts";`, "imports layout/b.ts, which paging may not"],
    ["layout/a.ts", `await import("../kvm/b.ts");`, "imports kvm/b.ts, which layout may not"],
    ["layout/a.ts", `import { b } from "../index.ts";`, "imports index.ts, which layout may not"],
    ["kvm/a.ts", `import { type B, c } from "../layout/b.ts";`, "imports layout/b.ts, which kvm may not"],
    ["kvm/a.ts", `import type { B } from "../asm/b.ts";`, "imports a type of asm/b.ts, which kvm may not"],
    ["kvm/a.ts", `import { b } from "../../test/b.ts";`, "imports ../../test/b.ts, outside of src"],
    ["kvm/a.ts", `import koffi from "koffi";`, "imports koffi, which only kvm/host/libc.ts may"],
    ["kvm/a.ts", `const b = load(import.meta.url)("koffi");`, "imports koffi, which only kvm/host/libc.ts may"],
    ["kvm/a.ts", `const name = "koffi";`, "imports koffi, which only kvm/host/libc.ts may"],
    ["asm/a.ts", `await import("keystone-wasm");`, "imports keystone-wasm, which only asm/encode/keystone.ts may"],
    ["asm/a.ts", `import { Code } from "iced-x86";`, "imports iced-x86, which only asm/encode/iced.ts may"],
    ["layout/a.ts", `import type { Code } from "iced-x86";`, "imports iced-x86, which only asm/encode/iced.ts may"],
    ["kvm/a.ts", `import { b } from "../cli/b.ts";`, "imports cli/b.ts, which kvm may not"],
    ["index.ts", `export { b } from "./cli/b.ts";`, "imports cli/b.ts, which . may not"],
    ["cli/a.ts", `await import("oxc-transform");`, "imports oxc-transform, which only cli/guest/module-hooks.ts may"],
    ["cli/a.ts", `await import(name);`, "imports a module whose name is computed"],
    ["asm/a.ts", `import { z } from "zod";`, "imports zod, which has no row in the table"],
    ["asm/a.ts", `import fs from "node:fs";`, "imports node:fs, which needs Node"],
    ["asm/a.ts", `import type { Stats } from "fs";`, "imports fs, which needs Node"],
    ["kvm/a.ts", `await import(name);`, "imports a module whose name is computed"],
    ["asm/a.ts", `export default 1;`, "has a default export"],
    ["asm/index.ts", `export const a = 1;`, "is an index and does more than re-export"],
    ["asm/index.ts", `import { a } from "./a.ts";`, "is an index and does more than re-export"],
    ["testing/a.ts", `import { expect } from "vitest";`, "imports vitest, which only testing/setup.ts may"],
    ["kvm/a.ts", `import type { Matchers } from "vitest";`, "imports vitest, which only testing/setup.ts may"],
    ["layout/a.ts", `import { a } from "../testing/a.ts";`, "imports testing/a.ts, which layout may not"],
    ["tools/a.ts", `import { a } from "../core/a.ts";`, "lies in a folder without a row in the table"],
  ])("%s: %s", (file, source, problem) => {
    expect(importViolations(file, `\n${source}\n`)).toContain(`${file}:2 ${problem}`);
  });
});

describe("the checker allows", () => {
  test.each([
    ["layout/a.ts", `import { b } from "../asm/b.ts"; import { c } from "../paging/index.ts";`],
    ["kvm/a.ts", `import type { B } from "../layout/b.ts"; import { readFileSync } from "node:fs";`],
    ["kvm/a.ts", `import { type B, type C } from "../layout/b.ts"; throw new Error("koffi is not installed");`],
    ["kvm/host/libc.ts", `const { default: koffi } = await import("koffi");`],
    ["asm/a.ts", `import type { Instruction } from "iced-x86"; let a: import("iced-x86").Code;`],
    ["cli/a.ts", `import { a } from "../kvm/index.ts"; await import("../index.ts"); import fs from "node:fs";`],
    ["cli/guest/guest-module.ts", `await import(url);`],
    ["asm/wasm.d.ts", `declare module "keystone-wasm" { export function load(): void }`],
    ["testing/a.ts", `import type {} from "vitest"; declare module "vitest" {}`],
    ["testing/setup.ts", `import { expect } from "vitest"; import { a } from "./a.ts";`],
    ["index.ts", `export { a } from "./asm/index.ts"; export type * from "./layout/index.ts";`],
  ])("%s: %s", (file, source) => {
    expect(importViolations(file, source)).toEqual([]);
  });
});
