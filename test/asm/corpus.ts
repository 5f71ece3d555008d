/**
 * Statements for the oracle: for every form of every instruction, operands of every kind that it takes, each as the
 * builder's operand and as GNU as writes it. The choice is a fixed one, so that a failure can be repeated.
 */
import * as asm from "guestwright/asm";
import type { Memory, Mode, Operand, Register } from "guestwright/asm";
import { writtenKinds, type Form, type FormTable } from "../../src/asm/form.ts";
import { instructionCodes } from "../../src/asm/instructions.ts";
import type { Mnemonic } from "../../src/asm/node.ts";
import type { OperandKind } from "../../src/asm/operand-kind.ts";
import { hasRegister } from "../../src/asm/register.ts";
import * as registersByName from "../../src/asm/registers.ts";

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

const registers = Object.values(registersByName) as readonly Register[];

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
  int1: "icebp",
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
};
const makers: Readonly<Record<number, (...terms: never[]) => Memory>> = {
  0: asm.mem,
  8: asm.byte,
  16: asm.word,
  32: asm.dword,
  48: asm.fword,
  64: asm.qword,
  128: asm.xmmword,
};

/** Every statement that the table has for a mode. */
export function corpus(table: FormTable, mode: Mode): Statement[] {
  const mnemonics = Object.keys(instructionCodes) as Mnemonic[];
  return mnemonics.flatMap((mnemonic) =>
    table
      .of(mnemonic, mode)
      // A branch's bytes depend on where it stands: programs test them.
      .filter((form) => form.kinds.every((kind) => kind.branch === undefined))
      .flatMap((form) => statements(mnemonic, form, mode)),
  );
}

function statements(mnemonic: Mnemonic, form: Form, mode: Mode): Statement[] {
  const choices = writtenKinds(form).map((kind, i) => choicesFor(kind, form, mode, mnemonic, i));
  const count = Math.max(1, ...choices.map((each) => each.length));
  return Array.from({ length: count }, (_, n) => {
    // Each operand runs through its choices at its own pace, so that pairs vary.
    const chosen = choices.map((each, i) => each[(n * (i + 1) + i) % each.length]!);
    const words = chosen.map(({ gnu }) => gnu).join(", ");
    return {
      mnemonic,
      operands: chosen.map(({ operand }) => operand),
      gnu: `${gnuNames[mnemonic] ?? mnemonic} ${words}`.trim(),
    };
  });
}

function choicesFor(kind: OperandKind, form: Form, mode: Mode, mnemonic: string, position: number): Choice[] {
  const choices: Choice[] = [];
  if (kind.only !== undefined) choices.push(...registersWhere(mode, ({ name }) => name === kind.only));
  else if (kind.register !== undefined) choices.push(...registersWhere(mode, (each) => each.class === kind.register));
  if (kind.memory !== undefined) choices.push(...memories(form, mode, kind.memory === "offset"));
  if (kind.immediate !== undefined)
    choices.push(...immediates(kind.immediate, mnemonic === "enter" || mnemonic === "int" || position > 1));
  if (kind.constant !== undefined) choices.push({ operand: Number(kind.constant), gnu: String(kind.constant) });
  return choices;
}

function registersWhere(mode: Mode, wanted: (register: Register) => boolean): Choice[] {
  return registers
    .filter((register) => wanted(register) && hasRegister(mode, register.name))
    .map((register) => ({ operand: register, gnu: register.name }));
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
