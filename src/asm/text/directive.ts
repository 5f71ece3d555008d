/** What all directives share: their arguments. */
import type { Expression } from "../operands/expression.ts";
import type { Cursor } from "./cursor.ts";
import { ExpressionReader } from "./expression-text.ts";
import type { ProgramText } from "./program-text.ts";
import { constantValue } from "./symbols.ts";
import type { Token } from "./tokenizer.ts";

/** A directive that is being read: its arguments come next. */
export interface Directive {
  readonly program: ProgramText;
  readonly cursor: Cursor;
  /** In lower case, with its point. */
  readonly name: string;
  readonly token: Token;
}

/** Reads a directive's arguments and does what it says. */
export type DirectiveReader = (directive: Directive) => void;

/** Reads a value that labels may decide. */
export function valueOf(program: ProgramText, cursor: Cursor): Expression {
  return new ExpressionReader(cursor, program.symbols, false).value();
}

/** Reads one of several values that follow one another. */
export function listedValueOf(program: ProgramText, cursor: Cursor): Expression {
  return new ExpressionReader(cursor, program.symbols, false, false).value();
}

/** Reads a value that must be known here. */
export function constantOf(program: ProgramText, cursor: Cursor, what: string): bigint {
  const token = cursor.peek();
  const value = constantValue(valueOf(program, cursor));
  if (value !== undefined) return value;
  throw cursor.error(`${what} must be known here, without labels`, { token });
}

/** Reads a number within bounds that must be known here. */
export function numberOf(program: ProgramText, cursor: Cursor, what: string, from: number, to: number): number {
  const token = cursor.peek();
  const value = constantOf(program, cursor, what);
  if (value >= BigInt(from) && value <= BigInt(to)) return Number(value);
  throw cursor.error(`${what} is ${from} to ${to}, got ${value}`, { token });
}

/** Reads arguments with commas between them, at least one. */
export function list<T>(cursor: Cursor, read: () => T): T[] {
  const values = [read()];
  while (cursor.take(",")) values.push(read());
  cursor.expectEnd('","');
  return values;
}
