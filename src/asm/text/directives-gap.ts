/** Directives that leave room: alignment, repetition of bytes, and moving on to an address. */
import type { Expression } from "../operands/expression.ts";
import { add, isAddress, isConstant, simplest } from "../operands/expression.ts";
import type { AdvanceNode, Fill } from "../builder/node.ts";
import { mostFilled } from "../link/elastic.ts";
import type { Directive, DirectiveReader } from "./directive.ts";
import { constantOf, numberOf, valueOf } from "./directive.ts";
import type { ProgramText } from "./program-text.ts";
import type { Cursor } from "./cursor.ts";

/** The directives of this file. */
export const gapDirectives: Readonly<Record<string, DirectiveReader>> = {
  ".align": (directive) => readAlign(directive, false),
  ".balign": (directive) => readAlign(directive, false),
  ".p2align": (directive) => readAlign(directive, true),
  ".skip": readSkip,
  ".space": readSkip,
  ".zero": readSkip,
  ".fill": readFill,
  ".org": readOrg,
};

const nopOpcode = 0x90;

/** `.balign 16`, `.balign 16, 0xcc`, `.p2align 4,,10`: an alignment, a fill, and how much may be filled at most. */
function readAlign({ program, cursor, name }: Directive, isPower: boolean): void {
  const { site } = cursor;
  const token = cursor.peek();
  const written = numberOf(program, cursor, "the alignment", 0, isPower ? 30 : 2 ** 30);
  const alignment = isPower ? 2 ** written : Math.max(written, 1);
  if (!Number.isInteger(Math.log2(alignment)))
    throw cursor.error(`${name} takes a power of two, got ${written}`, { token });
  const nops: Fill = program.section.isCode ? { nops: program.mode } : 0;
  let fill = nops;
  let most: number | undefined;
  if (cursor.take(",")) {
    if (!cursor.atEnd && cursor.word() !== ",") fill = numberOf(program, cursor, "the fill", -128, 255) & 0xff;
    // As with GNU as, a fill with the one-byte NOP means NOPs of any length.
    if (fill === nopOpcode && program.section.isCode) fill = nops;
    if (cursor.take(",")) most = numberOf(program, cursor, "the most that is filled", 0, 2 ** 30);
  }
  cursor.expectEnd('","');
  // As with GNU as, a limit of zero is none.
  program.add({ kind: "align", alignment, fill, site, ...(most === undefined || most === 0 ? {} : { most }) });
}

/** `.skip size`, `.skip size, fill`. */
function readSkip({ program, cursor }: Directive): void {
  const { site } = cursor;
  const token = cursor.peek();
  const size = valueOf(program, cursor);
  const fill = cursor.take(",") ? numberOf(program, cursor, "the fill", -128, 255) & 0xff : 0;
  cursor.expectEnd('","');
  checkCount(cursor, size, token);
  requireZero(program, cursor, fill);
  program.add({ kind: "repeat", count: size, unit: Uint8Array.of(fill), site });
}

/** `.fill count, size, value`: of a size above four bytes only four hold the value. */
function readFill({ program, cursor }: Directive): void {
  const { site } = cursor;
  const token = cursor.peek();
  const count = valueOf(program, cursor);
  let size = 1;
  let value = 0n;
  if (cursor.take(",")) {
    size = numberOf(program, cursor, "the size", 0, 8);
    if (cursor.take(",")) {
      const valueToken = cursor.peek();
      value = constantOf(program, cursor, "the value");
      const bits = BigInt(Math.min(size, 4) * 8);
      if (bits > 0n && (value >= 1n << bits || value < -(1n << (bits - 1n))))
        throw cursor.error(`the value of .fill is ${bits} bits wide, got ${value}`, { token: valueToken });
    }
  }
  cursor.expectEnd('","');
  checkCount(cursor, count, token);
  requireZero(program, cursor, Number(value));
  const low = BigInt.asUintN(32, value);
  const unit = Uint8Array.from({ length: size }, (_, i) => (i < 4 ? Number((low >> BigInt(8 * i)) & 0xffn) : 0));
  program.add({ kind: "repeat", count, unit, site });
}

function checkCount(cursor: Cursor, count: Expression, token: Cursor["statement"][number] | undefined): void {
  if (!isConstant(count)) return;
  const value = simplest(count) as bigint;
  if (value >= 0n && value <= BigInt(mostFilled)) return;
  throw cursor.error(`the size is 0 to ${mostFilled}, got ${value}`, { token });
}

function requireZero(program: ProgramText, cursor: Cursor, value: number): void {
  if (program.section.isZero && value !== 0)
    throw cursor.error(`the section ${program.section.name} holds zeros only`, { token: cursor.statement[0] });
}

/** `.org to`, `.org to, fill`: a number counts from the beginning of the section. */
function readOrg({ program, cursor }: Directive): void {
  const to = valueOf(program, cursor);
  const fill = cursor.take(",") ? numberOf(program, cursor, "the fill", -128, 255) & 0xff : 0;
  cursor.expectEnd('","');
  requireZero(program, cursor, fill);
  advance(program, cursor, to, { fill, directive: ".org" });
}

/** Moves on to an address: a number counts from the beginning of the section. */
export function advance(
  program: ProgramText,
  cursor: Cursor,
  to: Expression,
  written: Pick<AdvanceNode, "fill" | "directive">,
): void {
  const { site } = cursor;
  if (isAddress(to)) {
    program.add({ kind: "advance", to, fromBeginning: false, ...written, site });
    return;
  }
  const beginning = program.beginningOfSection();
  program.add(
    beginning === undefined
      ? { kind: "advance", to, fromBeginning: true, ...written, site }
      : { kind: "advance", to: add(beginning, to), fromBeginning: false, ...written, site },
  );
}
