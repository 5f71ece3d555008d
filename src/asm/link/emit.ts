/** From placed statements to bytes: every statement's own, with all numbers filled in. */
import { hex } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { InstructionNode, Node, NumbersNode } from "../builder/node.ts";
import { numberAt, type NumberPlace } from "../encode/number-place.ts";
import { statementToText } from "../listing.ts";
import type { Expression } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import { gap, withStatement } from "./elastic.ts";
import type { Placed } from "./placed.ts";
import { Values } from "./values.ts";

/**
 * The bytes of statements, one after another.
 *
 * @throws AsmError `OUT_OF_RANGE` for a number that its field cannot hold
 */
export function emit(statements: readonly Placed[], labels: ReadonlyMap<string, bigint>): Uint8Array {
  const bytes = new Uint8Array(statements.reduce((sum, { size }) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  const values = new Values(labels);
  let at = 0;
  for (const statement of statements) {
    const { node, size } = statement;
    if (node.kind === "instruction") emitInstruction(node, statement, view, at, values);
    else if (node.kind === "numbers") emitNumbers(node, statement, view, at, values);
    else if (size > 0) bytes.set(node.kind === "bytes" ? node.bytes : gap(node, size), at);
    at += size;
  }
  return bytes;
}

function emitInstruction(node: InstructionNode, statement: Placed, view: DataView, at: number, values: Values): void {
  const { encoding, places } = statement.alternatives[statement.chosen]!;
  const { bytes } = encoding;
  for (let i = 0; i < bytes.length; i++) view.setUint8(at + i, bytes[i]!);
  if (places.length === 0) return;
  values.moveTo(statement);
  for (const place of places) {
    write(node, numberAt(node, place), place, view, at + place.offset, values);
  }
}

function emitNumbers(node: NumbersNode, statement: Placed, view: DataView, at: number, values: Values): void {
  const { width } = node;
  const place = { size: width, extendedTo: width * 8, relative: false };
  node.values.forEach((value, i) => {
    // In data, "here" is the number's own place: GNU's `.`.
    values.moveTo(statement, i * width);
    write(node, value, place, view, at + i * width, values);
  });
}

type Field = Pick<NumberPlace, "size" | "extendedTo" | "relative">;

function write(
  node: Node,
  number: bigint | Expression,
  field: Field,
  view: DataView,
  at: number,
  values: Values,
): void {
  const value =
    typeof number === "bigint" && !field.relative ? number : withStatement(node, () => values.of(number, field));
  const { size, extendedTo, relative } = field;
  if (!fitsField(value, size * 8, extendedTo)) throw outOfRange(node, value, size * 8, relative);
  if (size < 8) writeShort(view, at, size, Number(BigInt.asIntN(32, value)));
  else view.setBigInt64(at, BigInt.asIntN(64, value), true);
  if (size === 16) view.setBigInt64(at + 8, BigInt.asIntN(64, value >> 64n), true);
}

function writeShort(view: DataView, at: number, size: number, value: number): void {
  if (size === 4) view.setInt32(at, value, true);
  else if (size === 2) view.setInt16(at, value, true);
  else view.setInt8(at, value);
}

function outOfRange(node: Node, value: bigint, bits: number, relative: boolean): AsmError {
  const what = relative ? `the distance ${value}` : hex(value);
  return new AsmError(`${statementToText(node)}: ${what} does not fit ${bits} bits`, {
    code: "OUT_OF_RANGE",
    value,
    source: locate(node.site),
  });
}
