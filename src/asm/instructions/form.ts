/**
 * The forms of an instruction, read from iced-x86's tables, and which of them fit given operands. The builder's types are
 * generated from the same tables, so what compiles matches here; text and untyped callers are checked here alone.
 */
import type * as Iced from "iced-x86";
import type { Decorators } from "../operands/decorators.ts";
import { isExpression } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { EncodingChoice, InstructionNode, NodeOperand } from "../builder/node.ts";
import type { OperandKind, WrittenOperand } from "./operand-kind.ts";
import { operandKinds, writtenOperands } from "./operand-kind.ts";
import type { Register } from "../operands/register.ts";

/** One encoding of an instruction. */
export interface Form {
  /** iced-x86's number for it. */
  readonly code: number;
  /** All of its operands. */
  readonly kinds: readonly OperandKind[];
  /** Those that the author writes. */
  readonly written: readonly WrittenOperand[];
  /** The size of its memory operand in bits, 0 where it has none or takes any. */
  readonly memoryBits: number;
  /** The operand size in bits that the form fixes, 0 where it fixes none. */
  readonly operandSize: number;
  /** The address size in bits that the form fixes, 0 where it fixes none. */
  readonly addressSize: number;
  /** Whether its operand size is 64 bits in 64-bit code without a REX prefix. */
  readonly defaults64: boolean;
  /** Whether Intel's CPUs decode it. */
  readonly isIntels: boolean;
  /** Whether an encoding that needs AVX-512 is its usual one; of the other encodings, whether they are VEX. */
  readonly encoding: "legacy" | "vex" | "evex" | "vex after evex";
  /** Whether it reads 16 bits of its register operand, whatever the register's width: `mov ds, eax`. */
  readonly readsWord: boolean;
  /** Whether its destination takes a mask: `must` for gathers and scatters. */
  readonly mask: "never" | "may" | "must";
  /** Whether the mask can zero. */
  readonly zeroing: boolean;
  /** The size in bits of an element that it broadcasts from memory, 0 where it does not. */
  readonly broadcastBits: number;
  /** What EVEX multiplies displacements of 8 bits by, where memory is no broadcast; 1 of other forms (SDM vol. 2A, 2.7.5). */
  readonly displacementScale: number;
  /** Whether it takes a rounding mode, or `{sae}` alone. */
  readonly rounding: "never" | "mode" | "sae";
  /** The form as the manual writes it. */
  readonly text: string;
}

/** The sizes of memory, in bits, that have a name. */
const namedSizes = new Set([8, 16, 32, 48, 64, 80, 128, 256, 512]);

/** Whether forms differ in the size of memory, and the author must name one; x87's environment has no named size. */
export function needSize(sizes: ReadonlySet<number>): boolean {
  return sizes.size > 1 && [...sizes].some((size) => namedSizes.has(size));
}

/** Selectors and the machine status word are 16 bits wide: SDM vol. 2, "Move to Segment Register", LLDT, LMSW, ... */
const readsWord = /^(ARPL|MOV Sreg,|LLDT|LTR|LMSW|VERR|VERW)/;

/**
 * The forms among some codes that a mode has. Where AMD's and Intel's CPUs differ in a form, such as near branches of 16
 * bits in 64-bit code, only what both decode is left; instructions that only one of them has stay.
 */
export function readForms(iced: typeof Iced, codes: readonly number[], mode: Mode): readonly Form[] {
  const listed = codes.filter((code) => !isSecondOpcode(iced, code));
  const forms = listed.map((code) => readForm(iced, code, mode)).filter((form) => form !== undefined);
  const common = forms.filter((form) => form.isIntels);
  return common.length > 0 ? common : forms;
}

/** The x87 has opcodes that only repeat others, and no manual lists them; iced-x86 adds their bytes to their names. */
function isSecondOpcode(iced: typeof Iced, code: number): boolean {
  return /^F\w+_D[B-F][CDE][08]$/.test(iced.Code[code]!);
}

function readForm(iced: typeof Iced, code: number, mode: Mode): Form | undefined {
  const { CodeExt, MemorySizeExt, OpCodeOperandKind, TupleType } = iced;
  const opCode = CodeExt.opCode(code);
  try {
    const kinds = Array.from({ length: opCode.opCount }, (_, i) => operandKinds[OpCodeOperandKind[opCode.opKind(i)]]);
    if (!opCode[`mode${mode}`] || !kinds.every((kind) => kind !== undefined)) return undefined;
    return {
      code,
      kinds,
      written: writtenOperands(kinds),
      memoryBits: MemorySizeExt.size(opCode.memorySize) * 8,
      operandSize: opCode.operandSize,
      addressSize: opCode.addressSize,
      defaults64: opCode.defaultOpSize64 || opCode.forceOpSize64,
      isIntels: opCode[`intelDecoder${mode}`],
      encoding: encodingOf(iced, opCode),
      mask: !opCode.canUseOpMaskRegister ? "never" : opCode.requireOpMaskRegister ? "must" : "may",
      zeroing: opCode.canUseZeroingMasking,
      broadcastBits: opCode.canBroadcast ? MemorySizeExt.size(opCode.broadcastMemorySize) * 8 : 0,
      displacementScale: Number(/^N(\d+)/.exec(TupleType[opCode.tupleType])![1]),
      rounding: opCode.canUseRoundingControl ? "mode" : opCode.canSuppressAllExceptions ? "sae" : "never",
      readsWord: readsWord.test(opCode.instructionString),
      text: opCode.instructionString.toLowerCase(),
    };
  } finally {
    opCode.free();
  }
}

