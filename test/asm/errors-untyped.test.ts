/** What authors are told whom no types help: values of the wrong kind, each message once, in full. */
import {
  AsmError,
  assemble,
  byte,
  code64,
  definedLabels,
  difference,
  distance,
  eax,
  far,
  masked,
  mem,
  multiple,
  offset,
  rax,
  rip,
  since,
  startingMode,
  sum,
  times,
  undefinedLabels,
  zeroed,
  zmm1,
  type Statements,
} from "guestwright/asm";
import { expect, test } from "vitest";
import { thrown } from "../core/thrown.ts";

type Loose = (...values: unknown[]) => unknown;
/** A function, or the builder's methods, as authors without types see them. */
const loose = (value: unknown): Loose => value as Loose;
const code = (): Readonly<Record<string, Loose>> => code64() as unknown as Record<string, Loose>;

const text = "\n  hint: ascii(text) writes text, offset(label) is the address of a label";
const asCode = "code, from code16(), code32() or code64(), got";
const asName = "takes a name, a string that is not empty, got";
const asAddress =
  "\n  hint: an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up";
const rounded =
  "expected a whole number below 2^53, or a bigint, got 1152921504606847000\n  hint: write it as a bigint: 0x…n; as a number it arrives as 0x1000000000000000";

/** A builder whose function has returned. */
function returned(): Statements<64> {
  let kept: Statements<64> | undefined;
  code64((each) => (kept = each));
  return kept!;
}

/** Each way to write a statement after the end. */
const late = Object.entries<() => unknown>({
  hlt: () => returned().hlt(),
  outsb: () => returned().rep.outsb(),
  u8: () => returned().u8(1),
  label: () => returned().label("late"),
  place: () => {
    const each = returned();
    each.place(each.newLabel());
  },
}).map(([name, write]): [string, () => unknown, string] => [
  `${name} after the end`,
  write,
  `${name}: the function that code64 was given has returned, and its code is done\n  hint: write it before the function returns, or in another code64`,
]);

const cases: readonly [string, () => unknown, string][] = [
  ["text as a byte", () => code()["u8"]!("A"), `u8 takes numbers and expressions, got "A"${text}`],
  ["nothing as a number", () => code()["u32"]!(undefined), "u32 takes numbers and expressions, got nothing"],
  ["an object as a number", () => code()["u64"]!({}), "u64 takes numbers and expressions, got an object"],
  ["null as a number", () => code()["u128"]!(null), "u128 takes numbers and expressions, got null"],
  ["a number that was rounded, as data", () => code64().u64(2 ** 60), rounded],
  ["a number that was rounded, as an operand", () => code64().mov(rax, 2 ** 60), rounded],
  ["a number that was rounded, in an address", () => mem(rax, 2 ** 60), rounded],
  ["a number that was rounded, after a label", () => rip("label", 2 ** 60), rounded],
  ["a symbol as a size", () => code()["zero"]!(Symbol("many")), "zero takes a number of bytes, got Symbol(many)"],
  ["text as a size", () => code()["reserve"]!("4"), `reserve takes a number or an expression, got "4"${text}`],
  ["nothing as an address", () => code()["org"]!(), "org takes a number or an expression, got nothing"],
  ["a bigint as an alignment", () => code()["align"]!(4n), "align takes a power of two up to 2^30, got 4n"],
  ["an object as a fill", () => code()["align"]!(4, {}), "a fill is 0 to 255, got an object"],
  ["nothing among bytes", () => code()["bytes"]!([1, undefined]), "a byte is 0 to 255, got nothing"],
  ["a number among labels", () => code()["addresses"]!(5), `addresses ${asName} 5`],
  ["a number as a label", () => code()["label"]!(5), `label ${asName} 5`],
  ["a label of no letters", () => code()["label"]!(""), `label ${asName} ""`],
  ["a label of no letters in a statement", () => code64((each) => void each.label("")), `label ${asName} ""`],
  ["a number as a section", () => code()["section"]!(5), `section ${asName} 5`],
  ["a section of no letters", () => code()["section"]!(""), `section ${asName} ""`],
  ["a branch to no letters", () => code()["jmp"]!(""), `jmp, where it names a label, ${asName} ""`],
  ["names that nothing defines", () => definedLabels(undefined as never), `definedLabels takes ${asCode} nothing`],
  ["names that nothing uses", () => undefinedLabels({} as never), `undefinedLabels takes ${asCode} an object`],
  ["the mode of a number", () => startingMode(64 as never), `startingMode takes ${asCode} 64`],
  [
    "a symbol as a label in a statement",
    () => code64((each) => void each.label(Symbol("here") as never)),
    `label ${asName} Symbol(here)`,
  ],
  ["no fragment", () => code()["use"]!(undefined), `use takes ${asCode} nothing`],
  [
    "a function as a fragment",
    () => code()["use"]!(() => code64()),
    `use takes ${asCode} a function\n  hint: call the function, and give what it returns`,
  ],
  ["a number as a fragment", () => code()["local"]!(3), `local takes ${asCode} 3`],
  ["text as a fragment", () => code()["local"]!("hlt"), `local takes ${asCode} "hlt"\n  hint: asm(text) appends text`],
  ["nothing to repeat", () => code()["repeat"]!(2, undefined), `repeat takes ${asCode} nothing`],
  ["a repetition of nothing", () => code()["repeat"]!(2, () => {}), `repeat's function returns ${asCode} nothing`],
  ["no number of times", () => code()["repeat"]!("2", code64()), 'repeat takes a number of times, got "2"'],
  ["no text", () => code()["asm"]!(5), "asm takes text, got 5"],
  ["no label to take the offset of", () => loose(offset)(5), `offset ${asName} 5`],
  ["no addend", () => loose(offset)("label", "1"), `offset takes a number of bytes, got "1"${text}`],
  ["no label to count since", () => loose(since)(), `since ${asName} nothing`],
  ["no label to count to", () => loose(distance)("from"), `distance ${asName} nothing`],
  ["no label beside RIP", () => loose(rip)(rax), `rip ${asName} an object`],
  ["no summand", () => loose(sum)("a", null), "sum takes labels, numbers and expressions, got null"],
  [
    "nothing to subtract",
    () => loose(difference)("a"),
    "difference takes labels, numbers and expressions, got nothing",
  ],
  ["no factor", () => loose(multiple)("a"), "multiple takes a number of times, got nothing"],
  ["no far target", () => loose(far)(8, null), "far takes a label, a number or an expression, got null"],
  [
    "a selector of a wrong type",
    () => loose(far)(null, 0),
    "a selector is 0 to 0xffff, or the name of a symbol, got null",
  ],
  ["a far offset of 64 bits", () => loose(far)(8, 0, 64), "the offset of far has 16 or 32 bits, got 64"],
  ["no code", () => loose(assemble)(undefined), `assemble takes ${asCode} nothing`],
  [
    "text as code",
    () => loose(assemble)("mov"),
    `assemble takes ${asCode} "mov"\n  hint: assembleText(mode, text) assembles text`,
  ],
  [
    "an option that there is not",
    () => loose(assemble)(code64(), { at: 0x1000n }),
    'assemble has no option "at"\n  hint: it has origin, sections and symbols',
  ],
  [
    "an option with a slip of the pen",
    () => loose(assemble)(code64(), { orign: 0x1000n }),
    'assemble has no option "orign"\n  hint: did you mean origin?',
  ],
  [
    "addresses of no sections",
    () => loose(assemble)(code64(), { sections: 5 }),
    "sections: expected an object with an address for each name, got 5",
  ],
  ["no statements", () => loose(code64)(5), "code64 takes a function that writes statements, got 5"],
  [
    "statements of an async function",
    () => loose(code64)(async () => Promise.reject(new Error("nobody waits for it"))),
    "code64 takes a function that writes its statements before it returns, and this one returned a promise\n  hint: wait for what it needs first, then call code64",
  ],
  ...late,
  [
    "no label to place",
    () => code64((each) => each.place(undefined as never)),
    "place takes a label, from newLabel(), got nothing",
  ],
  [
    "no options",
    () => loose(assemble)(code64(), 0x1000n),
    "the options of assemble are an object, got 4096n\n  hint: it has origin, sections and symbols",
  ],
];

