/**
 * Statements for the oracle: for every form of every instruction, operands of every kind that it takes, each as the
 * builder's operand and as GNU as writes it. The choice is a fixed one, so that a failure can be repeated.
 */
import * as asm from "guestwright/asm";
import type { Memory, Mode, Operand, Register } from "guestwright/asm";
import type { Form } from "../../src/asm/instructions/form.ts";
import type { FormTable } from "../../src/asm/instructions/form-table.ts";
import { instructionCodes } from "../../src/asm/instructions/instruction-codes.ts";
import type { Mnemonic } from "../../src/asm/builder/node.ts";
import type { OperandKind } from "../../src/asm/instructions/operand-kind.ts";
import { hasRegister } from "../../src/asm/operands/register.ts";
import * as registersByName from "../../src/asm/operands/registers.ts";

/** A statement twice: for the builder and for GNU as. */
export interface Statement {
  readonly mnemonic: Mnemonic;
  readonly operands: readonly Operand[];
  readonly gnu: string;
}

interface Choice {
  readonly operand: Operand;
  readonly gnu: string;
}

/** In an order of their names: that of a module's exports depends on who loads it. */
const registers = (Object.values(registersByName) as readonly Register[]).toSorted((a, b) =>
  a.name.localeCompare(b.name, "en", { numeric: true }),
);

/** What GNU as calls the instructions that it names otherwise, or whose plain name means another size to it. */
const gnuNames: Readonly<Record<string, string>> = {
  iret: "iretw",
  popa: "popaw",
  popad: "popal",
  popf: "popfw",
  popfd: "popfl",
  pusha: "pushaw",
  pushad: "pushal",
  pushf: "pushfw",
  pushfd: "pushfl",
  int1: "int1",
  wait: "fwait",
  loopne: "loopne",
};

const pointers: Readonly<Record<number, string>> = {
  8: "byte",
  16: "word",
  32: "dword",
  48: "fword",
  64: "qword",
  80: "tbyte",
  128: "xmmword",
  256: "ymmword",
  512: "zmmword",
};
const makers: Readonly<Record<number, (...terms: never[]) => Memory>> = {
  0: asm.mem,
  8: asm.byte,
  16: asm.word,
  32: asm.dword,
  48: asm.fword,
  64: asm.qword,
  80: asm.tbyte,
  128: asm.xmmword,
  256: asm.ymmword,
  512: asm.zmmword,
};

/** Every statement that the table has for a mode. With `reversed`, other operands come together. */
export function corpus(table: FormTable, mode: Mode, reversed = false): Statement[] {
  const mnemonics = Object.keys(instructionCodes) as Mnemonic[];
  return mnemonics.flatMap((mnemonic) =>
    table
      .of(mnemonic, mode)
      // Where a branch goes is filled in by the linker: programs test that.
      .filter((form) => form.kinds.every((kind) => kind.branch === undefined && kind.far === undefined))
      .flatMap((form) => statements(mnemonic, form, mode, reversed)),
  );
}

function statements(mnemonic: Mnemonic, form: Form, mode: Mode, reversed: boolean): Statement[] {
  const name = gnuNames[mnemonic] ?? mnemonic;
  const choices = form.written.map((kind, i) => {
    const all = choicesFor(kind, form, mode, mnemonic, i);
    return thinned(reversed ? all.toReversed() : all, form);
  });
  const count = Math.max(1, ...choices.map((each) => each.length));
  // Some forms that a mode decodes have no operand there: a register of the class that only 64-bit code has.
  if (choices.some((each) => each.length === 0)) return [];
  const plain = Array.from({ length: count }, (_, n) => {
    // Each operand runs through its choices at its own pace, so that pairs vary.
    const chosen = choices.map((each, i) => each[(n * (i + 1) + i) % each.length]!);
    return decorate(form, chosen, form.mask === "must" ? 1 : 0, false);
  });
  const variants = [
    ...(form.mask === "may" ? [1, 2].map((mask) => decorate(form, first(choices), mask, false)) : []),
    ...(form.rounding === "never" ? [] : roundings(form).map((each) => [...registersOnly(form, mode), each])),
  ];
  return [...plain, ...broadcasts(form, mode, choices), ...variants].map((chosen) => ({
    mnemonic,
    operands: chosen.map(({ operand }) => operand),
    gnu: `${name} ${chosen.map(({ gnu }) => gnu).join(", ")}`.trim(),
  }));
}

