/**
 * Planning: each instruction's ways to be encoded, shortest first, before addresses are known. Numbers that depend on
 * labels are pending: a placeholder of full width stands for them until the linker fills them in.
 */
import { hex } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { Request } from "./encode.ts";
import type { Expression } from "../operands/expression.ts";
import { isExpression } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import type { Form } from "../instructions/form.ts";
import type { FormTable } from "../instructions/form-table.ts";
import {
  fitsImmediate,
  formsInKind,
  formsInRange,
  formsOfChosenEncoding,
  formsOfImpliedSize,
  formsOfUsualEncoding,
  needSize,
} from "../instructions/form.ts";
import { operandToText, statementToText } from "../listing.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { InstructionNode, NodeOperand } from "../builder/node.ts";
import type { OperandKind } from "../instructions/operand-kind.ts";
import { hasRegister, type Register } from "../operands/register.ts";
import { nearestFormsToText } from "./nearest-forms.ts";
import { numberOf } from "./number-place.ts";
import type { ResolvedOperand } from "./resolved.ts";
import { addressBits, placeholder } from "./resolved.ts";

/** The ways to encode an instruction, shortest first. More than one only where a pending number decides. */
export function plan(table: FormTable, written: InstructionNode): readonly Request[] {
  const node = accumulatorLast(written);
  const { mode } = node;
  const forms = table.of(node.mnemonic, mode);
  if (forms.length === 0) throw badOperands(node, `${mode}-bit code has no ${node.mnemonic}`);
  for (const operand of node.operands) checkOperand(mode, node, operand);
  if (node.decorators.mask === "k0")
    throw badOperands(node, `${statementToText(node)}: k0 cannot be a mask, it means no mask`);
  const inKind = formsInKind(forms, mode, node);
  if (inKind.length === 0) throw noForm(forms, node);
  checkSize(inKind, node);
  const ofSize = formsOfEncoding(formsOfSize(inKind, node), node);
  const fitting = formsInRange(ofSize, node.operands);
  if (fitting.length === 0) throw outOfRange(ofSize, node);
  const isPending =
    expressionsOf(node).length > 0 || fitting[0]!.written.some(({ branch, far }) => (branch ?? far) !== undefined);
  return byPendingWidth(fitting, node).map((group) => ({
    isPending,
    forms: group,
    instruction: {
      mode,
      mnemonic: node.mnemonic,
      prefix: node.prefix,
      operands: node.operands.map((operand, i) => pend(operand, group[0]!.written[i]!)),
      decorators: node.decorators,
      implied: node.implied,
      encoding: node.encoding,
      broadcastTo: node.decorators.broadcast !== false ? group[0]!.memoryBits / group[0]!.broadcastBits : 0,
    },
  }));
}

/** XCHG is the same either way round; its short form has the accumulator last (SDM vol. 2B, XCHG). */
function accumulatorLast(node: InstructionNode): InstructionNode {
  const [first, second] = node.operands;
  if (node.mnemonic !== "xchg" || first === undefined || second === undefined) return node;
  const isShort = isAccumulator(first) && isRegister(second) && first.class === second.class && first.class !== "r8";
  return isShort && first !== second ? { ...node, operands: [second, first] } : node;
}

/** The forms of the operand size that the name asks for, else of the one that the mode implies. */
function formsOfSize(forms: readonly Form[], node: InstructionNode): readonly Form[] {
  const { operandSize, mode, operands } = node;
  if (operandSize === undefined) return formsOfImpliedSize(forms, mode, operands);
  const implied = mode === 64 ? 32 : mode;
  const sized = forms.filter((form) => (form.operandSize === 0 ? implied : form.operandSize) === operandSize);
  if (sized.length === 0) throw noForm(forms, node);
  return sized;
}

/** The forms of the encoding that the author chose, else those of the usual one. */
function formsOfEncoding(forms: readonly Form[], node: InstructionNode): readonly Form[] {
  if (node.encoding === undefined) return formsOfUsualEncoding(forms, node.operands);
  const chosen = formsOfChosenEncoding(forms, node.operands, node.encoding);
  if (chosen.length === 0) throw badOperands(node, `${statementToText(node)}: there is no such encoding`);
  return chosen;
}

