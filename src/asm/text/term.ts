/** What an operand's text amounts to: registers with factors, and a number or an expression of labels. */
import type { Expression } from "../operands/expression.ts";
import { calculate, constant } from "../operands/expression.ts";
import type { Operator } from "../operands/operator.ts";
import type { Register } from "../operands/register.ts";

/** A register in an operand. */
export interface RegisterTerm {
  readonly register: Register;
  readonly factor: bigint;
  /** Whether a factor was written, so that it is an index even where the factor is 1. */
  readonly isScaled: boolean;
  /** Whether it stands in brackets after a value: `-8[rax]`. */
  readonly isIndexed?: true;
}

/** A sum of registers and a value. */
export interface Term {
  readonly registers: readonly RegisterTerm[];
  readonly value: Expression;
  /** Whether brackets were written. */
  readonly isMemory: boolean;
  /** Whether `offset` was written. */
  readonly isOffset: boolean;
}

/** A term without registers. */
export function valueTerm(value: Expression, isOffset = false): Term {
  return { registers: [], value, isMemory: false, isOffset };
}

/** A term that is a register. */
export function registerTerm(register: Register): Term {
  return {
    registers: [{ register, factor: 1n, isScaled: false }],
    value: constant(0n),
    isMemory: false,
    isOffset: false,
  };
}

/** A term in brackets after a value: `[rax]` in `-8[rax]`. */
export function asIndex(term: Term): Term {
  return { ...term, registers: term.registers.map((each) => ({ ...each, isIndexed: true })) };
}

/** The result of an operator, or what is wrong with it. */
export function combine(operator: Operator, a: Term, b: Term): Term | string {
  const flags = { isMemory: a.isMemory || b.isMemory, isOffset: a.isOffset || b.isOffset };
  const value = calculate(operator, a.value, b.value);
  if (a.registers.length === 0 && b.registers.length === 0) return { registers: [], value, ...flags };
  switch (operator) {
    case "+":
      return { registers: [...a.registers, ...b.registers], value, ...flags };
    case "-":
      if (b.registers.length > 0) return "a register cannot be subtracted";
      return { registers: a.registers, value, ...flags };
    case "*": {
      const [scaled, factor] = a.registers.length > 0 ? [a, b] : [b, a];
      if (factor.registers.length > 0) return "a register cannot be multiplied by a register";
      if (factor.value.labels.length > 0 || factor.value.here !== 0 || factor.value.calculated !== undefined)
        return "a register is multiplied by 1, 2, 4 or 8";
      // GNU as multiplies what stands before the brackets alone: `2*4[rax+1]` would be [rax+9].
      if (scaled.registers.some((each) => each.isIndexed))
        return "an address in brackets after a value is only added to";
      const by = factor.value.constant;
      const registers = scaled.registers.map((each) => ({ ...each, factor: each.factor * by, isScaled: true }));
      return { registers, value, ...flags };
    }
    default:
      return "registers are only added and multiplied";
  }
}