/** Features that gave VEX encodings to what AVX-512 had first: assemblers keep to EVEX unless told otherwise. */
const vexAfterEvex = /^AVX_(VNNI|IFMA|NE_CONVERT)$/;

function encodingOf(iced: typeof Iced, opCode: Iced.OpCodeInfo): Form["encoding"] {
  const { CpuidFeature, EncodingKind, Instruction } = iced;
  if (opCode.encoding === EncodingKind.EVEX) return "evex";
  if (opCode.encoding !== EncodingKind.VEX) return "legacy";
  const instruction = new Instruction();
  instruction.code = opCode.code;
  const features = Array.from(instruction.cpuidFeatures(), (feature) => CpuidFeature[feature]!);
  instruction.free();
  return features.some((feature) => vexAfterEvex.test(feature)) ? "vex after evex" : "vex";
}

/** What of an instruction decides which forms fit. */
export type Operands = Pick<InstructionNode, "operands" | "decorators" | "isAbsolute">;

/** The forms that take operands of these kinds, whatever numbers are written. */
export function formsInKind(
  forms: readonly Form[],
  mode: Mode,
  { operands, decorators, isAbsolute }: Operands,
): readonly Form[] {
  return forms.filter(
    (form) =>
      form.written.length === operands.length &&
      takesDecorators(form, decorators) &&
      form.written.every((kind, i) => fits(kind, operands[i]!, form, mode, decorators, isAbsolute === true)) &&
      (decorators.rounding === undefined || !operands.some(isMemory)),
  );
}

/** Whether a form has an operand at a place, counted from 0, that takes what is written there. */
export function operandFits(
  form: Form,
  place: number,
  { operands, decorators, isAbsolute, mode }: Operands & Pick<InstructionNode, "mode">,
): boolean {
  const kind = form.written[place];
  return kind !== undefined && fits(kind, operands[place]!, form, mode, decorators, isAbsolute === true);
}

function takesDecorators(form: Form, { mask, zeroing, broadcast, rounding }: Decorators): boolean {
  return (
    form.mask !== (mask === undefined ? "must" : "never") &&
    (!zeroing || form.zeroing) &&
    (broadcast === false || broadcasts(form, broadcast)) &&
    (rounding === undefined || form.rounding === (rounding === "sae" ? "sae" : "mode"))
  );
}

function broadcasts({ broadcastBits, memoryBits }: Form, to: true | number): boolean {
  return broadcastBits !== 0 && (to === true || to === memoryBits / broadcastBits);
}

function isMemory(operand: NodeOperand): operand is Memory {
  return typeof operand === "object" && operand.kind === "memory";
}

/**
 * Of forms that only an implied size tells apart, those of the size that the mode implies. Numbers do not count here: one
 * that is too large for the implied size is an error, not another size.
 */
export function formsOfImpliedSize(
  forms: readonly Form[],
  mode: Mode,
  operands: readonly NodeOperand[],
): readonly Form[] {
  const ofMode = orAll(forms, (form) => form.addressSize === mode);
  // In 16-bit code `lgdt fword ptr` asks for all 32 bits of the base; without a size the base has 24 (SDM vol. 2A, LGDT).
  const isFarword = operands.some(
    (operand) => typeof operand === "object" && operand.kind === "memory" && operand.size === 48,
  );
  if (mode !== 64) return orAll(ofMode, (form) => form.operandSize === (isFarword ? 32 : mode));
  // In 64-bit code the operand size is 32 bits unless the form says otherwise (SDM vol. 1, 3.6.1).
  const by64 = ofMode.filter((form) => form.defaults64);
  return by64.length > 0 ? by64 : orAll(ofMode, (form) => form.operandSize === 32);
}

/** The forms that have the implied size; all of them where none has it, since then something else decides. */
function orAll(forms: readonly Form[], hasImpliedSize: (form: Form) => boolean): readonly Form[] {
  const implied = forms.filter(hasImpliedSize);
  return implied.length > 0 ? implied : forms;
}