/** How sizes are written in the builder and in text. */
const hints = {
  builder: {
    size: "write byte(...), word(...), dword(...) or qword(...)",
    elements: "write broadcast(..., 2), 4, 8, 16 or 32",
  },
  text: {
    size: "write byte ptr [...], word ptr [...], dword ptr [...] or qword ptr [...]",
    elements: "write {1to2}, {1to4}, {1to8}, {1to16} or {1to32} behind the memory",
  },
} as const;

/** Finds memory without a size where forms differ in nothing else, so that none of them is what the author means. */
function checkSize(forms: readonly Form[], node: InstructionNode): void {
  const { broadcast } = node.decorators;
  const memory = node.operands.find((operand) => typeof operand === "object" && operand.kind === "memory");
  if (memory === undefined) return;
  const bitsOf = (form: Form): number => (broadcast === false ? form.memoryBits : form.broadcastBits);
  const isUnknown = memory.size === 0 && needSize(new Set(forms.map(bitsOf)));
  const isUncounted = broadcast === true && new Set(forms.map((form) => form.memoryBits / form.broadcastBits)).size > 1;
  if (!isUnknown && !isUncounted) return;
  const what = isUnknown ? "the size of the memory operand" : "the number of elements that are broadcast";
  throw new AsmError(`${statementToText(node)}: ${what} is not known`, {
    code: "BAD_OPERANDS",
    value: node.operands,
    source: locate(node.site),
    hint: hints[node.site.inText === undefined ? "builder" : "text"][isUnknown ? "size" : "elements"],
  });
}

/** Splits forms by the width of their pending number; one group where none is pending. */
function byPendingWidth(forms: readonly Form[], node: InstructionNode): readonly (readonly Form[])[] {
  const groups = new Map<number, Form[]>();
  for (const form of forms) {
    const width = form.written.reduce<number>((sum, kind, i) => {
      if (kind.branch !== undefined) return kind.branch;
      return isExpression(node.operands[i]) ? (kind.immediate?.bits ?? sum) : sum;
    }, 0);
    groups.set(width, [...(groups.get(width) ?? []), form]);
  }
  return [...groups].toSorted(([a], [b]) => a - b).map(([, group]) => group);
}

/** An operand with a placeholder for what is pending. A branch's distance always is: it depends on where it stands. */
function pend(operand: NodeOperand, kind: OperandKind): ResolvedOperand {
  if (kind.branch !== undefined) return kind.branch === 8 ? 0x10n : placeholder(kind.branch);
  if (isExpression(operand)) return placeholder(kind.immediate!.bits);
  if (typeof operand === "object" && operand.kind === "far") {
    const { selector } = operand;
    const known = isExpression(selector) ? Number(placeholder(16)) : selector;
    return { ...operand, selector: known, offset: placeholder(kind.far!) };
  }
  if (typeof operand === "bigint" || operand.kind === "register") return operand;
  return { ...operand, displacement: isExpression(operand.displacement) ? undefined : operand.displacement };
}

/** Finds what no form can make good: a register or an address that the mode lacks. */
function checkOperand(mode: Mode, node: InstructionNode, operand: NodeOperand): void {
  if (typeof operand === "bigint" || operand.kind === "expression" || operand.kind === "far") return;
  if (operand.kind === "register") return checkRegister(mode, node, operand.name);
  const has = { 16: [0, 16, 32], 32: [0, 16, 32], 64: [0, 32, 64] }[mode];
  if (!has.includes(operand.addressSize)) {
    throw badOperands(node, `${mode}-bit code has no ${operand.addressSize}-bit addressing: ${operandToText(operand)}`);
  }
  for (const name of [operand.base, operand.index]) if (name !== undefined) checkRegister(mode, node, name);
  checkDisplacement(mode, node, operand);
}

