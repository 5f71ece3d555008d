/**
 * The forms of an instruction, read from iced-x86's tables, and which of them fit given operands. The builder's types are
 * generated from the same tables, so what compiles matches here; text and untyped callers are checked here alone.
 */
import type * as Iced from "iced-x86";
import { isExpression } from "./expression.ts";
import { instructionCodes } from "./instructions.ts";
import type { Mode } from "./mode.ts";
import type { Mnemonic, NodeOperand } from "./node.ts";
import type { OperandKind } from "./operand-kind.ts";
import { operandKinds } from "./operand-kind.ts";
import type { Register } from "./register.ts";

/** One encoding of an instruction. */
export interface Form {
  /** iced-x86's number for it. */
  readonly code: number;
  readonly kinds: readonly OperandKind[];
  /** The size of its memory operand in bits, 0 where it has none or takes any. */
  readonly memoryBits: number;
  /** The operand size in bits that the form fixes, 0 where it fixes none. */
  readonly operandSize: number;
  /** The address size in bits that the form fixes, 0 where it fixes none. */
  readonly addressSize: number;
  /** Whether its operand size is 64 bits in 64-bit code without a REX prefix. */
  readonly defaults64: boolean;
  /** Whether it reads 16 bits of its register operand, whatever the register's width: `mov ds, eax`. */
  readonly readsWord: boolean;
  /** The form as the manual writes it. */
  readonly text: string;
}

/** Selectors and the machine status word are 16 bits wide: SDM vol. 2, "Move to Segment Register", LLDT, LMSW, ... */
const readsWord = /^(MOV Sreg,|LLDT|LTR|LMSW|VERR|VERW)/;

/** Reads forms, once for each mnemonic and mode. */
export class FormTable {
  readonly #iced: typeof Iced;
  readonly #forms = new Map<string, readonly Form[]>();

  constructor(iced: typeof Iced) {
    this.#iced = iced;
  }

  /** All forms of a mnemonic in a mode. */
  of(mnemonic: Mnemonic, mode: Mode): readonly Form[] {
    const key = `${mnemonic} ${mode}`;
    let forms = this.#forms.get(key);
    if (forms === undefined) {
      forms = instructionCodes[mnemonic].map((code) => this.#read(code, mode)).filter((form) => form !== undefined);
      this.#forms.set(key, forms);
    }
    return forms;
  }

  #read(code: number, mode: Mode): Form | undefined {
    const { CodeExt, MemorySizeExt, OpCodeOperandKind } = this.#iced;
    const opCode = CodeExt.opCode(code);
    try {
      if (!opCode[`mode${mode}`]) return undefined;
      return {
        code,
        kinds: Array.from({ length: opCode.opCount }, (_, i) => operandKinds[OpCodeOperandKind[opCode.opKind(i)]!]!),
        memoryBits: MemorySizeExt.size(opCode.memorySize) * 8,
        operandSize: opCode.operandSize,
        addressSize: opCode.addressSize,
        defaults64: opCode.defaultOpSize64 || opCode.forceOpSize64,
        readsWord: readsWord.test(opCode.instructionString),
        text: opCode.instructionString.toLowerCase(),
      };
    } finally {
      opCode.free();
    }
  }
}

/** The operands of a form that the author writes. A string instruction's are all implied by its name. */
export function writtenKinds(form: Form): readonly OperandKind[] {
  return form.kinds.some((kind) => kind.implies !== undefined) ? [] : form.kinds;
}

/** The forms that take these operands. Where only an implied size tells forms apart, those of the mode's own size. */
export function fittingForms(forms: readonly Form[], mode: Mode, operands: readonly NodeOperand[]): readonly Form[] {
  const fitting = forms.filter((form) => {
    const kinds = writtenKinds(form);
    return kinds.length === operands.length && kinds.every((kind, i) => fits(kind, operands[i]!, form, mode));
  });
  return ofDefaultSize(ofDefaultSize(fitting, mode, "addressSize"), mode, "operandSize");
}

/**
 * Of forms that differ in an implied size, those of the size that the mode implies: its own, but in 64-bit code the
 * operand size is 32 bits unless the form says otherwise (SDM vol. 1, 3.6.1).
 */
function ofDefaultSize(
  forms: readonly Form[],
  mode: Mode,
  size: "operandSize" | "addressSize",
): readonly Form[] {
  const sizes = new Set(forms.map((form) => form[size]));
  if (sizes.size < 2) return forms;
  const ofMode = forms.filter((form) => form[size] === mode && (mode !== 64 || size === "addressSize" || form.defaults64));
  return ofMode.length > 0 ? ofMode : forms.filter((form) => form[size] === 32);
}

/** Whether one operand of a form accepts what was written. */
function fits(kind: OperandKind, operand: NodeOperand, form: Form, mode: Mode): boolean {
  if (typeof operand === "bigint") return fitsNumber(kind, operand);
  if (isExpression(operand)) return kind.branch !== undefined || (kind.immediate !== undefined && isFullWidth(kind));
  if (operand.kind === "register") return fitsRegister(kind, operand, form);
  if (kind.memory === undefined) return false;
  if (operand.size !== 0 && form.memoryBits !== 0 && operand.size !== form.memoryBits) return false;
  if (kind.memory === "modrm") return true;
  return operand.base === undefined && operand.index === undefined && mode !== 64;
}

function fitsRegister(kind: OperandKind, operand: Register, form: Form): boolean {
  if (kind.only !== undefined) return kind.only === operand.name;
  if (kind.register === operand.class) return true;
  return operand.class === "r16" && form.readsWord && (kind.register === "r32" || kind.register === "r64");
}

function fitsNumber(kind: OperandKind, value: bigint): boolean {
  if (kind.branch !== undefined) return true;
  if (kind.constant !== undefined) return kind.constant === value;
  if (kind.immediate === undefined) return false;
  const { bits, extendedTo } = kind.immediate;
  if (value < -(1n << BigInt(extendedTo - 1)) || value >= 1n << BigInt(extendedTo)) return false;
  const signed = BigInt.asIntN(extendedTo, value);
  return bits === extendedTo || BigInt.asIntN(bits, signed) === signed;
}

/** Whether an immediate can hold an address: the short sign-extended forms are left to numbers known when written. */
function isFullWidth(kind: OperandKind): boolean {
  return kind.immediate!.bits === kind.immediate!.extendedTo || kind.immediate!.bits === 32;
}
