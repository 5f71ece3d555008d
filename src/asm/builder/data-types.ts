/** The builder's methods for data and for text, as the compiler knows them. */
import type { Code, Labelled, NewIn, Value } from "./code-types.ts";
import type { Broadcast, Masked, Rounding } from "../operands/decorators.ts";
import type { Expression } from "../operands/expression.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { Register } from "../operands/register.ts";
import type { Widened } from "../operands/widened.ts";

/** A number of bytes or an address: known now, or once labels have addresses. */
export type Amount = number | bigint | Expression;

/** What a template of text can hold: a string is the name of a label. */
export type TextValue = number | bigint | string | Register | Memory | Expression | Masked | Broadcast | Rounding;

/** Methods that add numbers and room, with values that can name labels. */
export interface DataMethods<M extends Mode> {
  /**
   * Bytes: 0 to 255, or -128 to -1.
   *
   * @example
   * ```ts
   * code64().u8(1, 0xff, -1); // 01 ff ff
   * ```
   */
  u8<D extends string, U extends string, V extends readonly Widened<Value>[]>(
    this: Labelled<M, D, U>,
    ...values: V
  ): Code<M, D, U | NewIn<V, D>>;
  /**
   * 16-bit little-endian numbers, unsigned or signed.
   *
   * @example
   * ```ts
   * code64().u16(0x1234, -2); // 34 12 fe ff
   * ```
   */
  u16<D extends string, U extends string, V extends readonly Widened<Value>[]>(
    this: Labelled<M, D, U>,
    ...values: V
  ): Code<M, D, U | NewIn<V, D>>;
  /**
   * 32-bit little-endian numbers, unsigned or signed.
   *
   * @example
   * ```ts
   * code64().u32(0x12345678); // 78 56 34 12
   * ```
   */
  u32<D extends string, U extends string, V extends readonly Widened<Value>[]>(
    this: Labelled<M, D, U>,
    ...values: V
  ): Code<M, D, U | NewIn<V, D>>;
  /**
   * 64-bit little-endian numbers, unsigned or signed.
   *
   * @example
   * ```ts
   * code64().u64(-2n); // fe ff ff ff ff ff ff ff
   * ```
   */
  u64<D extends string, U extends string, V extends readonly Widened<Value>[]>(
    this: Labelled<M, D, U>,
    ...values: V
  ): Code<M, D, U | NewIn<V, D>>;
  /**
   * 128-bit little-endian numbers, unsigned or signed.
   *
   * @example
   * ```ts
   * code64().u128(1n << 64n); // 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
   * ```
   */
  u128<D extends string, U extends string, V extends readonly Widened<Value>[]>(
    this: Labelled<M, D, U>,
    ...values: V
  ): Code<M, D, U | NewIn<V, D>>;
  /**
   * The addresses of labels, each as wide as the code's mode: a jump table.
   *
   * @example
   * ```ts
   * code16().label("a").nop().label("b").nop().addresses("a", "b"); // 90 90 00 00 01 00
   * ```
   */
  addresses<D extends string, U extends string, const L extends readonly string[]>(
    this: Labelled<M, D, U>,
    ...labels: L
  ): Code<M, D, U | NewIn<L, D>>;
  /**
   * Room for `size` bytes, at most 256 MiB: zero bytes. Labels may decide the size.
   *
   * @example
   * ```ts
   * code64().label("a").hlt().label("b").reserve(multiple(distance("a", "b"), 2)); // f4 00 00
   * ```
   */
  reserve<D extends string, U extends string, A extends Widened<Amount>>(
    this: Labelled<M, D, U>,
    size: A,
  ): Code<M, D, U | NewIn<[A], D>>;
  /**
   * Goes on at a virtual address further on; bytes of value `fill`, 0 unless given, lie between.
   *
   * @example
   * ```ts
   * code64().hlt().org(4, 0xcc).hlt(); // f4 cc cc cc f4
   * ```
   */
  org<D extends string, U extends string, A extends Widened<Amount>>(
    this: Labelled<M, D, U>,
    address: A,
    fill?: number,
  ): Code<M, D, U | NewIn<[A], D>>;
  /**
   * Goes on when the code has `size` bytes; bytes of value `fill`, 0 unless given, make up for what it lacks.
   *
   * @example
   * ```ts
   * code16().hlt().pad(510).u16(0xaa55); // a boot sector: 512 bytes
   * ```
   */
  pad<D extends string, U extends string, A extends Widened<Amount>>(
    this: Labelled<M, D, U>,
    size: A,
    fill?: number,
  ): Code<M, D, U | NewIn<[A], D>>;
}

