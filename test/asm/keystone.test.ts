/** Keystone: what it gets wrong, and that none of it gets out. */
import { hexBytes } from "guestwright";
import { assemble, byte, code16, code32, code64, eax, ebx, mem, rax } from "guestwright/asm";
import { expect, test } from "vitest";
import { faultReasons } from "../../src/asm/encode/keystone-fault-reasons.ts";
import { loadKeystone } from "../../src/asm/encode/keystone.ts";
import { gnuAssemble, gnuMissing } from "./gnu.ts";

const cases = Object.entries(faultReasons).map(([name, { why, example }]) => ({
  name,
  why,
  gnu: example.text,
  ...example,
}));

test.each(cases)("Keystone $why: $mode-bit $text", async ({ mode, text, bytes }) => {
  const written = (await loadKeystone()).assemble(mode, text);
  expect(hexBytes(written ?? []), "Keystone has this right now: the reason needs another example").not.toBe(bytes);
});

// GNU as makes an exchange of the accumulator with itself a NOP, too.
test.skipIf(gnuMissing() !== undefined).each(cases.filter(({ name }) => name !== "sameAccumulator"))(
  "GNU as makes $bytes of $mode-bit $gnu",
  ({ mode, gnu, bytes }) => {
    expect(hexBytes(gnuAssemble(mode, [gnu])[0] ?? [])).toBe(bytes);
  },
);

test("listed forms come out right, and the listing says who wrote them", async () => {
  const programs = [
    [code16().ret().push(0x1234), "c3 68 34 12"],
    [code32().lgdt(mem(eax)), "0f 01 10"],
    [code64().mov(byte(0x4000), 0x12), "c6 04 25 00 40 00 00 12"],
    [code64().push(0xffff), "68 ff ff 00 00"],
  ] as const;
  for (const [code, bytes] of programs) {
    const program = await assemble(code);
    expect(hexBytes(program.bytes)).toBe(bytes);
    expect(program.listing.map(({ writer }) => writer)).not.toContain("keystone");
  }
});

test("Keystone writes all others, of a listed form too", async () => {
  const programs = [
    [code64().mov(rax, 1), "48 c7 c0 01 00 00 00"],
    [code64().push(0x1234), "68 34 12 00 00"],
    [code16().call(eax).push(0x1234), "66 ff d0 68 34 12"],
    [code32().xchg(eax, ebx), "93"],
  ] as const;
  for (const [code, bytes] of programs) {
    const program = await assemble(code);
    expect(hexBytes(program.bytes)).toBe(bytes);
    expect(program.listing[0]!.writer).toBe("keystone");
  }
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
