/**
 * Linking: gives every statement its address and every pending number its value. A statement starts at its shortest
 * encoding and only ever grows, so the addresses reach a fixed point.
 */
import { hex } from "../core/hex.ts";
import { AsmError } from "./asm-error.ts";
import { locate } from "./call-site.ts";
import type { Encoding, Request } from "./encode.ts";
import { evaluate, isExpression } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { fitsField } from "./field.ts";
import { statementToText } from "./listing.ts";
import type { InstructionNode, Node } from "./node.ts";
import { addressBits } from "./resolved.ts";

/** A way to encode an instruction, with its bytes. */
export interface Alternative {
  readonly request: Request;
  readonly encoding: Encoding;
}

/** A statement with its place. */
export interface Placed {
  readonly node: Node;
  /** Shortest first; empty but for instructions. */
  readonly alternatives: readonly Alternative[];
  chosen: number;
  address: bigint;
  size: number;
}

/** A number that the linker fills in. */
interface Field {
  readonly expression: Expression;
  /** In bytes, from the statement's beginning. */
  readonly offset: number;
  readonly size: number;
  /** The bits that the CPU extends it to. */
  readonly extendedTo: number;
  /** Whether it is a distance from the end of the instruction. */
  readonly relative: boolean;
}

/** Places statements one after another from `origin`, and grows them until all their numbers fit. */
export function place(statements: readonly Placed[], origin: bigint): ReadonlyMap<string, bigint> {
  for (;;) {
    const labels = layOut(statements, origin);
    let grew = false;
    for (const statement of statements) {
      while (statement.chosen < statement.alternatives.length - 1 && !fits(statement, labels)) {
        statement.chosen++;
        grew = true;
      }
    }
    if (!grew) return labels;
  }
}

/** Gives every statement the next address; returns the labels. */
function layOut(statements: readonly Placed[], origin: bigint): Map<string, bigint> {
  const labels = new Map<string, bigint>();
  let address = origin;
  for (const statement of statements) {
    statement.address = address;
    statement.size = sizeOf(statement, address);
    if (statement.node.kind === "label") labels.set(statement.node.name, address);
    address += BigInt(statement.size);
  }
  return labels;
}

function sizeOf({ node, alternatives, chosen }: Placed, address: bigint): number {
  switch (node.kind) {
    case "label":
      return 0;
    case "instruction":
      return alternatives[chosen]!.encoding.bytes.length;
    case "numbers":
      return node.width * node.values.length;
    case "bytes":
      return node.bytes.length;
    case "align": {
      const alignment = BigInt(node.alignment);
      return Number((alignment - (address % alignment)) % alignment);
    }
  }
}

function fits(statement: Placed, labels: ReadonlyMap<string, bigint>): boolean {
  return fieldsOf(statement).every((field) =>
    fitsField(valueOf(field, statement, labels), field.size * 8, field.extendedTo),
  );
}

/** The value that goes into a field. A distance is taken round the end of the address space, as the CPU does. */
function valueOf(field: Field, statement: Placed, labels: ReadonlyMap<string, bigint>): bigint {
  const value = evaluate(
    field.expression,
    (name) => labels.get(name)!,
    statement.address + BigInt(hereOffset(field, statement)),
  );
  if (!field.relative) return value;
  return BigInt.asIntN(field.extendedTo, value - (statement.address + BigInt(statement.size)));
}

/** In data, "here" is the number's own place (GNU's `.`); in an instruction, the instruction's. */
function hereOffset(field: Field, { node }: Placed): number {
  return node.kind === "numbers" ? field.offset : 0;
}

function fieldsOf({ node, alternatives, chosen }: Placed): readonly Field[] {
  if (node.kind === "instruction") return instructionFields(node, alternatives[chosen]!);
  if (node.kind !== "numbers") return [];
  return node.values.flatMap((value, i) =>
    isExpression(value)
      ? [{ expression: value, offset: i * node.width, size: node.width, extendedTo: node.width * 8, relative: false }]
      : [],
  );
}

function instructionFields(node: InstructionNode, { request, encoding }: Alternative): readonly Field[] {
  const { mode } = request.instruction;
  const kinds = request.forms[0]!.written;
  return node.operands.flatMap((operand, i): Field[] => {
    const kind = kinds[i]!;
    if (kind.branch !== undefined) {
      const expression = isExpression(operand) ? operand : number(operand as bigint);
      return [{ expression, ...encoding.immediate, extendedTo: mode, relative: true }];
    }
    if (isExpression(operand)) {
      return [{ expression: operand, ...encoding.immediate, extendedTo: kind.immediate!.extendedTo, relative: false }];
    }
    if (typeof operand === "bigint" || operand.kind === "register" || !isExpression(operand.displacement)) return [];
    const relative = operand.base === "rip";
    return [
      { expression: operand.displacement, ...encoding.displacement, extendedTo: addressBits(operand, mode), relative },
    ];
  });
}

function number(constant: bigint): Expression {
  return { kind: "expression", labels: [], here: 0, constant };
}

/** The bytes of a placed statement, every number filled in. */
export function bytesOf(statement: Placed, labels: ReadonlyMap<string, bigint>): Uint8Array {
  const { node } = statement;
  const bytes = startingBytes(statement);
  if (node.kind === "numbers") {
    node.values.forEach((value, i) => {
      if (isExpression(value)) return;
      if (!fitsField(value, node.width * 8, node.width * 8)) throw outOfRange(node, value, node.width * 8);
      write(bytes, i * node.width, node.width, value);
    });
  }
  for (const field of fieldsOf(statement)) {
    const value = valueOf(field, statement, labels);
    if (!fitsField(value, field.size * 8, field.extendedTo))
      throw outOfRange(node, value, field.size * 8, field.relative);
    write(bytes, field.offset, field.size, value);
  }
  return bytes;
}

function startingBytes({ node, alternatives, chosen, size }: Placed): Uint8Array {
  if (node.kind === "instruction") return alternatives[chosen]!.encoding.bytes.slice();
  if (node.kind === "bytes") return node.bytes;
  return new Uint8Array(size).fill(node.kind === "align" ? node.fill : 0);
}

function write(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  let rest = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++, rest >>= 8n) bytes[offset + i] = Number(rest & 0xffn);
}

function outOfRange(node: Node, value: bigint, bits: number, relative = false): AsmError {
  const what = relative ? `the distance ${value}` : hex(value);
  return new AsmError(`${statementToText(node)}: ${what} does not fit ${bits} bits`, {
    code: "OUT_OF_RANGE",
    value,
    source: locate(node.site),
  });
}
