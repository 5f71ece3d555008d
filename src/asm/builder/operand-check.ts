/** Whether operands fit an instruction, for the compiler: wrong ones turn into a message that says what is wrong with them. */
import type { Forms } from "../instructions/instruction-types.d.ts";
import type { Mode } from "../mode.ts";
import type { Broadcast, Masked } from "../operands/decorators.ts";
import type { Memory } from "../operands/memory.ts";
import type { F } from "../operands/operand-types.ts";
import type { Register, RegisterClass } from "../operands/register.ts";

/** What is wrong with an operand whatever the instruction: a message, or `never`. */
type MisfitOf<M extends Mode, O> =
  O extends Register<RegisterClass, infer Name, infer In>
    ? M extends In
      ? never
      : `${M}-bit code has no register ${Name}`
    : O extends Memory<number, infer Size, string>
      ? Size extends AddressSizes[M]
        ? never
        : `${M}-bit code has no ${Size}-bit addressing`
      : never;

/** An operand without its decoration. */
type Bare<O> = O extends Masked<infer T> ? T : O extends Broadcast ? O["memory"] : O;

/** The same of an operand with its decoration. */
type Misfit<M extends Mode, O> = MisfitOf<M, Bare<O>>;

/** The address sizes, in bits, that each mode has (SDM vol. 1, 3.6); 0 where no register decides. */
interface AddressSizes {
  16: 0 | 16 | 32;
  32: 0 | 16 | 32;
  64: 0 | 32 | 64;
}

/** The operand lists of some forms. */
type OperandsOf<Form> = Form extends F<infer O, string> ? O : never;

/** The words of some forms. */
type WordsOf<Form> = Form extends F<readonly unknown[], infer W> ? W : never;

/** The operands with every memory operand of no size taken for one of any size. */
type AnySize<O extends readonly unknown[]> = {
  // oxlint-disable-next-line typescript/no-explicit-any -- any size fits where a form asks for one
  [I in keyof O]: O[I] extends Memory<0, infer A, infer L> ? Memory<any, A, L> : O[I];
};

/** The words of the forms whose first operand fits; of all forms where none does. */
type Words<Form, First> = FittingWords<Form, First> extends infer W ? ([W] extends [never] ? WordsOf<Form> : W) : never;

type FittingWords<Form, First> =
  Form extends F<readonly [infer Wanted, ...unknown[]], infer W> ? (First extends Wanted ? W : never) : never;

/** What to say of operands that fit no form. */
type Refusal<M extends Mode, K extends keyof Forms, O extends readonly unknown[]> =
  AnySize<O> extends OperandsOf<Forms[K][M]>
    ? `${K}: the size of the memory operand is not known: write byte(...), word(...), dword(...) or qword(...)`
    : `${K} takes ${Words<Forms[K][M], O[0]> & string}`;

/** `O` where the instruction takes these operands in this mode; else, in the place of each operand, a message. */
export type Check<M extends Mode, K extends keyof Forms, O extends readonly unknown[]> = [
  Misfit<M, O[number]>,
] extends [never]
  ? O extends OperandsOf<Forms[K][M]>
    ? O
    : O extends readonly []
      ? [`${K} takes ${WordsOf<Forms[K][M]>}`]
      : { [I in keyof O]: Refusal<M, K, O> }
  : { [I in keyof O]: [Misfit<M, O[I]>] extends [never] ? O[I] : Misfit<M, O[I]> };