/**
 * Of forms with VEX and with EVEX, those that more CPUs have: VEX, unless a register or a decoration needs EVEX. EVEX is
 * never chosen because it is shorter, as with its scaled displacements.
 */
export function formsOfUsualEncoding(forms: readonly Form[], operands: readonly NodeOperand[]): readonly Form[] {
  const evex = forms.filter((form) => form.encoding === "evex");
  const others = forms.filter((form) => form.encoding !== "evex");
  if (evex.length === 0 || others.length === 0) return forms;
  if (operands.some(needsEvex) || others.every((form) => form.encoding === "vex after evex")) return evex;
  return others;
}

/**
 * The forms of the encoding that an author chose. `load` and `store` say which of two registers is where memory can be; they
 * mean nothing where only one of them can.
 */
export function formsOfChosenEncoding(
  forms: readonly Form[],
  operands: readonly NodeOperand[],
  choice: EncodingChoice,
): readonly Form[] {
  if (choice === "evex") return forms.filter((form) => form.encoding === "evex");
  if (choice === "vex" || choice === "vex3")
    return operands.some(needsEvex) ? [] : forms.filter(({ encoding }) => encoding.startsWith("vex"));
  const usual = formsOfUsualEncoding(forms, operands);
  const chosen = usual.filter(({ written }) => written[choice === "load" ? 1 : 0]?.memory !== undefined);
  return chosen.length === 0 ? usual : chosen;
}

/** Vector registers from 16 on have no VEX encoding (SDM vol. 2A, 2.7). */
function needsEvex(operand: NodeOperand): boolean {
  if (typeof operand !== "object" || operand.kind === "expression" || operand.kind === "far") return false;
  return /^[xyz]mm(1[6-9]|[23]\d)$/.test(operand.kind === "register" ? operand.name : (operand.index ?? ""));
}

/** Of the forms, those whose immediates hold the numbers that are written. */
export function formsInRange(forms: readonly Form[], operands: readonly NodeOperand[]): readonly Form[] {
  return forms.filter((form) =>
    form.written.every((kind, i) => {
      const operand = operands[i];
      return typeof operand !== "bigint" || fitsImmediate(kind, operand);
    }),
  );
}

/** Whether an operand holds a number, as far as that is known before linking. */
export function fitsImmediate({ immediate }: OperandKind, value: bigint): boolean {
  return immediate === undefined || fitsField(value, immediate.bits, immediate.extendedTo);
}

/** Whether one operand of a form accepts what was written. */
function fits(
  kind: OperandKind,
  operand: NodeOperand,
  form: Form,
  mode: Mode,
  { broadcast }: Decorators,
  isAbsolute: boolean,
): boolean {
  // Only forms that hold 64 bits hold all of a number.
  if (isAbsolute && kind.immediate !== undefined && kind.immediate.bits < 64) return false;
  if (typeof operand === "bigint") {
    return kind.branch !== undefined || kind.immediate !== undefined || kind.constant === operand;
  }
  if (isExpression(operand)) return kind.branch !== undefined || (kind.immediate !== undefined && isFullWidth(kind));
  if (operand.kind === "register") return fitsRegister(kind, operand, form);
  if (operand.kind === "far") return kind.far !== undefined && (operand.bits === 0 || operand.bits === kind.far);
  if (kind.memory === undefined) return false;
  const bits = broadcast !== false ? form.broadcastBits : form.memoryBits;
  if (operand.size !== 0 && bits !== 0 && operand.size !== bits) return false;
  if (vectorIndex(operand) !== kind.index) return false;
  const isBare = operand.base === undefined && operand.index === undefined;
  const isWide = mode === 64 && isBare && (isAbsolute || isBeyond32(operand.displacement));
  return kind.memory === "modrm" ? !isWide : isBare && (mode !== 64 || isWide);
}

/** Whether an address is beyond what 64-bit code reaches with 32 bits, sign-extended. */
function isBeyond32(displacement: Memory["displacement"]): boolean {
  return typeof displacement === "bigint" && !fitsField(displacement, 32, 64);
}

/** The class of the vector register that indexes an address, if one does. */
function vectorIndex({ index }: Memory): string | undefined {
  return /^[xyz]mm/.exec(index ?? "")?.[0];
}

function fitsRegister(kind: OperandKind, operand: Register, form: Form): boolean {
  if (kind.only !== undefined) return kind.only === operand.name;
  if (kind.register === operand.class) return true;
  return operand.class === "r16" && form.readsWord && (kind.register === "r32" || kind.register === "r64");
}

/** Whether an immediate can hold an address: the short sign-extended forms are left to numbers known when written. */
function isFullWidth(kind: OperandKind): boolean {
  return kind.immediate!.bits === kind.immediate!.extendedTo || kind.immediate!.bits === 32;
}
