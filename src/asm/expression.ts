/**
 * Numbers that are known only when the code is linked: sums and differences of label addresses.
 */
import { AsmError } from "./asm-error.ts";

/** A sum of label addresses, of the address of the statement that holds it, and of a constant. */
export interface Expression<Labels extends string = string> {
  readonly kind: "expression";
  /** Label addresses with the factor that each has. */
  readonly labels: readonly { readonly name: Labels; readonly factor: 1 | -1 }[];
  /** How often the address of the value itself is added: 1 or 0. */
  readonly here: 0 | 1;
  readonly constant: bigint;
}

/** Throws unless `value` is a whole number that JavaScript holds exactly. */
export function wholeNumber(value: number | bigint): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new AsmError(`expected a whole number below 2^53, or a bigint, got ${value}`, { code: "BAD_VALUE", value });
  }
  return BigInt(value);
}

/**
 * The address of a label, plus `addend` bytes: GNU's `offset label`.
 *
 * @example
 * ```ts
 * code64().mov(rdi, offset("table", 8)).label("table").u64(1, 2);
 * ```
 */
export function offset<const L extends string>(label: L, addend: number | bigint = 0): Expression<L> {
  return { kind: "expression", labels: [{ name: label, factor: 1 }], here: 0, constant: wholeNumber(addend) };
}

/**
 * The distance in bytes from a label to the place where this value is written: GNU's `. - label`.
 *
 * @example
 * ```ts
 * code16().label("msg").asciz("Hi").label("msg_len").u16(since("msg")); // 03 00
 * ```
 */
export function since<const L extends string>(label: L): Expression<L> {
  return { kind: "expression", labels: [{ name: label, factor: -1 }], here: 1, constant: 0n };
}

/**
 * The distance in bytes from one label to another: GNU's `to - from`.
 *
 * @example
 * ```ts
 * code64().mov(ecx, distance("msg", "msg_end")).label("msg").ascii("Hi").label("msg_end");
 * ```
 */
export function distance<const From extends string, const To extends string>(
  from: From,
  to: To,
): Expression<From | To> {
  return {
    kind: "expression",
    labels: [
      { name: to, factor: 1 },
      { name: from, factor: -1 },
    ],
    here: 0,
    constant: 0n,
  };
}

/** Whether an operand or a data value is an expression. */
export function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && (value as Partial<Expression>).kind === "expression";
}

/** The value, given where the labels are and where the value itself lies. */
export function evaluate(expression: Expression, addressOf: (label: string) => bigint, here: bigint): bigint {
  return expression.labels.reduce(
    (sum, { name, factor }) => sum + (factor === 1 ? addressOf(name) : -addressOf(name)),
    expression.constant + (expression.here === 1 ? here : 0n),
  );
}

/** The expression as GNU as writes it. */
export function expressionToText(expression: Expression): string {
  const terms = [
    ...(expression.here === 1 ? ["+."] : []),
    ...expression.labels.map(({ name, factor }) => `${factor === 1 ? "+" : "-"}${name}`),
  ];
  const { constant } = expression;
  if (constant !== 0n || terms.length === 0)
    terms.push(`${constant < 0n ? "-" : "+"}${constant < 0n ? -constant : constant}`);
  return terms.join("").replace(/^\+/, "");
}
