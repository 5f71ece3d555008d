/**
 * Numbers that are known only when the code is linked: label addresses, added and multiplied, and what is calculated from
 * them.
 */
import type { CallSite } from "../builder/call-site.ts";
import { captureCallSite } from "../builder/call-site.ts";
import type { Operator } from "./operator.ts";
import { operators } from "./operator.ts";
import { checkName, wholeNumber } from "./whole-number.ts";

/** A sum of label addresses, of the address of the statement that holds it, of calculated values, and of a constant. */
export interface Expression<Labels extends string = string> {
  readonly kind: "expression";
  /** Label addresses with the factor that each has. */
  readonly labels: readonly { readonly name: Labels; readonly factor: number }[];
  /** How often the address of the value itself is added: GNU's `.`. */
  readonly here: number;
  /** How often the address after the statement is added: what RIP holds while an instruction runs. */
  readonly after?: number;
  readonly constant: bigint;
  /** Values that are no sums: quotients, masks, shifts. */
  readonly calculated?: readonly Calculation<Labels>[];
}

/** An operator with its one or two operands. */
export interface Calculation<Labels extends string = string> {
  readonly operator: Operator;
  readonly operands: readonly Expression<Labels>[];
  /** How often the result is added. */
  readonly factor: number;
}

/** What an expression's value depends on. */
export interface Surroundings {
  addressOf(label: string): bigint;
  /** The address of the value itself. */
  readonly here: bigint;
  /** The address after the statement. */
  readonly after: bigint;
}

/** A constant as an expression. */
export function constant(value: bigint): Expression<never> {
  return { kind: "expression", labels: [], here: 0, constant: value };
}

/** The address of the value itself: GNU's `.`. */
export const here: Expression<never> = { kind: "expression", labels: [], here: 1, constant: 0n };

/**
 * The address of a label, plus `addend` bytes: GNU's `offset label`.
 *
 * @example
 * ```ts
 * code64().mov(rdi, offset("table", 8)).label("table").u64(1, 2);
 * ```
 */
export function offset<const L extends string>(label: L, addend: number | bigint = 0): Expression<L> {
  const site = (): CallSite => captureCallSite(offset);
  checkName("offset", label, site);
  return { ...addressOf(label), constant: wholeNumber(addend, { takes: "offset takes a number of bytes", site }) };
}

/** The address of a label whose name is known to be one. */
export function addressOf<L extends string>(label: L): Expression<L> {
  return { kind: "expression", labels: [{ name: label, factor: 1 }], here: 0, constant: 0n };
}

/**
 * The distance in bytes from a label to the place where this value is written: GNU's `. - label`.
 *
 * @example
 * ```ts
 * code16().label("msg").asciz("Hi").label("msg_len").u16(since("msg")); // 48 69 00 03 00
 * ```
 */
