/**
 * The last check: finished bytes are decoded where they will lie, and every instruction whose numbers the linker filled in
 * must be the one that was written, with the numbers that its labels now have. All others were compared when they were
 * encoded, and not a byte of theirs has changed. It shares the comparison with encoding, but nothing with linking.
 */
import type * as Iced from "iced-x86";
import { hexBytes } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { Expression, Surroundings } from "../operands/expression.ts";
import { evaluate, isExpression } from "../operands/expression.ts";
import { decoderOf, loadIced } from "../encode/iced.ts";
import type { Placed } from "./link.ts";
import { statementToText } from "../listing.ts";
import type { Mode } from "../mode.ts";
import type { InstructionNode, NodeOperand } from "../builder/node.ts";
import { ReadBack } from "../encode/read-back.ts";
import type { ResolvedOperand } from "../encode/resolved.ts";

/**
 * Decodes every instruction at its address and compares it with what was written.
 *
 * @throws AsmError `NOT_ENCODABLE` for the first that differs: a defect of this library, never of the author.
 */
export async function verify(
  statements: readonly Placed[],
  bytes: Uint8Array,
  labels: ReadonlyMap<string, bigint>,
): Promise<void> {
  const iced = await loadIced();
  const readBack = new ReadBack(iced);
  const decoders = new Map<Mode, Iced.Decoder>();
  const decoded = new iced.Instruction();
  const addressOf = (name: string): bigint => labels.get(name)!;
  try {
    let at = 0;
    for (const { node, address, size, alternatives, chosen, isPending } of statements) {
      const start = at;
      at += size;
      if (node.kind !== "instruction" || !isPending) continue;
      let decoder = decoders.get(node.mode);
      if (decoder === undefined) decoders.set(node.mode, (decoder = decoderOf(iced, node.mode, bytes)));
      decoder.position = start;
      decoder.ip = address;
      decoder.decodeOut(decoded);
      const { request } = alternatives[chosen]!;
      const surroundings = { addressOf, here: address, after: address + BigInt(size) };
      const operands = node.operands.map((operand) => resolve(operand, surroundings));
      const isSame = readBack.isWhatWasWritten(decoded, request.forms, { ...request.instruction, operands });
      if (!isSame || decoded.length !== size) throw differs(node, bytes.slice(start, at), decoded.toString());
    }
  } finally {
    decoded.free();
    for (const decoder of decoders.values()) decoder.free();
  }
}

function differs(node: InstructionNode, bytes: Uint8Array, readBack: string): AsmError {
  return new AsmError(`${statementToText(node)}: the bytes ${hexBytes(bytes)} read back as ${readBack}`, {
    code: "NOT_ENCODABLE",
    value: bytes,
    source: locate(node.site),
    hint: "this is a defect of guestwright: please report the statement",
  });
}

function resolve(operand: NodeOperand, surroundings: Surroundings): ResolvedOperand {
  const value = (each: bigint | Expression): bigint => (isExpression(each) ? evaluate(each, surroundings) : each);
  if (typeof operand === "bigint" || operand.kind === "expression") return value(operand);
  if (operand.kind === "far") return { ...operand, offset: value(operand.offset) };
  return operand.kind === "register" ? operand : { ...operand, displacement: value(operand.displacement) };
}
