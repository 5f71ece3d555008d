/** What an author who makes a mistake is told: each message once, in full. */
import {
  al,
  AsmError,
  assemble,
  ax,
  bp,
  bx,
  byte,
  code16,
  code64,
  dword,
  ecx,
  far,
  eax,
  mem,
  r8,
  si,
  rax,
  rbx,
  since,
  times,
  type AsmErrorCode,
  type Code,
} from "guestwright/asm";
import { expect, test } from "vitest";

/** Types would find most of these mistakes: they are about authors without types, and about names that are computed. */
type Untyped = Record<string, (...operands: unknown[]) => Untyped>;
const untyped = (code: unknown): Untyped => code as Untyped;

const computed: string = "nowhere";

const cases: readonly [string, () => unknown, AsmErrorCode, string][] = [
  [
    "an undefined label",
    () => code64().label("here").jmp(computed),
    "UNDEFINED_LABEL",
    'label "nowhere" is not defined\n  hint: these are: here',
  ],
  [
    "no label at all",
    () => code64().u8(since(computed)),
    "UNDEFINED_LABEL",
    'label "nowhere" is not defined\n  hint: the code defines no label',
  ],
  ["a wrong register", () => untyped(code16())["mov"]!(rax, 1), "BAD_OPERANDS", "16-bit code has no register rax"],
  [
    "a wrong address",
    () => untyped(code16())["mov"]!(ecx, dword(rbx)),
    "BAD_OPERANDS",
    "16-bit code has no 64-bit addressing: dword [rbx]",
  ],
  ["a wrong instruction", () => untyped(code64())["pusha"]!(), "BAD_OPERANDS", "64-bit code has no pusha"],
  [
    "operands that do not go together",
    () => untyped(code64())["lea"]!(eax, eax),
    "BAD_OPERANDS",
    "lea eax, eax: lea does not take these operands\n  hint: it takes lea r16, m | lea r32, m | lea r64, m",
  ],
  [
    "operands of an instruction with many forms: those nearest to what is written",
    () => untyped(code64())["mov"]!(al, rbx),
    "BAD_OPERANDS",
    "mov al, rbx: mov does not take these operands\n  hint: it takes mov r/m8, r8 | mov r8, r/m8 | mov al, moffs8 | mov r8, imm8 | mov r/m8, imm8 | mov r/m64, r64 and 28 more",
  ],
  [
    "three operands: the forms that have as many come first",
    () => untyped(code64())["imul"]!(al, 3, 4),
    "BAD_OPERANDS",
    "imul al, 0x3, 0x4: imul does not take these operands\n  hint: it takes imul r16, r/m16, imm16 | imul r32, r/m32, imm32 | imul r64, r/m64, imm32 | imul r16, r/m16, imm8 | imul r32, r/m32, imm8 | imul r64, r/m64, imm8 and 7 more",
  ],
  [
    "memory of no size",
    () => untyped(code64())["inc"]!(mem(rax)),
    "BAD_OPERANDS",
    "inc [rax]: the size of the memory operand is not known\n  hint: write byte(...), word(...), dword(...) or qword(...)",
  ],
  [
    "an immediate that is too wide",
    () => code64().add(eax, 0x1_0000_0000),
    "OUT_OF_RANGE",
    "add eax, 0x100000000: 0x100000000 is out of range\n  hint: imm32 is -0x80000000..0xffffffff, imm8 of a 32-bit operand is -128..127, in add eax, imm32 | add r/m32, imm32 | add r/m32, imm8",
  ],
  [
    "a displacement that is too wide",
    () => code64().mov(eax, dword(rbx, 0x8000_0000)),
    "OUT_OF_RANGE",
    "mov eax, dword [rbx+0x80000000]: the displacement 0x80000000 is beyond 32 bits",
  ],
  [
    "a branch that is too long",
    () => code64().label("far").zero(200).loop("far"),
    "OUT_OF_RANGE",
    "loop far: the distance -202 does not fit 8 bits",
  ],
  [
    "a number that is too wide for its data",
    () => code64().u8(256),
    "OUT_OF_RANGE",
    "u8 0x100: 0x100 does not fit 8 bits",
  ],
  [
    "a prefix that the instruction cannot have",
    () => untyped((code64() as unknown as { lock: unknown }).lock)["mov"]!(eax, 1),
    "NOT_ENCODABLE",
    "lock mov eax, 0x1: no encoding of mov holds these operands together\n  hint: lock goes before an instruction that reads memory and writes it back",
  ],
  [
    "a near branch to code of another mode",
    () => code16().label("here").ljmp(far(8, "there")).code32().label("there").jmp("here"),
    "BAD_OPERANDS",
    'jmp here: "here" is 16-bit code, and this is 32-bit code\n  hint: only far transfers lead from one mode to another: ljmp(far(selector, label)), retf, iret',
  ],
  [
    "another mode after no far transfer",
    () => untyped(code16().hlt())["code32"]!(),
    "BAD_OPERANDS",
    "code32() follows a far transfer only: iret, iretd, iretq, ljmp, retf, retfq, rsm, sysexit, sysexitq, sysret, sysretq",
  ],
  [
    "a selector out of range",
    () => far(0x10000, "there"),
    "BAD_VALUE",
    "a selector is 0 to 0xffff, or the name of a symbol, got 65536",
  ],
  ["a fraction", () => code64().mov(eax, 1.5), "BAD_VALUE", "expected a whole number below 2^53, or a bigint, got 1.5"],
  [
    "no operand",
    () => untyped(code64())["mov"]!(eax, undefined),
    "BAD_OPERANDS",
    "mov was given nothing, which is no operand",
  ],
  ["a byte out of range", () => code64().bytes([1, 256]), "BAD_VALUE", "a byte is 0 to 255, got 256"],
  ["text that is not ASCII", () => code64().ascii("é"), "BAD_VALUE", 'ascii takes ASCII characters only, got "é"'],
  ["an alignment that is none", () => code64().align(3), "BAD_VALUE", "align takes a power of two up to 2^30, got 3"],
  ["a negative size", () => code64().zero(-1), "BAD_VALUE", "zero takes a number of bytes, got -1"],
  [
    "two index registers",
    () => byte(times(rax, 2), times(rbx, 4)),
    "BAD_ADDRESS",
    "an address cannot hold two index registers\n  hint: an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up",
  ],
  [
    "registers of two widths",
    () => byte(rax, ecx),
    "BAD_ADDRESS",
    "an address cannot hold registers of two widths\n  hint: an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up",
  ],
];

