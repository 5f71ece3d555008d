/** Directives that give names values. */
import type { CallSite } from "../builder/call-site.ts";
import type { Expression } from "../operands/expression.ts";
import type { Cursor } from "./cursor.ts";
import type { DirectiveReader } from "./directive.ts";
import { valueOf } from "./directive.ts";
import { advance } from "./directives-gap.ts";
import type { ProgramText } from "./program-text.ts";
import { findRegister } from "./register-names.ts";
import { atLabel, namesHere } from "./symbols.ts";
import type { Token } from "./tokenizer.ts";

/** The directives of this file. */
export const symbolDirectives: Readonly<Record<string, DirectiveReader>> = {
  ".set": ({ program, cursor }) => readSet(program, cursor, false),
  ".equ": ({ program, cursor }) => readSet(program, cursor, false),
  ".equiv": ({ program, cursor }) => readSet(program, cursor, true),
};

/** `NAME = value`, and `. = address`. */
export function assign(program: ProgramText, cursor: Cursor): void {
  const token = cursor.next();
  cursor.expect("=");
  const { site } = cursor;
  const value = valueOf(program, cursor);
  cursor.expectEnd();
  if (token.text === ".") advance(program, cursor, value, { fill: 0, directive: ". =" });
  else define(program, cursor, token, value, site);
}

function readSet(program: ProgramText, cursor: Cursor, isOnce: boolean): void {
  const token = cursor.next("a symbol");
  if (token.kind !== "name") throw cursor.error(`unexpected "${token.text}"`, { token, expected: ["a symbol"] });
  cursor.expect(",");
  const { site } = cursor;
  const value = valueOf(program, cursor);
  cursor.expectEnd();
  if (isOnce && program.symbols.has(token.text)) throw cursor.error(`${token.text} has a value already`, { token });
  if (token.text === ".") advance(program, cursor, value, { fill: 0, directive: ". =" });
  else define(program, cursor, token, value, site);
}

function define(program: ProgramText, cursor: Cursor, token: Token, value: Expression, site: CallSite): void {
  if (findRegister(token.text.toLowerCase()) !== undefined)
    throw cursor.error(`${token.text} is a register, no symbol`, { token });
  // `.` is where the symbol gets its value, not where it is used.
  const fixed = namesHere(value) ? atLabel(value, program.placeHere(site)) : value;
  if (!program.symbols.define(token.text, fixed, site)) throw cursor.error("the value has too many parts", { token });
}