/** Methods that add data and text, without labels that the compiler could follow. */
export interface PlainDataMethods<M extends Mode, Defined extends string, Used extends string> {
  /**
   * 32-bit floating-point numbers: the nearest to those given. One beyond their range is an error.
   *
   * @example
   * ```ts
   * code64().f32(1.5); // 00 00 c0 3f
   * ```
   */
  f32(...values: number[]): Code<M, Defined, Used>;
  /**
   * 64-bit floating-point numbers.
   *
   * @example
   * ```ts
   * code64().f64(1.5); // 00 00 00 00 00 00 f8 3f
   * ```
   */
  f64(...values: number[]): Code<M, Defined, Used>;
  /**
   * A string of ASCII characters, without a terminator.
   *
   * @example
   * ```ts
   * code64().ascii("Hi"); // 48 69
   * ```
   */
  ascii(text: string): Code<M, Defined, Used>;
  /**
   * A string of ASCII characters and a zero byte.
   *
   * @example
   * ```ts
   * code64().asciz("Hi"); // 48 69 00
   * ```
   */
  asciz(text: string): Code<M, Defined, Used>;
  /**
   * A string in UTF-8, without a terminator.
   *
   * @example
   * ```ts
   * code64().utf8("é"); // c3 a9
   * ```
   */
  utf8(text: string): Code<M, Defined, Used>;
  /**
   * A string in UTF-8 and a zero byte.
   *
   * @example
   * ```ts
   * code64().utf8z("é"); // c3 a9 00
   * ```
   */
  utf8z(text: string): Code<M, Defined, Used>;
  /**
   * A string in UTF-16, little-endian, without a terminator.
   *
   * @example
   * ```ts
   * code64().utf16("é"); // e9 00
   * ```
   */
  utf16(text: string): Code<M, Defined, Used>;
  /**
   * A string in UTF-16, little-endian, and a zero unit of two bytes.
   *
   * @example
   * ```ts
   * code64().utf16z("é"); // e9 00 00 00
   * ```
   */
  utf16z(text: string): Code<M, Defined, Used>;
  /**
   * Bytes as they are: an array of numbers from 0 to 255, a Buffer, or a typed array, whose elements keep their width and
   * become little-endian.
   *
   * @example
   * ```ts
   * code64().bytes([1, 2]).bytes(Uint16Array.of(0x1234)); // 01 02 34 12
   * ```
   */
  bytes(bytes: Iterable<number> | ArrayBufferView | ArrayBuffer): Code<M, Defined, Used>;
  /**
   * `size` zero bytes.
   *
   * @example
   * ```ts
   * code64().zero(3); // 00 00 00
   * ```
   */
  zero(size: number): Code<M, Defined, Used>;
  /**
   * Goes on at the next address that `alignment`, a power of two, divides.
   *
   * @param fill the value of the bytes between, or `"nop"` for instructions that do nothing. Unless given: these after an
   * instruction, so that code can run on, and zeros after data.
   * @example
   * ```ts
   * code64().hlt().align(4); // f4 0f 1f 00
   * ```
   */
  align(alignment: number, fill?: number | "nop"): Code<M, Defined, Used>;
  /**
   * Statements in GNU's `.intel_syntax noprefix`. They may use the labels of the code around them and define labels for
   * it; which ones these are is known when the code is assembled, so the compiler no longer looks for undefined labels.
   *
   * @throws AsmSyntaxError for text that cannot be read.
   * @example
   * ```ts
   * const port = 0x3f8;
   * code64().asm`
   *   mov dx, ${port}
   *   1: lodsb
   *   out dx, al
   *   loop 1b
   * `;
   * ```
   */
  asm(text: TemplateStringsArray, ...values: readonly TextValue[]): Code<M, string, Used>;
  /**
   * The same with a string that is put together at run time.
   *
   * @example
   * ```ts
   * code64().asm(["nop", "hlt"].join("\n")); // 90 f4
   * ```
   */
  asm(text: string): Code<M, string, Used>;
}
