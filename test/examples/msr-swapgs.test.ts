/** The guest of this example prints what it reads: a changed constant changes the output. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { fromSource, run } from "../project/child.ts";
import { packageRoot } from "../project/source-files.ts";
import { userProject } from "../project/user-project.ts";

const source = readFileSync(path.join(packageRoot, "examples/msr-swapgs.ts"), "utf8");

/** Runs the example with some of its text replaced, as a program in a project of its own. */
async function variant(replacements: Readonly<Record<string, string>>): Promise<string> {
  let text = source;
  for (const [from, to] of Object.entries(replacements)) {
    expect(text.split(from)).toHaveLength(2);
    text = text.replace(from, to);
  }
  const { folder, remove } = userProject({ "variant.ts": `${text}\nawait main();\n` });
  try {
    const { status, stdout, stderr } = await run(process.execPath, [...fromSource, path.join(folder, "variant.ts")]);
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  } finally {
    remove();
  }
}

describeKvm("the example msr-swapgs", () => {
  test("prints other constants, with every digit there is, as its code has them", async () => {
    expect(await variant({ "0xbbbb_bbbb": "0x0123_4567", "0xaaaa_aaaa": "0x89ab_cdef" })).toBe(`\
gsbase: 0x01234567
kernel_gsbase: 0x89abcdef
-- swapgs --
gsbase: 0x89abcdef
kernel_gsbase: 0x01234567
HLT
`);
  });

  test("without swapgs, the registers are not exchanged", async () => {
    expect(await variant({ "  .swapgs()\n": "" })).toBe(`\
gsbase: 0xbbbbbbbb
kernel_gsbase: 0xaaaaaaaa
-- swapgs --
gsbase: 0xbbbbbbbb
kernel_gsbase: 0xaaaaaaaa
HLT
`);
  });
});
