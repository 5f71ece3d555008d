/**
 * Linking: gives every statement its address and every pending number its value. A statement starts at its shortest
 * encoding and only ever grows, so the addresses reach a fixed point.
 */
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import { numberAt } from "../encode/number-place.ts";
import { statementToText } from "../listing.ts";
import { evaluate } from "../operands/expression.ts";
import { fitsField } from "../operands/field.ts";
import type { SizeSurroundings } from "./elastic.ts";
import { isElastic, sizeOfElastic } from "./elastic.ts";
import { addressOfPlaced, type Placed } from "./placed.ts";
import { Values } from "./values.ts";

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
  const growing = statements.filter(({ alternatives }) => alternatives.length > 1);
  let labels = symbols;
  for (let shifts = 0; shifts < mostShifts;) {
    const before = labels;
    labels = layOut(statements, origin, before, symbols);
    const values = new Values(labels);
    let grew = false;
    for (const statement of growing) {
      while (statement.chosen < statement.alternatives.length - 1 && !fits(statement, values)) {
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
  let base = origin;
  let offset = 0;
  for (const statement of statements) {
    const { node } = statement;
    if (node.kind === "origin") [base, offset] = [node.address, 0];
    statement.base = base;
    statement.offset = offset;
    statement.size = isElastic(node)
      ? provisionally(() => sizeOfElastic(node, addressed(statement, origin, known)))
      : sizeOf(statement);
    if (node.kind === "label") labels.set(node.name, addressOfPlaced(statement));
    if (node.kind === "constant") {
      const surroundings = addressed(statement, origin, known);
      labels.set(
        node.name,
        provisionally(() => evaluate(node.value, surroundings), 0n),
      );
    }
    offset += statement.size;
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

function sizeOf(statement: Placed): number {
  const { node, alternatives, chosen } = statement;
  switch (node.kind) {
    case "instruction":
      return alternatives[chosen]!.encoding.bytes.length;
    case "numbers":
      return node.width * node.values.length;
    case "bytes":
      return node.bytes.length;
    case "align": {
      const alignment = BigInt(node.alignment);
      const size = Number((alignment - (addressOfPlaced(statement) % alignment)) % alignment);
      return size > (node.most ?? size) ? 0 : size;
    }
    default:
      return 0;
  }
}

function addressed(
  statement: Placed,
  origin: bigint,
  labels: Pick<ReadonlyMap<string, bigint>, "get">,
): SizeSurroundings {
  const here = addressOfPlaced(statement);
  return { addressOf: (name) => labels.get(name)!, here, after: here + BigInt(statement.size), origin };
}

/** Whether the numbers of an instruction fit its chosen encoding. */
function fits(statement: Placed, values: Values): boolean {
  const { node, alternatives, chosen } = statement;
  if (node.kind !== "instruction") return true;
  values.moveTo(statement);
  return alternatives[chosen]!.places.every((place) => {
    const value = provisionally(() => values.of(numberAt(node, place), place), 0n);
    return fitsField(value, place.size * 8, place.extendedTo);
  });
}
