/** Directives that write data. */
import type { Expression } from "../operands/expression.ts";
import { isConstant, simplest } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import type { NumbersNode } from "../builder/node.ts";
import type { Cursor } from "./cursor.ts";
import type { Directive, DirectiveReader } from "./directive.ts";
import { list, listedValueOf } from "./directive.ts";
import type { FloatFormat } from "./float-format.ts";
import { floatFormats, readFloat } from "./float-format.ts";
import { readText } from "./literals.ts";
import type { Token } from "./tokenizer.ts";

/** The directives that write numbers, with their width in bytes. */
const widths: Readonly<Record<string, NumbersNode["width"]>> = {
  ".byte": 1,
  ".dc.b": 1,
  ".2byte": 2,
  ".short": 2,
  ".hword": 2,
  ".word": 2,
  ".value": 2,
  ".dc.w": 2,
  ".4byte": 4,
  ".long": 4,
  ".int": 4,
  ".dc.l": 4,
  ".8byte": 8,
  ".quad": 8,
  ".octa": 16,
};

/** The directives that write text: how many bytes each of its bytes takes, and what ends it. */
const texts: Readonly<Record<string, { readonly width: number; readonly isTerminated: boolean }>> = {
  ".ascii": { width: 1, isTerminated: false },
  ".asciz": { width: 1, isTerminated: true },
  ".string": { width: 1, isTerminated: true },
  ".string8": { width: 1, isTerminated: true },
  ".string16": { width: 2, isTerminated: true },
  ".string32": { width: 4, isTerminated: true },
};

/** The directives of this file. */
export const dataDirectives: Readonly<Record<string, DirectiveReader>> = {
  ...each(widths, readNumbers),
  ...each(floatFormats, readFloats),
  ...each(texts, readTexts),
};

function each<T>(
  rows: Readonly<Record<string, T>>,
  read: (directive: Directive, row: T) => void,
): Record<string, DirectiveReader> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [name, (directive: Directive): void => read(directive, row)]),
  );
}

function readNumbers({ program, cursor, name }: Directive, width: NumbersNode["width"]): void {
  if (cursor.atEnd) return;
  const { site } = cursor;
  const values = list(cursor, () => {
    const token = cursor.peek();
    const value = listedValueOf(program, cursor);
    checkNumber(cursor, value, width, name, token);
    if (program.section.isZero) requireZero(cursor, value, token, program.section.name);
    return simplest(value);
  });
  program.add({ kind: "numbers", width, values, site });
}

function checkNumber(cursor: Cursor, value: Expression, width: number, name: string, token: Token | undefined): void {
  if (!isConstant(value) || fitsField(value.constant, width * 8, width * 8)) return;
  const bits = width * 8;
  throw cursor.error(`${name} holds -2^${bits - 1} to 2^${bits} - 1, got ${value.constant}`, { token });
}

function requireZero(cursor: Cursor, value: Expression, token: Token | undefined, section: string): void {
  if (isConstant(value) && value.constant === 0n) return;
  throw cursor.error(`the section ${section} holds zeros only`, { token });
}

function readFloats({ program, cursor, name }: Directive, format: FloatFormat): void {
  if (cursor.atEnd) return;
  const { site } = cursor;
  const bytes = list(cursor, () => {
    const start = cursor.index;
    const token = cursor.peek();
    if (token?.kind === "hole" && typeof token.value === "number") {
      cursor.next();
      return floatBytes(cursor, String(token.value), format, name, token);
    }
    while (!cursor.atEnd && cursor.word() !== ",") cursor.next();
    return floatBytes(cursor, cursor.textFrom(start).replaceAll(/\s/g, ""), format, name, token);
  });
  const all = Uint8Array.from(bytes.flat());
  if (program.section.isZero && all.some((byte) => byte !== 0))
    throw cursor.error(`the section ${program.section.name} holds zeros only`);
  program.add({ kind: "bytes", bytes: all, text: cursor.textFrom(0), site });
}

function floatBytes(
  cursor: Cursor,
  text: string,
  format: FloatFormat,
  name: string,
  token: Token | undefined,
): number[] {
  const bits = readFloat(text, format);
  if (bits === "range") throw cursor.error(`${text} is beyond what ${name} holds`, { token });
  if (bits === undefined)
    throw cursor.error(token === undefined ? "the statement ends here" : `"${text.slice(0, 40)}" is no number`, {
      token,
      expected: ["a number such as 1.5, -2e10 or inf"],
    });
  return Array.from({ length: format.size }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
}

function readTexts(
  { program, cursor, token: directive }: Directive,
  { width, isTerminated }: { readonly width: number; readonly isTerminated: boolean },
): void {
  const { site } = cursor;
  const bytes: number[] = [];
  const put = (byte: number): void => {
    bytes.push(byte);
    for (let i = 1; i < width; i++) bytes.push(0);
  };
  if (!cursor.atEnd) {
    list(cursor, () => {
      // Strings without a comma between them are one.
      do for (const byte of readString(cursor)) put(byte);
      while (cursor.peek()?.kind === "string");
      if (isTerminated) put(0);
    });
  }
  if (program.section.isZero && bytes.some((byte) => byte !== 0))
    throw cursor.error(`the section ${program.section.name} holds zeros only`, { token: directive });
  program.add({ kind: "bytes", bytes: Uint8Array.from(bytes), text: cursor.textFrom(0), site });
}

/** Reads the bytes of a string. */
export function readString(cursor: Cursor): readonly number[] {
  const token = cursor.peek();
  if (token?.kind !== "string") throw cursor.unexpected("a string in double quotes");
  cursor.next();
  const bytes = readText(token.text.slice(1, -1));
  if (!("badEscape" in bytes)) return bytes;
  const start = token.start + 1 + bytes.badEscape;
  const escape = cursor.source.text.slice(start, start + 2);
  throw cursor.error(`${escape} is no escape of one byte`, {
    token: { kind: "string", text: escape, start, end: start + 2 },
    expected: [String.raw`\n`, String.raw`\t`, String.raw`\"`, String.raw`\\`, String.raw`\101`, String.raw`\x41`],
  });
}
