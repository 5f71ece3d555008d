/** The operands of instructions, under the short names that the generated instruction table uses. */
import type { Broadcast, Masked, Rounding } from "./decorators.ts";
import type { Expression } from "./expression.ts";
import type { Far } from "./far.ts";
import type { Memory } from "./memory.ts";
import type { Register, RegisterClass } from "./register.ts";
import type { AnyNumber, Widened } from "./widened.ts";

/** Any register of a class. */
export type Reg<Class extends RegisterClass> = Register<Class, string>;
/** One register. */
export type Only<Name extends string> = Register<RegisterClass, Name>;
/** Memory of one of these sizes in bits; 0 is memory without a size of its own. */
export type Mem<Size extends number> = Memory<Size, number, string>;
/** A number, or an expression of labels. */
export type Imm = AnyNumber | Expression;
/** Where a branch goes: a label, or an address. */
export type Target = string | AnyNumber | Expression;

export type { Masked };
/** A destination that may have a mask. */
export type May<T> = T | Masked<T>;
/** Memory of one element of this size in bits, broadcast. */
export type Bcst<Size extends number> = Broadcast<0 | Size, number, string>;

/** A rounding mode. */
export type Er = Rounding<"rn-sae" | "rd-sae" | "ru-sae" | "rz-sae">;
/** Suppression of exceptions without a rounding mode. */
export type Sae = Rounding<"sae">;
/** A form of an instruction: its operands, and the same in words. */
export interface F<Operands extends readonly unknown[], Words extends string> {
  operands: Operands;
  words: Words;
}
/** Forms that are the same in every mode. */
export interface Same<Form> {
  16: Form;
  32: Form;
  64: Form;
}

/** A far pointer. */
export type FarTarget = Far;

/** Anything that may stand as an operand. */
export type Operand = Register | Memory | number | bigint | string | Expression | Far | Masked | Broadcast | Rounding;

/** The same, for the constraints of type parameters. */
export type AnyOperand = Widened<Operand>;
