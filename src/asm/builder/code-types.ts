/** What the compiler knows of code: its mode, the labels that it defines, the labels that it uses. */
import type { DataMethods, PlainDataMethods } from "./data-types.ts";
import type { Broadcast, Masked } from "../operands/decorators.ts";
import type { Expression } from "../operands/expression.ts";
import type { Far } from "../operands/far.ts";
import type { Instructions16, Instructions32, Instructions64 } from "../instructions/instruction-types.d.ts";
import type { Comparing, Lockable, Repeatable } from "../instructions/prefixable.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { Node } from "./node.ts";

/** A name that the compiler knows; a computed one is checked when the code is assembled. */
type Literal<S extends string> = S extends string ? ({} extends Record<S, 1> ? never : S) : never;

type LabelsOf<O> = O extends string
  ? Literal<O>
  : O extends Memory<number, number, infer L>
    ? Literal<L>
    : O extends Expression<infer L>
      ? Literal<L>
      : O extends Far<infer L>
        ? Literal<L>
        : O extends Broadcast<number, number, infer L>
          ? Literal<L>
          : O extends Masked<Memory<number, number, infer L>>
            ? Literal<L>
            : never;

/** The labels that some operands name. */
export type LabelsIn<O extends readonly unknown[]> = LabelsOf<O[number]>;

/**
 * Those of them that are not defined so far. Only these count as used: so most statements leave code of the type that they
 * found, and the compiler makes no new one.
 */
export type NewIn<O extends readonly unknown[], Defined extends string> = Exclude<LabelsIn<O>, Defined>;

/** A number in data: known now, or once labels have addresses. */
export type Value = number | bigint | Expression;

/** `N` unless the code has it already. */
type Fresh<N extends string, Defined extends string> = string extends Defined
  ? N
  : N extends Defined
    ? `label "${N}" is defined twice`
    : N;

/** Anything, unless two pieces of code define the same label. */
type Disjoint<A extends string, B extends string> = string extends A | B
  ? unknown
  : [A & B] extends [never]
    ? unknown
    : `label "${A & B}" is defined twice`;

/** What a label adds to the names that are defined: after a computed one, any name may be. */
type Definition<N extends string> = {} extends Record<N, 1> ? string : N;

/** What of code tells the compiler its labels: what the instructions' methods need to know of what they are called on. */
export interface Labelled<M extends Mode, Defined extends string, Used extends string> {
  /** The size of the code: 16, 32 or 64. */
  readonly mode: M;
  /** For the compiler: absent at run time. */
  readonly labels?: { readonly defined: Defined; readonly used: Used };
}

/** Code that is taken into other code. */
export interface Fragment<M extends Mode, Defined extends string, Used extends string> extends Labelled<
  M,
  Defined,
  Used
> {
  /** The statements, in order. */
  readonly nodes: readonly Node[];
}

/** Anything, unless code of mode `F` is taken into code of mode `M`. */
export type SameMode<M extends Mode, F extends Mode> = [F] extends [M]
  ? unknown
  : `${F}-bit code is no part of ${M}-bit code: a far transfer leads to it, then code${F}()`;

/**
 * Code under construction: every method gives new code with one statement more, and leaves the old as it was.
 *
 * `M` is the mode, `Defined` the labels that are defined so far, `Used` those that some operand names.
 *
 * @example
 * ```ts
 * code64().label("again").dec(ecx).jnz("again").hlt(); // ff c9 75 fc f4
 * ```
 */
export type Code<M extends Mode, Defined extends string, Used extends string> = {
  16: Code16<Defined, Used>;
  32: Code32<Defined, Used>;
  64: Code64<Defined, Used>;
}[M];

// The instructions' methods, and those that name labels, are inherited from interfaces that know nothing of labels: what a
// method is called on tells it. So the compiler makes the two thousand of them once, and not again for every label.

/** 16-bit code. */
export interface Code16<D extends string, U extends string>
  extends Instructions16, CodeMethods<16>, PlainMethods<16, D, U> {}
/** 32-bit code. */
export interface Code32<D extends string, U extends string>
  extends Instructions32, CodeMethods<32>, PlainMethods<32, D, U> {}
/** 64-bit code. */
export interface Code64<D extends string, U extends string>
  extends Instructions64, CodeMethods<64>, PlainMethods<64, D, U> {}

/** The instructions' methods of a mode. */
export interface InstructionsByMode {
  16: Instructions16;
  32: Instructions32;
  64: Instructions64;
}

/**
 * What names no labels: prefixes, each with the instructions that it can precede, plain data, text, sections. The type that
 * they belong to knows the labels, so that they can be called on code of one of several modes.
 */