test.each(cases)("%s", async (_, write, code, message) => {
  const error = await mistake(write);
  expect(error).toBeInstanceOf(AsmError);
  expect(error.code).toBe(code);
  // Where it was written comes first; here it is this file, in whatever line.
  expect(error.message.replace(/^test\/asm\/errors\.test\.ts:\d+: /, "")).toBe(message);
});

async function mistake(write: () => unknown): Promise<AsmError> {
  try {
    await assemble(write() as Code<64, never, never>);
  } catch (error) {
    return error as AsmError;
  }
  throw new Error("nothing was thrown");
}

test("a label that is defined twice names both places", async () => {
  const error = await mistake(() =>
    code64()
      .label(computed)
      .label("other")
      .label(computed as "third"),
  );
  expect(error.code).toBe("DUPLICATE_LABEL");
  expect(error.message).toMatch(
    /^test\/asm\/errors\.test\.ts:(\d+): label "nowhere" is defined twice\n {2}hint: the first definition is at test\/asm\/errors\.test\.ts:(\d+)$/,
  );
});

test("an error names the line of the statement, not of the assembling", async () => {
  const marker = new Error("here").stack!;
  const error = await mistake(() => code64().jmp(computed));
  const [, line] = /errors\.test\.ts:(\d+):/.exec(marker)!;
  expect(error.source).toEqual({ file: "test/asm/errors.test.ts", line: Number(line) + 1, column: expect.any(Number) });
});

test("code is immutable: a prefix of it can be continued twice", async () => {
  const start = code64().mov(rax, 1);
  const [one, two] = await Promise.all([assemble(start.hlt()), assemble(start.ret())]);
  expect([...one.bytes.slice(-1), ...two.bytes.slice(-1)]).toEqual([0xf4, 0xc3]);
  expect((await assemble(start)).bytes).toHaveLength(7);
});

test("an origin that the mode cannot have", async () => {
  await expect(assemble(code16().hlt(), { origin: 0x1_0000n })).rejects.toThrow(
    "origin: an address of 16-bit code is a whole number from 0 to 2^16 - 1, got 65536n",
  );
});

test("a register that needs REX beside ah", async () => {
  const { ah } = await import("guestwright/asm");
  const error = await mistake(() => code64().mov(ah, byte(r8)));
  expect(error.code).toBe("NOT_ENCODABLE");
  expect(error.hint).toBe(
    "ah, bh, ch and dh have no encoding beside what needs a REX prefix: r8 to r15, spl, bpl, sil, dil and 64-bit operands",
  );
});

test.each([
  ["one register that addresses nothing", mem(ax)],
  ["two bases", mem(bx, bp)],
  ["a scale", mem(times(si, 2))],
])("a 16-bit address of %s", async (_, address) => {
  const error = await mistake(() => untyped(code16())["mov"]!(ax, address));
  expect(error.code).toBe("NOT_ENCODABLE");
  expect(error.hint).toBe("a 16-bit address is made of bx or bp, si or di, and a number");
});

test.each([
  [() => code64().mov(rax, 0x1_0000_0000_0000_0000n), "imm64 is -0x8000000000000000..0xffffffffffffffff, "],
  [() => code64().add(rax, 0x8000_0000), "imm32 of a 64-bit operand is -0x80000000..0x7fffffff, "],
  [() => code64().int(256), "imm8 is -128..255, in int imm8"],
])("an immediate out of range is told what fits: %#", async (write, hint) => {
  const error = await mistake(write);
  expect(error.code).toBe("OUT_OF_RANGE");
  expect(error.hint).toContain(hint);
});

test("of two immediates the one that is out of range is named", async () => {
  const error = await mistake(() => code64().enter(0x10000, 1));
  expect(error.value).toBe(0x10000n);
});