function checkRegister(mode: Mode, node: InstructionNode, name: string): void {
  if (!hasRegister(mode, name)) throw badOperands(node, `${mode}-bit code has no register ${name}`);
}

/** A displacement is as wide as the address, but 32 bits, sign-extended, in 64-bit addresses (SDM vol. 2A, 2.2.1.3). */
function checkDisplacement(mode: Mode, node: InstructionNode, memory: Memory): void {
  const { displacement } = memory;
  if (isExpression(displacement)) return;
  const bits = addressBits(memory, mode);
  if (fitsField(displacement, Math.min(bits, 32), bits)) return;
  // MOV of the accumulator has a form with an address of 64 bits: SDM vol. 2B, MOV.
  const isBare = memory.base === undefined && memory.index === undefined;
  if (node.mnemonic === "mov" && isBare && node.operands.some(isAccumulator) && fitsField(displacement, bits, bits))
    return;
  throw new AsmError(
    `${statementToText(node)}: the displacement ${hex(displacement)} is beyond ${Math.min(bits, 32)} bits`,
    {
      code: "OUT_OF_RANGE",
      value: displacement,
      source: locate(node.site),
      ...(isBare && mode === 64
        ? { hint: "load the address into a register; only mov of al, ax, eax or rax holds 64 bits of one" }
        : {}),
    },
  );
}

function isRegister(operand: NodeOperand): operand is Register {
  return typeof operand === "object" && operand.kind === "register";
}

function isAccumulator(operand: NodeOperand): operand is Register {
  return isRegister(operand) && /^([er]?ax|al)$/.test(operand.name);
}

function badOperands(node: InstructionNode, message: string): AsmError {
  return new AsmError(message, { code: "BAD_OPERANDS", value: node.operands, source: locate(node.site) });
}

function noForm(forms: readonly Form[], node: InstructionNode): AsmError {
  return new AsmError(`${statementToText(node)}: ${node.mnemonic} does not take these operands`, {
    code: "BAD_OPERANDS",
    value: node.operands,
    source: locate(node.site),
    hint: `it takes ${nearestFormsToText(forms, node)}`,
  });
}

function outOfRange(forms: readonly Form[], node: InstructionNode): AsmError {
  const fitsNowhere = (operand: NodeOperand, i: number): boolean =>
    typeof operand === "bigint" && forms.every(({ written }) => !fitsImmediate(written[i]!, operand));
  const value = node.operands.find(fitsNowhere) ?? node.operands.findLast((operand) => typeof operand === "bigint");
  const ranges = new Set(
    forms.flatMap(({ written }) =>
      written.flatMap(({ immediate }) => (immediate === undefined ? [] : rangeToText(immediate))),
    ),
  );
  return new AsmError(`${statementToText(node)}: ${hex(value as bigint)} is out of range`, {
    code: "OUT_OF_RANGE",
    value,
    source: locate(node.site),
    hint: `${[...ranges].join(", ")}, in ${forms.map((form) => form.text).join(" | ")}`,
  });
}

/** The numbers that an immediate holds: signed and unsigned ones, but only signed ones where the CPU extends it. */
function rangeToText({ bits, extendedTo }: NonNullable<OperandKind["immediate"]>): string {
  const half = 1n << BigInt(bits - 1);
  const isExtended = bits !== extendedTo;
  const [first, last] = [-half, isExtended ? half - 1n : 2n * half - 1n].map((each) =>
    bits > 8 ? hex(each) : String(each),
  );
  return `imm${bits}${isExtended ? ` of a ${extendedTo}-bit operand` : ""} is ${first}..${last}`;
}

/** The numbers among an instruction's operands that depend on labels. */
export function expressionsOf({ operands }: InstructionNode): readonly Expression[] {
  let expressions: Expression[] | undefined;
  for (const operand of operands) {
    const number = numberOf(operand);
    if (typeof number === "object") (expressions ??= []).push(number);
    if (typeof operand === "object" && operand.kind === "far" && isExpression(operand.selector))
      (expressions ??= []).push(operand.selector);
  }
  return expressions ?? none;
}

const none: readonly Expression[] = [];