export interface PlainMethods<M extends Mode, Defined extends string, Used extends string>
  extends Labelled<M, Defined, Used>, PlainDataMethods<M, Defined, Used> {
  /**
   * Repeats a string instruction RCX, ECX or CX times: the F3 prefix.
   *
   * @example
   * ```ts
   * code64().rep.movsb(); // f3 a4
   * ```
   */
  readonly rep: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Repeatable>;
  /**
   * Repeats a comparing string instruction while equal: the F3 prefix.
   *
   * @example
   * ```ts
   * code64().repe.cmpsb(); // f3 a6
   * ```
   */
  readonly repe: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Comparing>;
  /**
   * Repeats a comparing string instruction while not equal: the F2 prefix.
   *
   * @example
   * ```ts
   * code64().repne.scasb(); // f2 ae
   * ```
   */
  readonly repne: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Comparing>;
  /** The same as {@link repe}. */
  readonly repz: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Comparing>;
  /** The same as {@link repne}. */
  readonly repnz: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Comparing>;
  /**
   * Makes a read-modify-write of memory atomic: the F0 prefix.
   *
   * @example
   * ```ts
   * code64().lock.inc(dword(rdi)); // f0 ff 07
   * ```
   */
  readonly lock: Labelled<M, Defined, Used> & Pick<InstructionsByMode[M], Lockable>;

  /**
   * Goes on in a section: `.text`, where code begins, or any other name. Sections follow one another in the order in which
   * they are first named, `.bss` last; {@link assemble} and `layout` can put each at an address of its own. Labels hold
   * across them.
   *
   * @example
   * ```ts
   * code64().mov(al, byte(rip("value"))).section(".data").label("value").u8(7).section(".text").hlt(); // 8a 05 01 00 00 00 f4 07
   * ```
   */
  section(name: string): Code<M, Defined, Used>;
}

/** Methods that define or name labels and are not instructions. */
export interface CodeMethods<M extends Mode> extends DataMethods<M> {
  /** The statements, in order. */
  readonly nodes: readonly Node[];

  /**
   * Appends other code of the same mode: a macro is a function that returns code. Its labels are as good as written here.
   *
   * @example
   * ```ts
   * const print = (character: string) => code64().mov(al, character.charCodeAt(0)).out(0xe9, al);
   * code64().use(print("A")).use(print("B")); // b0 41 e6 e9 b0 42 e6 e9
   * ```
   */
  use<D extends string, U extends string, F extends Mode, D2 extends string, U2 extends string>(
    this: Labelled<M, D, U>,
    fragment: Fragment<F, D2, U2> & SameMode<M, F> & Disjoint<D, D2>,
  ): Code<M, D | D2, U | U2>;
  /**
   * The same, but the labels that the fragment defines are its own: it can be used twice, and nothing else sees them.
   *
   * @example
   * ```ts
   * const wait = code64().label("spin").dec(ecx).jnz("spin");
   * code64().local(wait).local(wait); // ff c9 75 fc ff c9 75 fc
   * ```
   */
  local<D extends string, U extends string, F extends Mode, D2 extends string, U2 extends string>(
    this: Labelled<M, D, U>,
    fragment: Fragment<F, D2, U2> & SameMode<M, F>,
  ): Code<M, D, U | Exclude<U2, D2>>;
  /**
   * Appends a fragment several times, or what a function makes of 0, 1, 2, …; each time with labels of its own.
   *
   * @example
   * ```ts
   * code64().repeat(3, (i) => code64().push(i)); // 6a 00 6a 01 6a 02
   * ```
   */
  repeat<D extends string, U extends string, F extends Mode, D2 extends string, U2 extends string>(
    this: Labelled<M, D, U>,
    count: number,
    body: (Fragment<F, D2, U2> & SameMode<M, F>) | ((index: number) => Fragment<F, D2, U2> & SameMode<M, F>),
  ): Code<M, D, U | Exclude<U2, D2>>;

  /**
   * Names this place. A name can be defined once; it may be used before.
   *
   * @example
   * ```ts
   * code64().jmp("end").nop().label("end").hlt(); // eb 01 90 f4
   * ```
   */
  label<D extends string, U extends string, const N extends string>(
    this: Labelled<M, D, U>,
    name: Fresh<N, D>,
  ): Code<M, D | Definition<N>, U>;
}

/** The ways on after a far transfer. */
export interface CrossingMethods<Defined extends string, Used extends string> {
  /** Goes on in 16-bit code. */
  code16(): Code<16, Defined, Used>;
  /** Goes on in 32-bit code. */
  code32(): Code<32, Defined, Used>;
  /** Goes on in 64-bit code. */
  code64(): Code<64, Defined, Used>;
}

/**
 * 16-bit code after a far transfer. What follows runs when something jumps there, and it may be code of another mode; of
 * the same mode without further ado.
 */
export interface Crossing16<D extends string, U extends string> extends Code16<D, U>, CrossingMethods<D, U> {}
/** 32-bit code after a far transfer, as {@link Crossing16}. */
export interface Crossing32<D extends string, U extends string> extends Code32<D, U>, CrossingMethods<D, U> {}
/** 64-bit code after a far transfer, as {@link Crossing16}. */
export interface Crossing64<D extends string, U extends string> extends Code64<D, U>, CrossingMethods<D, U> {}

/** Code of any mode and with any labels, for what takes code without adding to it. */
export interface AnyCode {
  /** The size of the code: 16, 32 or 64. */
  readonly mode: Mode;
  /** The statements, in order. */
  readonly nodes: readonly Node[];
  /** For the compiler: absent at run time. */
  readonly labels?: { readonly defined: string; readonly used: string };
}

/** The labels that some code uses and does not define. */
export type UndefinedLabels<C> = C extends { readonly labels?: { readonly defined: infer D; readonly used: infer U } }
  ? Exclude<U, D>
  : never;

/** `C` where every label that it uses is defined, or one of `Symbols`; else a message that names the missing ones. */
export type Linked<C, Symbols extends string = never> = [Exclude<UndefinedLabels<C>, Symbols>] extends [never]
  ? C
  : `label "${Exclude<UndefinedLabels<C>, Symbols> & string}" is not defined`;