test.each(cases)("%s", async (_, write, message) => {
  const error = await thrown(write);
  expect(error).toBeInstanceOf(AsmError);
  expect((error as AsmError).code).toBe("BAD_VALUE");
  expect((error as AsmError).message.replace(/^test\/asm\/errors-untyped\.test\.ts:\d+: /, "")).toBe(message);
  expect((error as AsmError).source?.file).toBe("test/asm/errors-untyped.test.ts");
});

test.each<[string, () => unknown, string]>([
  ["nothing", () => loose(byte)(undefined), `an address cannot hold nothing${asAddress}`],
  ["no part at all", () => loose(byte)(), `an address cannot hold nothing${asAddress}`],
  ["an object", () => loose(byte)({}), `an address cannot hold an object${asAddress}`],
  ["null", () => loose(mem)(eax, null), `an address cannot hold null${asAddress}`],
  ["a scale of 3", () => loose(times)(rax, 3), "times takes a register and 1, 2, 4 or 8, got 3"],
  ["a scaled number", () => loose(times)(2, 4), "times takes a register and 1, 2, 4 or 8, got 2"],
])("an address of %s", async (_, write, message) => {
  const error = await thrown(write);
  expect((error as AsmError).code).toBe("BAD_ADDRESS");
  expect((error as AsmError).message.replace(/^test\/asm\/errors-untyped\.test\.ts:\d+: /, "")).toBe(message);
  expect((error as AsmError).source?.file).toBe("test/asm/errors-untyped.test.ts");
});

test.each<[string, () => unknown, string]>([
  ["nothing as a mask", () => loose(masked)(zmm1), "masked takes a mask register, k1 to k7, got nothing"],
  ["another register as a mask", () => loose(zeroed)(zmm1, rax), "zeroed takes a mask register, k1 to k7, got rax"],
])("%s", async (_, write, message) => {
  const error = await thrown(write);
  expect((error as AsmError).code).toBe("BAD_OPERANDS");
  expect((error as AsmError).message).toMatch(/^test\/asm\/errors-untyped\.test\.ts:\d+: /);
  expect((error as AsmError).message).toContain(message);
});

test("addresses of code are safe integers or bigints", async () => {
  const program = await assemble(code64().hlt().section("apart").label("there").hlt(), {
    origin: 0x1000,
    sections: { apart: 0x2000 },
  });
  expect([program.origin, program.labels.get("there")]).toEqual([0x1000n, 0x2000n]);
  await expect(assemble(code64().hlt(), { origin: 2 ** 60 })).rejects.toThrow(
    "origin: an address of 64-bit code is a whole number from 0 to 2^64 - 1, got 1152921504606847000\n  hint: write it as a bigint: 0x…n; as a number it arrives as 0x1000000000000000",
  );
  await expect(assemble(code64().hlt(), { origin: "0x1000" as never })).rejects.toThrow(
    'origin: an address of 64-bit code is a whole number from 0 to 2^64 - 1, got "0x1000"',
  );
});
