/**
 * The last check: the finished bytes are decoded where they will lie, and every instruction must be the one that was
 * written, with the numbers that its labels now have. It shares the comparison with encoding, but nothing with linking.
 */
import { hexBytes } from "../core/hex.ts";
import { AsmError } from "./asm-error.ts";
import { locate } from "./call-site.ts";
import type { Expression, Surroundings } from "./expression.ts";
import { evaluate, isExpression } from "./expression.ts";
import { decoderOf, loadIced } from "./iced.ts";
import type { Placed } from "./link.ts";
import { statementToText } from "./listing.ts";
import type { NodeOperand } from "./node.ts";
import { ReadBack } from "./read-back.ts";
import type { ResolvedOperand } from "./resolved.ts";

/**
 * Decodes every instruction at its address and compares it with what was written.
 *
 * @throws AsmError `NOT_ENCODABLE` for the first that differs: a defect of this library, never of the author.
 */
export async function verify(
  statements: readonly Placed[],
  chunks: readonly Uint8Array[],
  labels: ReadonlyMap<string, bigint>,
): Promise<void> {
  const iced = await loadIced();
  const readBack = new ReadBack(iced);
  const decoded = new iced.Instruction();
  statements.forEach(({ node, address, alternatives, chosen }, i) => {
    if (node.kind !== "instruction") return;
    const bytes = chunks[i]!;
    const decoder = decoderOf(iced, node.mode, bytes);
    decoder.ip = address;
    decoder.decodeOut(decoded);
    const { request } = alternatives[chosen]!;
    const surroundings = {
      addressOf: (name: string) => labels.get(name)!,
      here: address,
      after: address + BigInt(bytes.length),
    };
    const operands = node.operands.map((operand) => resolve(operand, surroundings));
    const same = readBack.isWhatWasWritten(decoded, request.forms, { ...request.instruction, operands });
    const isWhole = !decoder.canDecode;
    decoder.free();
    if (same && isWhole) return;
    throw new AsmError(`${statementToText(node)}: the bytes ${hexBytes(bytes)} read back as ${decoded.toString()}`, {
      code: "NOT_ENCODABLE",
      value: bytes,
      source: locate(node.site),
      hint: "this is a defect of guestwright: please report the statement",
    });
  });
  decoded.free();
}

function resolve(operand: NodeOperand, surroundings: Surroundings): ResolvedOperand {
  const value = (each: bigint | Expression): bigint => (isExpression(each) ? evaluate(each, surroundings) : each);
  if (typeof operand === "bigint" || operand.kind === "expression") return value(operand);
  if (operand.kind === "far") return { ...operand, offset: value(operand.offset) };
  return operand.kind === "register" ? operand : { ...operand, displacement: value(operand.displacement) };
}
