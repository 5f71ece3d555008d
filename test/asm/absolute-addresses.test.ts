/** Absolute addresses in 64-bit code: 32 bits, sign-extended, or all 64 of them (SDM vol. 2B, MOV: moffs). */
import { al, assemble, assembleText, ax, byte, code64, eax, fs, mem, rax, rbx, type AnyCode } from "guestwright/asm";
import { hexBytes } from "guestwright";
import { expect, test } from "vitest";
import { gnuAssemble, gnuMissing } from "./gnu.ts";

const cases: readonly [gnu: string, code: AnyCode, bytes: string][] = [
  ["movabs rax, [0x100000000]", code64().mov(rax, mem(0x1_0000_0000n)), "48 a1 00 00 00 00 01 00 00 00"],
  ["movabs [0x100000000], rax", code64().mov(mem(0x1_0000_0000n), rax), "48 a3 00 00 00 00 01 00 00 00"],
  ["movabs eax, [0x80000000]", code64().mov(eax, mem(0x8000_0000n)), "a1 00 00 00 80 00 00 00 00"],
  ["movabs ax, [0x123456789abcdef0]", code64().mov(ax, mem(0x1234_5678_9abc_def0n)), "66 a1 f0 de bc 9a 78 56 34 12"],
  ["movabs al, [0x100000000]", code64().mov(al, byte(0x1_0000_0000n)), "a0 00 00 00 00 01 00 00 00"],
  ["movabs fs:[0x100000000], al", code64().mov(byte(fs, 0x1_0000_0000n), al), "64 a2 00 00 00 00 01 00 00 00"],
  ["mov rax, [0x7fffffff]", code64().mov(rax, mem(0x7fff_ffffn)), "48 8b 04 25 ff ff ff 7f"],
  ["mov rax, [0xffffffff80000000]", code64().mov(rax, mem(0xffff_ffff_8000_0000n)), "48 8b 04 25 00 00 00 80"],
];

test.each(cases)("%s", async (text, code, bytes) => {
  const [written, read] = await Promise.all([assemble(code), assembleText(64, text)]);
  expect([hexBytes(written.bytes), hexBytes(read.bytes)]).toEqual([bytes, bytes]);
});

test.skipIf(gnuMissing() !== undefined)("GNU as writes the same", () => {
  const written = gnuAssemble(
    64,
    cases.map(([text]) => text),
  );
  expect(written.map((bytes) => bytes && hexBytes(bytes))).toEqual(cases.map(([, , bytes]) => bytes));
});

test("no other register reaches so far", async () => {
  await expect(assemble(code64().mov(rbx, mem(0x1_0000_0000n)))).rejects.toThrow(
    "mov rbx, [0x100000000]: the displacement 0x100000000 is beyond 32 bits\n  hint: load the address into a register; only mov of al, ax, eax or rax holds 64 bits of one",
  );
});
