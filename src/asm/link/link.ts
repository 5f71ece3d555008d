/**
 * Linking: gives every statement its address and every pending number its value. A statement starts at its shortest
 * encoding and only ever grows, so the addresses reach a fixed point.
 */
import { hex } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { Encoding, Request } from "../encode/encode.ts";
import type { SizeSurroundings } from "./elastic.ts";
import { gap, isElastic, sizeOfElastic, withStatement } from "./elastic.ts";
import type { Expression } from "../operands/expression.ts";
import { constant, evaluate, isExpression } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import { statementToText } from "../listing.ts";
import type { InstructionNode, Node } from "../builder/node.ts";
import { addressBits } from "../encode/resolved.ts";

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
  /** Whether its bytes depend on where it or a label lies. */
  readonly isPending: boolean;
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

/** So often may places shift without an instruction growing, before they count as depending on each other in a circle. */
const mostShifts = 64;

/**
 * Places statements one after another from `origin`, and grows them until all their numbers fit. Gives the labels and the
 * symbols from outside.
 */
export function place(
  statements: readonly Placed[],
  origin: bigint,
  symbols: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, bigint> {
  const elastic = statements.filter(({ node }) => isElastic(node));
  let labels = symbols;
  for (let shifts = 0; shifts < mostShifts;) {
    const before = labels;
    labels = layOut(statements, origin, before, symbols);
    let grew = false;
    for (const statement of statements) {
      while (statement.chosen < statement.alternatives.length - 1 && !fits(statement, labels)) {
        statement.chosen++;
        grew = true;
      }
    }
    if (grew) continue;
    if (elastic.length === 0 || isSame(before, labels)) {
      for (const statement of elastic) sizeOfElastic(statement.node, addressed(statement, origin, labels));
      return labels;
    }
    shifts++;
  }
  throw new AsmError(`${statementToText(elastic[0]!.node)}: its size depends on itself`, {
    code: "BAD_VALUE",
    value: elastic[0]!.node,
    source: locate(elastic[0]!.node.site),
  });
}

function isSame(a: ReadonlyMap<string, bigint>, b: ReadonlyMap<string, bigint>): boolean {
  return a.size === b.size && Array.from(b).every(([name, address]) => a.get(name) === address);
}

/**
 * Gives every statement the next address; returns the labels. Those further on are where the last pass had them, in the
 * first pass at the origin.
 */
function layOut(
  statements: readonly Placed[],
  origin: bigint,
  before: ReadonlyMap<string, bigint>,
  symbols: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, bigint> {
  const labels = new Map(symbols);
  const known = { get: (name: string) => labels.get(name) ?? before.get(name) ?? origin };
  let address = origin;
  for (const statement of statements) {
    const { node } = statement;
    if (node.kind === "origin") ({ address } = node);
    statement.address = address;
    statement.size = isElastic(node)
      ? provisionally(() => sizeOfElastic(node, addressed(statement, origin, known)))
      : sizeOf(statement, address);
    if (node.kind === "label") labels.set(node.name, address);
    if (node.kind === "constant") {
      const surroundings = { addressOf: known.get, here: address, after: address };
      labels.set(
        node.name,
        provisionally(() => evaluate(node.value, surroundings), 0n),
      );
    }
    address += BigInt(statement.size);
  }
  return labels;
}

/** A value that may be wrong as long as labels are: then it is taken for nothing. */
function provisionally(value: () => number): number;
function provisionally(value: () => bigint, otherwise: bigint): bigint;
function provisionally(value: () => number | bigint, otherwise: number | bigint = 0): number | bigint {
  try {
    return value();
  } catch {
    return otherwise;
  }
}

function sizeOf({ node, alternatives, chosen }: Placed, address: bigint): number {
  switch (node.kind) {
    case "instruction":
      return alternatives[chosen]!.encoding.bytes.length;
    case "numbers":
      return node.width * node.values.length;
    case "bytes":
      return node.bytes.length;
    case "align": {
      const alignment = BigInt(node.alignment);
      const size = Number((alignment - (address % alignment)) % alignment);
      return size > (node.most ?? size) ? 0 : size;
    }
    default:
      return 0;
  }
}

function addressed(
  { address, size }: Placed,
  origin: bigint,
  labels: Pick<ReadonlyMap<string, bigint>, "get">,
): SizeSurroundings {
  return {
    addressOf: (name) => labels.get(name)!,
    here: address,
    after: address + BigInt(size),
    origin,
  };
}

function fits(statement: Placed, labels: ReadonlyMap<string, bigint>): boolean {
  return fieldsOf(statement).every((field) =>
    fitsField(
      provisionally(() => valueOf(field, statement, labels), 0n),
      field.size * 8,
      field.extendedTo,
    ),
  );
}

/** The value that goes into a field. A distance is taken round the end of the address space, as the CPU does. */
function valueOf(field: Field, statement: Placed, labels: ReadonlyMap<string, bigint>): bigint {
  const value = evaluate(field.expression, {
    addressOf: (name) => labels.get(name)!,
    here: statement.address + BigInt(hereOffset(field, statement)),
    after: statement.address + BigInt(statement.size),
  });
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
      const expression = isExpression(operand) ? operand : constant(operand as bigint);
      return [{ expression, ...encoding.immediate, extendedTo: mode, relative: true }];
    }
    if (typeof operand === "object" && operand.kind === "far") {
      const expression = isExpression(operand.offset) ? operand.offset : constant(operand.offset);
      return [{ expression, ...encoding.immediate, extendedTo: kind.far!, relative: false }];
    }
    if (isExpression(operand)) {
      return [{ expression: operand, ...encoding.immediate, extendedTo: kind.immediate!.extendedTo, relative: false }];
    }
    if (typeof operand === "bigint" || operand.kind === "register" || !isExpression(operand.displacement)) return [];
    const relative = operand.base === "rip" || operand.base === "eip";
    return [
      { expression: operand.displacement, ...encoding.displacement, extendedTo: addressBits(operand, mode), relative },
    ];
  });
}

/** Whether an instruction's bytes depend on where it or a label lies. */
export function hasPending({ request }: Alternative): boolean {
  return request.isPending;
}

/** The bytes of a placed statement, every number filled in. They may be shared: copy before writing. */
export function bytesOf(statement: Placed, labels: ReadonlyMap<string, bigint>): Uint8Array {
  const { node } = statement;
  if (!statement.isPending) return statement.alternatives[statement.chosen]!.encoding.bytes;
  const bytes = startingBytes(statement);
  if (node.kind === "numbers") {
    node.values.forEach((value, i) => {
      if (isExpression(value)) return;
      if (!fitsField(value, node.width * 8, node.width * 8)) throw outOfRange(node, value, node.width * 8);
      write(bytes, i * node.width, node.width, value);
    });
  }
  for (const field of fieldsOf(statement)) {
    const value = withStatement(node, () => valueOf(field, statement, labels));
    if (!fitsField(value, field.size * 8, field.extendedTo))
      throw outOfRange(node, value, field.size * 8, field.relative);
    write(bytes, field.offset, field.size, value);
  }
  return bytes;
}

function startingBytes({ node, alternatives, chosen, size }: Placed): Uint8Array {
  if (node.kind === "instruction") return alternatives[chosen]!.encoding.bytes.slice();
  if (node.kind === "bytes") return node.bytes;
  return gap(node, size);
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
