/** What the disassembler prints is, for GNU as, the bytes that it was given. */
import { describe, expect, test } from "vitest";
import { loadDisassembler, type Mode } from "../../src/disasm/disassemble.ts";
import { gnuAssemble, gnuMissing } from "../asm/gnu.ts";

const { first, all } = await loadDisassembler();

/** Bytes, and the text that is wanted. */
const cases: Readonly<Record<Mode, readonly (readonly [bytes: readonly number[], text: string])[]>> = {
  16: [
    [[0xba, 0x00, 0x10], "mov dx, 0x1000"],
    [[0xc6, 0x06, 0x00, 0x20, 0xaa], "mov byte [0x2000], 0xaa"],
    [[0xf3, 0x6e], "rep outsb"],
    [[0x66, 0xb8, 0x78, 0x56, 0x34, 0x12], "mov eax, 0x12345678"],
  ],
  32: [
    [[0x8b, 0x44, 0x24, 0xfc], "mov eax, [esp-0x4]"],
    [[0x0f, 0x22, 0xd8], "mov cr3, eax"],
    [[0xcf], "iretd"],
  ],
  64: [
    [[0x48, 0x83, 0xc0, 0x0f], "add rax, 0xf"],
    [[0xe6, 0x0a], "out 0xa, al"],
    [[0x88, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00], "mov [0x5000], al"],
    [[0x48, 0xc7, 0x44, 0x8e, 0x08, 0xff, 0x00, 0x00, 0x00], "mov qword [rsi+rcx*4+0x8], 0xff"],
    [[0xf0, 0x48, 0x0f, 0xb1, 0x0b], "lock cmpxchg [rbx], rcx"],
    [[0x65, 0x8b, 0x43, 0x10], "mov eax, gs:[rbx+0x10]"],
    [[0x0f, 0x58, 0xc1], "addps xmm0, xmm1"],
    [[0xc5, 0xf4, 0x58, 0xc2], "vaddps ymm0, ymm1, ymm2"],
    [[0x0f, 0x01, 0xf8], "swapgs"],
    [[0xf4], "hlt"],
  ],
};

describe.each([16, 32, 64] as const)("code of %i bits", (mode) => {
  test("is printed in the notation of listings", () => {
    const read = cases[mode].map(([bytes]) => first({ bytes: Uint8Array.from(bytes), mode, address: 0n }));
    expect(read).toEqual(cases[mode].map(([bytes, text]) => ({ address: 0n, bytes: Uint8Array.from(bytes), text })));
  });

  test.skipIf(gnuMissing() !== undefined)("is read back by GNU as", () => {
    const texts = cases[mode].map(([, text]) => text.replaceAll(/\b(byte|qword) \[/g, "$1 ptr ["));
    const bytes = gnuAssemble(
      mode,
      texts.map((text) => (text === "iretd" ? "iret" : text)),
    );
    expect(bytes.map((each) => [...each!])).toEqual(cases[mode].map(([each]) => each));
  });
});

describe("reading", () => {
  const code = (...bytes: readonly number[]) =>
    ({ bytes: Uint8Array.from(bytes), mode: 64, address: 0x1000n }) as const;

  test("goes on from instruction to instruction, branches counted from where they lie", () => {
    const found = all(code(0x90, 0xeb, 0xfd, 0xe8, 0x00, 0x00, 0x00, 0x00, 0xf4));
    expect(found.map(({ address, text }) => [address, text])).toEqual([
      [0x1000n, "nop"],
      [0x1001n, "jmp 0x1000"],
      [0x1003n, "call 0x1008"],
      [0x1008n, "hlt"],
    ]);
  });

  test("stops at bytes that are no instruction, and at one that is cut off", () => {
    expect(all(code(0x90, 0x06, 0x90)).map(({ text }) => text)).toEqual(["nop"]);
    expect(all(code(0x90, 0x48, 0xc7)).map(({ text }) => text)).toEqual(["nop"]);
    expect(first(code(0x06))).toBeUndefined();
    expect(first(code())).toBeUndefined();
  });

  test("keeps bytes of its own", () => {
    const given = code(0x90);
    const { bytes } = first(given)!;
    given.bytes[0] = 0xf4;
    expect([...bytes]).toEqual([0x90]);
  });
});
