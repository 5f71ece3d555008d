/** Operands that GNU as fills in, puts in order, or takes as another instruction's. */
import type { Operand } from "../operands/operand-types.ts";
import type { Expression } from "../operands/expression.ts";
import { far } from "../operands/far.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import { withoutFixed } from "./fixed-operands.ts";
import type { Mnemonic } from "../builder/node.ts";
import type { Register } from "../operands/register.ts";
import { cl, st0, st1 } from "../operands/registers.ts";

/** An instruction with all of its operands. */
export interface Completed {
  readonly mnemonic: Mnemonic;
  readonly operands: readonly Operand[];
}

type Rule = (operands: readonly Operand[], mode: Mode) => readonly Operand[] | Completed;

const shift: Rule = (operands) => (operands.length === 1 ? [...operands, 1n] : operands);
const doubleShift: Rule = (operands) => (operands.length === 2 ? [...operands, cl] : operands);
const ascii: Rule = (operands) => (operands.length === 0 ? [10n] : operands);
const swap: Rule = ([a, b, ...rest]) =>
  isKind(a, "register") && isKind(b, "memory") ? [b, a, ...rest] : [a, b, ...rest].filter((each) => each !== undefined);
/** x87 arithmetic: without operands it is done on the two on top, which then are one. */
const arithmetic = (popping: Mnemonic): Rule => {
  return (operands) => {
    if (operands.length === 0) return { mnemonic: popping, operands: [st1, st0] };
    return operands.length === 1 && isKind(operands[0], "register") ? [st0, operands[0]] : operands;
  };
};
const popping: Rule = (operands) => {
  if (operands.length === 0) return [st1, st0];
  return operands.length === 1 ? [operands[0]!, st0] : operands;
};
const withTop: Rule = (operands) =>
  operands.length === 0
    ? [st0, st1]
    : operands.length === 1 && isKind(operands[0], "register")
      ? [st0, operands[0]]
      : operands;

/** Memory without a size, where GNU as takes that of the mode. */
const sized =
  (bitsOf: (mode: Mode) => number): Rule =>
  ([first, ...rest], mode) =>
    isKind(first, "memory") && first.size === 0
      ? [{ ...first, size: bitsOf(mode) }, ...rest]
      : first === undefined
        ? []
        : [first, ...rest];
const near = sized((mode) => mode);
const farTarget = sized((mode) => (mode === 16 ? 32 : 48));
/** `ljmp 8, start` is the same as `ljmp 8:start`. */
const farPair: Rule = ([first, second, ...rest], mode) =>
  isNumber(first) && isNumber(second)
    ? [far(typeof first === "bigint" ? Number(first) : first, second), ...rest]
    : farTarget(
        [first, second, ...rest].filter((each) => each !== undefined),
        mode,
      );

const exchange: Rule = (operands, mode) => {
  const [a, b] = operands;
  if (operands.length !== 2) return operands;
  if (mode === 64 && isKind(a, "register") && isKind(b, "register") && a.name === "rax" && b.name === "rax")
    return { mnemonic: "nop", operands: [] };
  // The accumulator has a short form of its own, as the second operand.
  return isKind(a, "register") && isKind(b, "register") && /^[er]?ax$/.test(a.name) ? [b, a] : swap(operands, mode);
};

/** Rules by mnemonic. */
const rules: Readonly<Partial<Record<Mnemonic, Rule>>> = {
  shl: shift,
  shr: shift,
  sar: shift,
  rol: shift,
  ror: shift,
  rcl: shift,
  rcr: shift,
  shld: doubleShift,
  shrd: doubleShift,
  aam: ascii,
  aad: ascii,
  test: swap,
  xchg: exchange,
  jmp: near,
  call: near,
  push: near,
  pop: near,
  ljmp: farPair,
  lcall: farPair,
  imul: (operands) =>
    operands.length === 2 && isNumber(operands[1]) && isKind(operands[0], "register")
      ? [operands[0], operands[0], operands[1]]
      : operands,
  int: (operands) => (operands[0] === 3n ? { mnemonic: "int3", operands: [] } : operands),
  movsx: (operands) => (bits(operands[1]) === 32 ? { mnemonic: "movsxd", operands } : operands),
  movd: (operands) => (operands.some((each) => bits(each) === 64) ? { mnemonic: "movq", operands } : operands),
  movq: (operands) => (operands.some(isVector) ? operands : { mnemonic: "mov", operands }),
  fadd: arithmetic("faddp"),
  fmul: arithmetic("fmulp"),
  fsub: arithmetic("fsubp"),
  fsubr: arithmetic("fsubrp"),
  fdiv: arithmetic("fdivp"),
  fdivr: arithmetic("fdivrp"),
  faddp: popping,
  fmulp: popping,
  fsubp: popping,
  fsubrp: popping,
  fdivp: popping,
  fdivrp: popping,
  fxch: withTop,
  fcom: withTop,
  fcomp: withTop,
  fucom: withTop,
  fucomp: withTop,
  fcomi: withTop,
  fcomip: withTop,
  fucomi: withTop,
  fucomip: withTop,
};

/** The instruction that is meant. */
export function complete(mnemonic: Mnemonic, operands: readonly Operand[], mode: Mode): Completed {
  const result = rules[mnemonic]?.(operands, mode) ?? withoutFixed(mnemonic, operands, mode);
  return "mnemonic" in result ? result : { mnemonic, operands: result };
}

function isKind(operand: Operand | undefined, kind: "register"): operand is Register;
function isKind(operand: Operand | undefined, kind: "memory"): operand is Memory;
function isKind(operand: Operand | undefined, kind: string): boolean {
  return typeof operand === "object" && operand.kind === kind;
}

function isNumber(operand: Operand | undefined): operand is bigint | Expression {
  return typeof operand === "bigint" || (typeof operand === "object" && operand.kind === "expression");
}

function isVector(operand: Operand): boolean {
  return isKind(operand, "register") && (operand.class === "mm" || operand.class === "xmm");
}

/** The width of a general register or of memory in bits; 0 for what has none. */
function bits(operand: Operand | undefined): number {
  if (isKind(operand, "memory")) return operand.size;
  const width = isKind(operand, "register") ? /^r(\d+)$/.exec(operand.class)?.[1] : undefined;
  return Number(width ?? 0);
}
