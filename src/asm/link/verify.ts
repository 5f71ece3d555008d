/**
 * The last check: finished bytes are decoded where they will lie, and every instruction whose numbers the linker filled in
 * must be the one that was written, with the numbers that it has now. Its shape was compared in full when it was encoded;
 * here its other bytes must be those of its shape, iced-x86 must read the same form in them, and of the numbers what was
 * written. All other instructions were compared when they were encoded, and not a byte of theirs has changed. It shares
 * the comparison with encoding, but nothing with linking.
 */
import type * as Iced from "iced-x86";
import { hexBytes } from "../../core/hex.ts";
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { InstructionNode, NodeOperand } from "../builder/node.ts";
import { selectorOf } from "../encode/number-place.ts";
import type { WrittenOperand } from "../instructions/operand-kind.ts";
import { decoderOf, loadIced } from "../encode/iced.ts";
import { sameDisplacement, sameNumber } from "../encode/read-back.ts";
import { addressBits } from "../encode/resolved.ts";
import type { Alternative } from "../encode/shapes.ts";
import { statementToText } from "../listing.ts";
import type { Mode } from "../mode.ts";
import type { Expression, Surroundings } from "../operands/expression.ts";
import { evaluate } from "../operands/expression.ts";
import { addressOfPlaced, type Placed } from "./placed.ts";

/**
 * Decodes every instruction with numbers of its own at its address and compares it with what was written.
 *
 * @throws AsmError `NOT_ENCODABLE` for the first that differs: a defect of this library, never of the author.
 */
export async function verify(
  statements: readonly Placed[],
  bytes: Uint8Array,
  labels: ReadonlyMap<string, bigint>,
): Promise<void> {
  const iced = await loadIced();
  const decoders = new Map<Mode, Iced.Decoder>();
  const decoded = new iced.Instruction();
  const surroundings = { addressOf: (name: string): bigint => labels.get(name)!, here: 0n, after: 0n };
  try {
    let at = 0;
    for (const statement of statements) {
      const { node, size, alternatives, chosen } = statement;
      const start = at;
      at += size;
      if (node.kind !== "instruction" || !alternatives[chosen]!.hasOwnNumbers) continue;
      const { mode } = node;
      let decoder = decoders.get(mode);
      if (decoder === undefined) decoders.set(mode, (decoder = decoderOf(iced, mode, bytes)));
      const address = addressOfPlaced(statement);
      decoder.position = start;
      decoder.ip = address;
      decoder.decodeOut(decoded);
      surroundings.here = address;
      surroundings.after = address + BigInt(size);
      const isSame =
        decoded.length === size &&
        isOfShape(bytes, start, alternatives[chosen]!) &&
        isWhatWasWritten(decoded, node, alternatives[chosen]!, surroundings);
      if (!isSame) throw differs(node, bytes.slice(start, at), decoded.toString());
    }
  } finally {
    decoded.free();
    for (const decoder of decoders.values()) decoder.free();
  }
}

/** Whether all bytes but those of the numbers are the ones that were compared in full. */
function isOfShape(bytes: Uint8Array, start: number, { encoding, places }: Alternative): boolean {
  const { bytes: ofShape } = encoding;
  for (let i = 0; i < ofShape.length; i++) {
    if (bytes[start + i] !== ofShape[i] && !places.some(({ offset, size }) => i >= offset && i < offset + size))
      return false;
  }
  return true;
}

/** Whether iced-x86 reads the form of the shape, with the numbers that were written. */
function isWhatWasWritten(
  decoded: Iced.Instruction,
  { operands, mode }: InstructionNode,
  { encoding: { form } }: Alternative,
  surroundings: Surroundings,
): boolean {
  if (decoded.code !== form.code) return false;
  return operands.every((operand, i) => {
    if (typeof operand === "object" && operand.kind === "register") return true;
    return sameValue(decoded, form.written[i]!, operand, surroundings, mode);
  });
}

function sameValue(
  decoded: Iced.Instruction,
  kind: WrittenOperand,
  operand: Exclude<NodeOperand, { kind: "register" }>,
  surroundings: Surroundings,
  mode: Mode,
): boolean {
  if (typeof operand === "bigint" || operand.kind === "expression")
    return sameNumber(decoded, kind, value(operand, surroundings), mode);
  if (operand.kind === "far") {
    const selector = value(selectorOf(operand), surroundings);
    return (
      BigInt(decoded.farBranchSelector) === BigInt.asUintN(16, selector) &&
      sameNumber(decoded, kind, value(operand.offset, surroundings), mode)
    );
  }
  return sameDisplacement(decoded, value(operand.displacement, surroundings), addressBits(operand, mode));
}

function value(number: bigint | Expression, surroundings: Surroundings): bigint {
  return typeof number === "bigint" ? number : evaluate(number, surroundings);
}

function differs(node: InstructionNode, bytes: Uint8Array, readBack: string): AsmError {
  return new AsmError(`${statementToText(node)}: the bytes ${hexBytes(bytes)} read back as ${readBack}`, {
    code: "NOT_ENCODABLE",
    value: bytes,
    source: locate(node.site),
    hint: "this is a defect of guestwright: please report the statement",
  });
}
