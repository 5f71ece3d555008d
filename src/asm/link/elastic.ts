/** Statements whose size depends on where they stand or on labels, and the bytes that fill gaps. */
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { Surroundings } from "../operands/expression.ts";
import { evaluate } from "../operands/expression.ts";
import { statementToText } from "../listing.ts";
import type { AdvanceNode, Node, RepeatNode } from "../builder/node.ts";
import { nops } from "./nops.ts";

/** What the size of a statement depends on. */
export interface SizeSurroundings extends Surroundings {
  /** The address of the first byte of the code. */
  readonly origin: bigint;
}

/** So many bytes may one statement fill: beyond it a slip of the pen is likelier than the wish. 256 MiB. */
export const mostFilled: number = 2 ** 28;

/** Whether a statement's size depends on labels. */
export function isElastic(node: Node): node is AdvanceNode | RepeatNode {
  return node.kind === "advance" || node.kind === "repeat";
}

/** The size in bytes of a statement that depends on labels. */
export function sizeOfElastic(node: Node, surroundings: SizeSurroundings): number {
  if (!isElastic(node)) return 0;
  return withStatement(node, () => {
    if (node.kind === "repeat") {
      const count = evaluate(node.count, surroundings);
      return checkSize(count * BigInt(node.unit.length), `it is repeated ${count} times`);
    }
    const to = evaluate(node.to, surroundings) + (node.fromBeginning ? surroundings.origin : 0n);
    const ahead = to - surroundings.here;
    return checkSize(ahead, `it would go back by ${-ahead} bytes`);
  });
}

function checkSize(size: bigint, whatIfNegative: string): number {
  if (size < 0n) throw new AsmError(whatIfNegative, { code: "OUT_OF_RANGE", value: size });
  if (size <= BigInt(mostFilled)) return Number(size);
  throw new AsmError(`${size} bytes are beyond 256 MiB`, { code: "OUT_OF_RANGE", value: size });
}

/** Adds to an error which statement it is about, and where that was written. */
export function withStatement<T>(node: Node, evaluation: () => T): T {
  try {
    return evaluation();
  } catch (error) {
    if (!(error instanceof AsmError)) throw error;
    const { code, value } = error;
    throw new AsmError(`${statementToText(node)}: ${error.message}`, {
      code,
      value,
      source: locate(node.site),
      cause: error,
    });
  }
}

/** The bytes that a statement fills before its numbers are written. */
export function gap(node: Node, size: number): Uint8Array {
  if (node.kind === "align" && typeof node.fill === "object") return nops(node.fill.nops, size);
  const bytes = new Uint8Array(size);
  if (node.kind === "align" || node.kind === "advance") return bytes.fill(node.fill as number);
  if (node.kind === "repeat" && node.unit.some((byte) => byte !== 0)) {
    for (let at = 0; at < size; at += node.unit.length) bytes.set(node.unit, at);
  }
  return bytes;
}
