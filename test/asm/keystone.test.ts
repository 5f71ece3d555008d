/** Keystone: what it gets wrong, and that none of it gets out. */
import { hexBytes } from "guestwright";
import { assemble, byte, code16, code32, code64, eax, mem, rax } from "guestwright/asm";
import { expect, test } from "vitest";
import { keystoneFaults } from "../../src/asm/encode/keystone-faults.ts";
import { loadKeystone } from "../../src/asm/encode/keystone.ts";
import { gnuAssemble, gnuMissing } from "./gnu.ts";

const cases = keystoneFaults.flatMap((fault) => fault.modes.map((mode) => ({ ...fault, mode })));

test.each(cases)("Keystone gets $mode-bit $example wrong: $why", async ({ mode, example, bytes }) => {
  const written = (await loadKeystone()).assemble(mode, example);
  expect(hexBytes(written ?? []), "Keystone has this right now: take the row off the list").not.toBe(bytes);
});

test.skipIf(gnuMissing() !== undefined).each(cases)(
  "GNU as makes $bytes of $mode-bit $example",
  ({ mode, example, bytes }) => {
    expect(hexBytes(gnuAssemble(mode, [example])[0] ?? [])).toBe(bytes);
  },
);

test("the listed forms come out right, and the listing says who wrote them", async () => {
  const programs = [
    [code16().ret().push(0x1234), "c3 68 34 12"],
    [code32().lgdt(mem(eax)), "0f 01 10"],
    [code64().mov(byte(0x4000), 0x12), "c6 04 25 00 40 00 00 12"],
  ] as const;
  for (const [code, bytes] of programs) {
    const program = await assemble(code);
    expect(hexBytes(program.bytes)).toBe(bytes);
    expect(program.listing.map(({ writer }) => writer)).not.toContain("keystone");
  }
  expect((await assemble(code64().mov(rax, 1))).listing[0]!.writer).toBe("keystone");
});

test("an instance that broke is replaced by a new one", async () => {
  const broken = await loadKeystone();
  // A directive that makes Keystone abort: the closed printer cannot print it.
  expect(broken.assemble(64, ".zero -1")).toBeUndefined();
  expect(broken.broken).toBe(true);
  const next = await loadKeystone();
  expect(next).not.toBe(broken);
  expect(hexBytes((await assemble(code64().mov(rax, 1).hlt())).bytes)).toBe("48 c7 c0 01 00 00 00 f4");
});

test("a hundred broken instances in a row leave a working one", { timeout: 60_000 }, async () => {
  for (let i = 0; i < 100; i++) (await loadKeystone()).assemble(64, ".zero -1");
  expect(hexBytes((await loadKeystone()).assemble(64, "nop") ?? [])).toBe("90");
});