export function since<const L extends string>(label: L): Expression<L> {
  checkName("since", label, () => captureCallSite(since));
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
  for (const label of [from, to]) checkName("distance", label, () => captureCallSite(distance));
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

/** What may stand in a sum: a label by its name, a number, or an expression. */
export type Summand = string | number | bigint | Expression;

type LabelsOfSummand<S> = S extends string ? S : S extends Expression<infer L> ? L : never;

/**
 * The sum of label addresses, numbers and expressions.
 *
 * @example
 * ```ts
 * code64().u64(sum("table", 8, distance("start", "end"))).label("start").u8(1).label("end").label("table");
 * ```
 */
export function sum<const S extends readonly Summand[]>(...summands: S): Expression<LabelsOfSummand<S[number]>> {
  return summands.map((each) => toExpression("sum", each, sum)).reduce(add, constant(0n)) as Expression<
    LabelsOfSummand<S[number]>
  >;
}

/**
 * One value less another.
 *
 * @example
 * ```ts
 * code64().label("start").hlt().align(8).label("end").u32(difference("end", "start")); // ... 08 00 00 00
 * ```
 */
export function difference<const A extends Summand, const B extends Summand>(
  from: A,
  subtracted: B,
): Expression<LabelsOfSummand<A> | LabelsOfSummand<B>> {
  const [a, b] = [from, subtracted].map((each) => toExpression("difference", each, difference));
  return subtract(a!, b!) as Expression<LabelsOfSummand<A> | LabelsOfSummand<B>>;
}

/**
 * A value several times.
 *
 * @example
 * ```ts
 * code64().u32(multiple(distance("first", "second"), 16)).label("first").u64(0).label("second"); // 80 00 00 00 ...
 * ```
 */
export function multiple<const S extends Summand>(value: S, factor: number | bigint): Expression<LabelsOfSummand<S>> {
  const site = (): CallSite => captureCallSite(multiple);
  const times = wholeNumber(factor, { takes: "multiple takes a number of times", site });
  return calculate("*", toExpression("multiple", value, multiple), constant(times)) as Expression<LabelsOfSummand<S>>;
}

function toExpression(name: string, summand: Summand, method: (...args: never[]) => unknown): Expression {
  const site = (): CallSite => captureCallSite(method);
  if (typeof summand === "string") return addressOf(checkName(name, summand, site));
  if (isExpression(summand)) return summand;
  return constant(wholeNumber(summand, { takes: `${name} takes labels, numbers and expressions`, site }));
}

/** Whether an operand or a data value is an expression. */
export function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && (value as Partial<Expression>).kind === "expression";
}

/** Whether the value is the same wherever the code lies. */
export function isConstant({ labels, here, after, calculated }: Expression): boolean {
  return labels.length === 0 && here === 0 && after === undefined && calculated === undefined;
}

/** Whether the value is an address: it moves by as much as the code does. */
export function isAddress({ labels, here, after }: Expression): boolean {
  return labels.reduce((sum, { factor }) => sum + factor, here + (after ?? 0)) !== 0;
}

/** The expression as an operand: a number where it is one. */
export function simplest(expression: Expression): bigint | Expression {
  return isConstant(expression) ? expression.constant : expression;
}

/** The sum of two expressions. */
export function add(a: Expression, b: Expression): Expression {
  return combine(a, b, 1);
}

/** The difference of two expressions. */
function subtract(a: Expression, b: Expression): Expression {
  return combine(a, b, -1);
}

function combine(a: Expression, b: Expression, sign: number): Expression {
  if (isConstant(b)) return b.constant === 0n ? a : { ...a, constant: a.constant + BigInt(sign) * b.constant };
  const after = (a.after ?? 0) + sign * (b.after ?? 0);
  const calculated = [
    ...(a.calculated ?? []),
    ...(b.calculated ?? []).map((each) => ({ ...each, factor: sign * each.factor })),
  ];
  return {
    kind: "expression",
    labels: b.labels.length === 0 ? a.labels : combineLabels([...a.labels, ...timesEach(b.labels, sign)]),
    here: a.here + sign * b.here,
    ...(after === 0 ? {} : { after }),
    constant: a.constant + BigInt(sign) * b.constant,
    ...(calculated.length === 0 ? {} : { calculated }),
  };
}

function timesEach(labels: Expression["labels"], factor: number): Expression["labels"] {
  return labels.map((each) => ({ name: each.name, factor: factor * each.factor }));
}

function combineLabels(labels: Expression["labels"]): Expression["labels"] {
  const factors = new Map<string, number>();
  for (const { name, factor } of labels) factors.set(name, (factors.get(name) ?? 0) + factor);
  return Array.from(factors, ([name, factor]) => ({ name, factor })).filter(({ factor }) => factor !== 0);
}

