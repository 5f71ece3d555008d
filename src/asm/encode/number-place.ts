/** Where in an instruction's bytes its numbers are, for those that the linker fills in. */
import type { InstructionNode, NodeOperand } from "../builder/node.ts";
import type { Expression } from "../operands/expression.ts";
import { isExpression } from "../operands/expression.ts";
import type { Far } from "../operands/far.ts";
import type { Encoding } from "./encode.ts";
import { addressBits } from "./resolved.ts";

/** The place of an operand's number. */
export interface NumberPlace {
  /** Which of the written operands it belongs to. */
  readonly operand: number;
  /** In bytes, from the instruction's beginning. */
  readonly offset: number;
  readonly size: number;
  /** The bits that the CPU extends it to. */
  readonly extendedTo: number;
  /** Whether it is a distance from the end of the instruction. */
  readonly relative: boolean;
  /** Whether it is the selector of a far pointer. */
  readonly isSelector?: true;
}

/** The number of an operand: an immediate, a displacement, where a far pointer points; `undefined` for a register. */
export function numberOf(operand: NodeOperand): bigint | Expression | undefined {
  if (typeof operand === "bigint" || operand.kind === "expression") return operand;
  if (operand.kind === "register") return undefined;
  return operand.kind === "far" ? operand.offset : operand.displacement;
}

/** The number that goes to a place. */
export function numberAt({ operands }: InstructionNode, { operand, isSelector }: NumberPlace): bigint | Expression {
  const written = operands[operand]!;
  if (isSelector && typeof written === "object" && written.kind === "far") return selectorOf(written);
  return numberOf(written)!;
}

/** The selector of a far pointer as the other numbers are. */
export function selectorOf({ selector }: Far): bigint | Expression {
  return typeof selector === "number" ? BigInt(selector) : selector;
}

/** The places of an instruction's pending numbers, and with `all` of the numbers that are known, too. */
export function numberPlaces(node: InstructionNode, encoding: Encoding, all: boolean): readonly NumberPlace[] {
  const { displacement, immediate, form } = encoding;
  return node.operands.flatMap((written, operand): NumberPlace[] => {
    const kind = form.written[operand]!;
    if (kind.branch !== undefined) return [{ operand, ...immediate, extendedTo: node.mode, relative: true }];
    const number = numberOf(written);
    if (number === undefined) return [];
    if (kind.far !== undefined) {
      // The selector follows the offset: SDM vol. 2A, JMP, ptr16:16 and ptr16:32.
      const selector = {
        offset: immediate.offset + immediate.size,
        size: 2,
        extendedTo: 16,
        isSelector: true,
      } as const;
      const target = { operand, ...immediate, extendedTo: kind.far, relative: false };
      return hasPendingSelector(written) ? [target, { operand, ...selector, relative: false }] : [target];
    }
    if (!all && !isExpression(number)) return [];
    if (typeof written === "object" && written.kind === "memory") {
      const relative = written.base === "rip" || written.base === "eip";
      const place = { operand, ...displacement, extendedTo: addressBits(written, node.mode), relative };
      return displacement.size === 0 ? [] : [place];
    }
    // Of a number that the form implies there is nothing in the bytes: the shift by 1.
    return kind.immediate === undefined
      ? []
      : [{ operand, ...immediate, extendedTo: kind.immediate.extendedTo, relative: false }];
  });
}

function hasPendingSelector(operand: NodeOperand): boolean {
  return typeof operand === "object" && operand.kind === "far" && isExpression(operand.selector);
}