/** Vector instructions are many and alike: every third of their operands will do. */
function thinned(choices: readonly Choice[], form: Form): readonly Choice[] {
  const isVector = form.kinds.some(({ register }) => /^[xyz]mm$/.test(register ?? ""));
  return isVector && choices.length > 4 ? choices.filter((_, i) => i % 3 === 1) : choices;
}

const first = (choices: readonly (readonly Choice[])[]): Choice[] => choices.map((each) => each[0]!);

/** The operands with a mask on the first: 0 none, 1 merging, 2 zeroing where the form can. */
function decorate(form: Form, chosen: readonly Choice[], mask: number, inPlace: boolean): Choice[] {
  const [destination, ...rest] = chosen;
  if (mask === 0 || destination === undefined) return [...chosen];
  const isRegister = (destination.operand as Register).kind === "register";
  const zeroes = mask === 2 && form.zeroing && isRegister && !inPlace;
  const operand = zeroes
    ? asm.zeroed(destination.operand as Register, asm.k1)
    : asm.masked(destination.operand as Register, asm.k1);
  return [{ operand, gnu: `${destination.gnu}{k1}${zeroes ? "{z}" : ""}` }, ...rest];
}

/** One element in memory for all, where the form can. */
function broadcasts(form: Form, mode: Mode, choices: readonly (readonly Choice[])[]): Choice[][] {
  if (form.broadcastBits === 0) return [];
  const at = form.written.findIndex((kind) => kind.memory !== undefined);
  const base = mode === 16 ? asm.ebx : mode === 32 ? asm.ecx : asm.r9;
  const element = makers[form.broadcastBits]!(...([base, form.broadcastBits / 8] as never[]));
  const count = form.memoryBits / form.broadcastBits;
  const gnu = `${pointers[form.broadcastBits]} ptr [${base.name}+${form.broadcastBits / 8}]{1to${count}}`;
  return [first(choices).with(at, { operand: asm.broadcast(element, count as 2), gnu })];
}

/** The rounding modes that a form takes. */
function roundings(form: Form): Choice[] {
  const operands = form.rounding === "sae" ? [asm.sae] : [asm.rnSae, asm.rdSae, asm.ruSae, asm.rzSae];
  return operands.map((operand) => ({ operand, gnu: `{${operand.name}}` }));
}

/** The form with registers alone. */
function registersOnly(form: Form, mode: Mode): Choice[] {
  return form.written.map((kind, i) => choicesFor({ ...kind, memory: undefined } as never, form, mode, "", i)[0]!);
}

/** A few of the vector registers: low ones, one that needs VEX or REX, and where EVEX is, one that needs it. */
function isChosen({ class: of, name }: Register, form: Form): boolean {
  if (!/^[xyzt]mm$/.test(of)) return true;
  const number = Number(/\d+$/.exec(name)![0]);
  return [1, 3, 6, 10].includes(number) || (number === 21 && form.mask !== "never");
}

function choicesFor(kind: OperandKind, form: Form, mode: Mode, mnemonic: string, position: number): Choice[] {
  const choices: Choice[] = [];
  const registersWhere = (wanted: (register: Register) => boolean): Choice[] =>
    registers
      .filter((register) => wanted(register) && hasRegister(mode, register.name) && isChosen(register, form))
      .map((register) => ({ operand: register, gnu: register.name.replace(/^st(\d)$/, "st($1)") }));
  if (kind.only !== undefined) choices.push(...registersWhere(({ name }) => name === kind.only));
  else if (kind.register !== undefined) choices.push(...registersWhere((each) => each.class === kind.register));
  if (kind.index !== undefined) choices.push(...gathers(kind.index, form, mode));
  else if (kind.memory !== undefined) choices.push(...memories(form, mode, kind.memory === "offset"));
  if (kind.immediate !== undefined)
    choices.push(...immediates(kind.immediate, mnemonic === "enter" || mnemonic === "int" || position > 1));
  if (kind.constant !== undefined) choices.push({ operand: Number(kind.constant), gnu: String(kind.constant) });
  return choices;
}