/** The result of an operator: a number where the operands are, and a sum where that is possible. */
export function calculate(operator: Operator, ...operands: readonly Expression[]): Expression {
  const [a, b] = operands as [Expression, Expression | undefined];
  if (operands.every(isConstant)) return constant(operators[operator].apply(a.constant, b?.constant ?? 0n));
  if (operator === "negate") return subtract(constant(0n), a);
  if (operator === "+" && b !== undefined) return add(a, b);
  if (operator === "-" && b !== undefined) return subtract(a, b);
  if (operator === "*" && b !== undefined) {
    const product = isConstant(b) ? scale(a, b.constant) : isConstant(a) ? scale(b, a.constant) : undefined;
    if (product !== undefined) return product;
  }
  return { ...constant(0n), calculated: [{ operator, operands, factor: 1 }] };
}

/** A small multiple of an expression; `undefined` where the factor is not small. */
function scale(expression: Expression, by: bigint): Expression | undefined {
  if (by > 0xffffn || by < -0xffffn) return undefined;
  if (by === 0n) return constant(0n);
  const factor = Number(by);
  const { labels, here, after, calculated } = expression;
  const factors = [here, after ?? 0, ...[...labels, ...(calculated ?? [])].map((each) => each.factor)];
  if (factors.some((each) => Math.abs(each * factor) > 2 ** 32)) return undefined;
  return {
    kind: "expression",
    labels: timesEach(labels, factor),
    here: here * factor,
    ...(after === undefined ? {} : { after: after * factor }),
    constant: expression.constant * by,
    ...(calculated === undefined
      ? {}
      : { calculated: calculated.map((each) => ({ ...each, factor: each.factor * factor })) }),
  };
}

/** The value, given where the labels are and where the value itself lies. */
export function evaluate(expression: Expression, surroundings: Surroundings): bigint {
  const { labels, here: hereFactor, after, calculated } = expression;
  let value = expression.constant;
  for (const { name, factor } of labels) {
    const address = surroundings.addressOf(name);
    value += factor === 1 ? address : BigInt(factor) * address;
  }
  if (hereFactor !== 0) value += BigInt(hereFactor) * surroundings.here;
  if (after !== undefined) value += BigInt(after) * surroundings.after;
  for (const { operator, operands, factor } of calculated ?? []) {
    const [a, b] = operands.map((each) => evaluate(each, surroundings));
    value += BigInt(factor) * operators[operator].apply(a!, b ?? 0n);
  }
  return value;
}

/** The names of all labels that an expression depends on. */
export function labelsOf({ labels, calculated }: Expression): readonly string[] {
  const names = labels.map(({ name }) => name);
  if (calculated === undefined) return names;
  return [...names, ...calculated.flatMap(({ operands }) => operands.flatMap(labelsOf))];
}

/** The expression as GNU as writes it. */
export function expressionToText(expression: Expression): string {
  const { constant } = expression;
  const terms = [
    term(expression.here, "."),
    term(expression.after ?? 0, "(end of this)"),
    ...expression.labels.map(({ name, factor }) => term(factor, name)),
    ...(expression.calculated ?? []).map(({ operator, operands, factor }) =>
      term(factor, `(${calculationToText(operator, operands)})`),
    ),
  ];
  if (constant !== 0n || terms.every((each) => each === ""))
    terms.push(`${constant < 0n ? "-" : "+"}${constant < 0n ? -constant : constant}`);
  return terms.join("").replace(/^\+/, "");
}

function term(factor: number, text: string): string {
  if (factor === 0) return "";
  const times = Math.abs(factor) === 1 ? "" : `${Math.abs(factor)}*`;
  return `${factor < 0 ? "-" : "+"}${times}${text}`;
}

function calculationToText(operator: Operator, operands: readonly Expression[]): string {
  const [a, b] = operands.map(operandToText);
  return operators[operator].toText(a!, b ?? "");
}

function operandToText(expression: Expression): string {
  const text = expressionToText(expression);
  return /^[\w.$]+$/.test(text) ? text : `(${text})`;
}
