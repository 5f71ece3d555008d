/**
 * The operators of expressions, with GNU as's order of precedence and its 64-bit arithmetic: `*` and shifts bind tighter
 * than `&`, `|` and `^`, and these tighter than `+` and `-`.
 */
import { hex } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";

/** The name of an operator. */
export type Operator =
  | ("*" | "/" | "%" | "<<" | ">>" | "&" | "|" | "^" | "+" | "-")
  | ("==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||")
  | ("negate" | "complement" | "not");

/** A row of the table of operators. */
interface OperatorRow {
  /** How tightly it binds: higher is tighter; 0 for operators of one operand. */
  readonly rank: number;
  readonly apply: (a: bigint, b: bigint) => bigint;
  readonly toText: (a: string, b: string) => string;
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const truth = (value: boolean): bigint => (value ? -1n : 0n);

function binary(rank: number, symbol: string, apply: (a: bigint, b: bigint) => bigint): OperatorRow {
  return {
    rank,
    apply: (a: bigint, b: bigint) => inRange(apply(a, b), () => `${hex(a)} ${symbol} ${hex(b)}`),
    toText: (a, b) => `${a}${symbol}${b}`,
  };
}

function unary(symbol: string, apply: (a: bigint) => bigint): OperatorRow {
  return {
    rank: 0,
    apply: (a: bigint) => inRange(apply(a), () => `${symbol}${hex(a)}`),
    toText: (a) => `${symbol}${a}`,
  };
}

/** Results are 64 bits wide, signed or unsigned; wider ones would be cut off in silence elsewhere. */
function inRange(value: bigint, what: () => string): bigint {
  if (value >= -(1n << 63n) && value < 1n << 64n) return value;
  throw new AsmError(`${what()} is beyond 64 bits`, { code: "OUT_OF_RANGE", value });
}

function divide(a: bigint, b: bigint, of: (a: bigint, b: bigint) => bigint): bigint {
  if (b === 0n) throw new AsmError(`${hex(a)} is divided by zero`, { code: "BAD_VALUE", value: b });
  return of(signed(a), signed(b));
}

function shift(a: bigint, count: bigint, of: (a: bigint, count: bigint) => bigint): bigint {
  if (count >= 0n && count < 64n) return of(a, count);
  throw new AsmError(`a shift is by 0 to 63 bits, got ${count}`, { code: "OUT_OF_RANGE", value: count });
}

/** The operators. A comparison gives -1 where it holds. */
export const operators: Readonly<Record<Operator, OperatorRow>> = {
  "*": binary(6, "*", (a, b) => a * b),
  "/": binary(6, "/", (a, b) => divide(a, b, (x, y) => x / y)),
  "%": binary(6, "%", (a, b) => divide(a, b, (x, y) => x % y)),
  "<<": binary(6, "<<", (a, b) => shift(a, b, (x, count) => x << count)),
  ">>": binary(6, ">>", (a, b) => shift(a, b, (x, count) => BigInt.asUintN(64, x) >> count)),
  "&": binary(5, "&", (a, b) => a & b),
  "|": binary(5, "|", (a, b) => a | b),
  "^": binary(5, "^", (a, b) => a ^ b),
  "+": binary(4, "+", (a, b) => a + b),
  "-": binary(4, "-", (a, b) => a - b),
  "==": binary(3, "==", (a, b) => truth(signed(a) === signed(b))),
  "!=": binary(3, "!=", (a, b) => truth(signed(a) !== signed(b))),
  "<": binary(3, "<", (a, b) => truth(signed(a) < signed(b))),
  "<=": binary(3, "<=", (a, b) => truth(signed(a) <= signed(b))),
  ">": binary(3, ">", (a, b) => truth(signed(a) > signed(b))),
  ">=": binary(3, ">=", (a, b) => truth(signed(a) >= signed(b))),
  "&&": binary(2, "&&", (a, b) => (a !== 0n && b !== 0n ? 1n : 0n)),
  "||": binary(1, "||", (a, b) => (a !== 0n || b !== 0n ? 1n : 0n)),
  negate: unary("-", (a) => -a),
  complement: unary("~", (a) => ~a),
  not: unary("!", (a) => (a === 0n ? 1n : 0n)),
};