/** Addresses with a vector register as index. */
function gathers(index: "xmm" | "ymm" | "zmm", form: Form, mode: Mode): Choice[] {
  const base = mode === 64 ? asm.r9 : asm.ebx;
  const vector = registers.find(({ name }) => name === `${index}5`)!;
  const make = makers[form.memoryBits]!;
  return [
    [[base, asm.times(vector, 4), 8], `[${base.name}+${vector.name}*4+8]`],
    [[base, vector], `[${base.name}+${vector.name}*1]`],
  ].map(([terms, gnu]) => ({
    operand: make(...(terms as never[])),
    gnu: `${pointers[form.memoryBits]} ptr ${gnu as string}`,
  }));
}

function immediates({ bits, extendedTo }: { bits: number; extendedTo: number }, unsignedOnly: boolean): Choice[] {
  const top = 1n << BigInt(bits - 1);
  const values = [0n, 1n, 0x12n, top - 1n, ...(unsignedOnly ? [] : [-1n, -top])];
  if (bits === extendedTo) values.push(2n * top - 1n);
  return values.map((value) => ({
    operand: value,
    gnu: value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`,
  }));
}

/** Address shapes: each a list of terms for the builder and the same for GNU as. */
function memories(form: Form, mode: Mode, offsetsOnly: boolean): Choice[] {
  const { bx, si, bp, di, ebx, ecx, ebp, esp, eax, rbx, rcx, rbp, rsp, r8, r12, r13, r9d, es, fs, gs, times } = asm;
  const absolute: [readonly unknown[], string][] = [
    [[0x1234], "ds:[0x1234]"],
    [[fs, 0x10], "fs:[0x10]"],
  ];
  const shapes16: [readonly unknown[], string][] = [
    [[bx], "[bx]"],
    [[bp], "[bp]"],
    [[bx, si, 0x12], "[bx+si+0x12]"],
    [[bp, di, 0x1234], "[bp+di+0x1234]"],
    [[si, -1], "[si-1]"],
    [[es, di], "es:[di]"],
  ];
  const shapes32: [readonly unknown[], string][] = [
    [[eax], "[eax]"],
    [[ebp, -8], "[ebp-8]"],
    [[esp, 0x12345678], "[esp+0x12345678]"],
    [[ebx, times(ecx, 4), 0x7f], "[ebx+ecx*4+0x7f]"],
    [[times(ecx, 8), 0x80], "[ecx*8+0x80]"],
    [[gs, ebx, ecx], "gs:[ebx+ecx*1]"],
  ];
  const shapes64: [readonly unknown[], string][] = [
    [[rbx], "[rbx]"],
    [[rbp], "[rbp]"],
    [[r13, 0x7f], "[r13+0x7f]"],
    [[rsp, r8], "[rsp+r8*1]"],
    [[r12, times(rcx, 2), -0x80000000], "[r12+rcx*2-0x80000000]"],
    [[fs, rbx, times(r8, 8), 0x80], "fs:[rbx+r8*8+0x80]"],
    [[r9d, times(ecx, 4)], "[r9d+ecx*4]"],
  ];
  const shapes = [
    ...absolute,
    ...(offsetsOnly ? [] : mode === 64 ? [...shapes64, ...shapes32] : [...shapes16, ...shapes32]),
  ];
  const make = makers[form.memoryBits];
  if (make === undefined) return shapes.map(([terms, gnu]) => ({ operand: asm.mem(...(terms as [never])), gnu }));
  return shapes.map(([terms, gnu]) => ({
    operand: make(...(terms as never[])),
    gnu: form.memoryBits === 0 ? gnu : `${pointers[form.memoryBits]} ptr ${gnu}`,
  }));
}
