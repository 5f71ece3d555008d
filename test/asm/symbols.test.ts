/** Symbols from outside: names that the code uses, with the values that whoever assembles it gives them. */
import {
  AsmError,
  assemble,
  code32,
  code64,
  difference,
  far,
  offset,
  qword,
  rax,
  rdi,
  rip,
  type AnyCode,
} from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuMissing, gnuProgram } from "./gnu.ts";

const reason = gnuMissing();
if (reason !== undefined) console.warn(`test/asm/symbols.test.ts: skipped in part: ${reason}`);

/** The error of a promise, without the place in this file. */
async function failureOf(program: Promise<unknown>): Promise<readonly [string, string]> {
  const failure = await program.catch((error: unknown) => error);
  if (!(failure instanceof AsmError)) throw new TypeError("there was no AsmError");
  return [failure.code, failure.message.replace(/^test\/asm\/symbols\.test\.ts:\d+: /, "")];
}

describe("symbols from outside", () => {
  test.skipIf(reason !== undefined)("have the bytes that GNU as and ld give for the same values", async () => {
    const code = code64()
      .call("far_away")
      .mov(rax, qword("low"))
      .mov(rdi, offset("wide"))
      .lea(rax, rip("far_away"))
      .label("own")
      .jmp("near")
      .u64(difference("wide", "low"));
    const { bytes, labels } = await assemble(code, {
      origin: 0x40_0000,
      symbols: { far_away: 0x50_0000, low: 0x2000, wide: 0x1234_5678_9abc_def0n, near: 0x40_0010 },
    });
    const text = `
      far_away = 0x500000
      low = 0x2000
      wide = 0x123456789abcdef0
      call far_away
      mov rax, qword ptr [low]
      movabs rdi, offset wide
      .byte 0x48, 0x8d, 0x05 # lea rax, [rip + ...]: GNU as takes an absolute address for a distance there
      .long 0x500000 - 0x40001e
      .byte 0xeb, 0xf0 # 16 bytes back: GNU as has no short branch to an absolute address
      .quad wide - low`;
    expect(bytes).toEqual(new Uint8Array(gnuProgram(64, text, 0x40_0000)));
    expect(labels).toEqual(new Map([["own", 0x40_001en]]));
  });

  test.skipIf(reason !== undefined)("are selectors of far pointers", async () => {
    const code = code32()
      .ljmp(far("selector", "there"))
      .label("there")
      .lcall(far(offset("selector", 8), 0x1234)).asm`jmp selector:there`;
    const { bytes, listing } = await assemble(code, { origin: 0x1000, symbols: { selector: 0x18 } });
    const text = "selector = 0x18\nnext = 0x20\njmp selector:there\nthere: call next:0x1234\njmp selector:there";
    expect(bytes).toEqual(new Uint8Array(gnuProgram(32, text, 0x1000)));
    expect(listing.map((line) => line.text)).toEqual([
      "ljmp selector:there",
      "there",
      "lcall selector+8:0x1234",
      "ljmp selector:there",
    ]);
  });

  test("that are selectors fit 16 bits", async () => {
    expect(await failureOf(assemble(code32().ljmp(far("selector", 0)), { symbols: { selector: 0x1_0000 } }))).toEqual([
      "OUT_OF_RANGE",
      "ljmp selector:0x0: 0x10000 does not fit 16 bits",
    ]);
  });

  test("cannot be labels of the code, too", async () => {
    expect(await failureOf(assemble(code64().label("tick").hlt(), { symbols: { tick: 1 } }))).toEqual([
      "DUPLICATE_LABEL",
      'label "tick" is a symbol from outside, too',
    ]);
  });

  test("are among the names that a message about a missing one gives", async () => {
    const code: AnyCode = code64().jmp("tock");
    const symbols: Record<string, number> = { tick: 1, other: 2 };
    expect(await failureOf(assemble(code, { symbols }))).toEqual([
      "UNDEFINED_LABEL",
      'label "tock" is not defined\n  hint: these are: tick, other',
    ]);
  });

  test.each([
    [
      { tick: -1 },
      "OUT_OF_RANGE",
      "symbols.tick: an address of 64-bit code is a whole number from 0 to 2^64 - 1, got -1",
    ],
    ["tick", "BAD_VALUE", 'symbols: expected an object with a value for each name, got "tick"'],
  ])("%o are no symbols", async (symbols, code, message) => {
    expect(await failureOf(assemble(code64().hlt(), { symbols: symbols as Record<string, number> }))).toEqual([
      code,
      message,
    ]);
  });
});
