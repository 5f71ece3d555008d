/** The listing: every statement with its address, its bytes and where it was written. */
import { hex, hexBytes } from "../core/hex.ts";
import { show } from "../core/show.ts";
import { sourceToText, type SourceLocation } from "../core/source.ts";
import { AsmError } from "./asm-error.ts";
import { maskToText } from "./operands/decorators.ts";
import type { Writer } from "./encode/encode.ts";
import { expressionToText, isExpression } from "./operands/expression.ts";
import type { Memory } from "./operands/memory.ts";
import type { Fill, Node, NodeOperand } from "./builder/node.ts";
import type { Register } from "./operands/register.ts";

/** One statement of a program, as it lies in memory. */
export interface ListingLine {
  readonly kind: "instruction" | "label" | "data";
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** The statement in Intel syntax; of a label, its name. */
  readonly text: string;
  /** Who wrote an instruction's bytes. */
  readonly writer: Writer | undefined;
  readonly source: SourceLocation | undefined;
}

/** A statement in Intel syntax, with labels by their names. */
export function statementToText(node: Node): string {
  switch (node.kind) {
    case "label":
      return node.name;
    case "instruction": {
      const { broadcast, rounding } = node.decorators;
      const operands = node.operands
        .map((operand, i) => {
          const text = operandToText(operand);
          const isElement = broadcast !== false && typeof operand === "object" && operand.kind === "memory";
          return `${isElement ? text.replace("[", "bcst [") : text}${i === 0 ? maskToText(node.decorators) : ""}`;
        })
        .concat(rounding === undefined ? [] : [`{${rounding}}`])
        .join(", ");
      const encoding = node.encoding === undefined ? undefined : `{${node.encoding}}`;
      return [encoding, node.prefix, node.mnemonic, operands]
        .filter((each) => each !== undefined && each !== "")
        .join(" ");
    }
    case "numbers":
      return `u${node.width * 8} ${node.values.map(numberToText).join(", ")}`;
    case "bytes":
      return node.text;
    case "align":
      return `align ${node.alignment}${fillToText(node.fill)}`;
    case "advance":
      return `${node.directive ?? (node.fromBeginning ? "pad" : "org")} ${expressionToText(node.to)}${fillToText(node.fill)}`;
    case "repeat":
      return node.unit.every((byte) => byte === 0)
        ? `zero ${expressionToText(node.count)}${node.unit.length === 1 ? "" : `*${node.unit.length}`}`
        : `repeat ${expressionToText(node.count)}, ${hexBytes(node.unit)}`;
    case "constant":
      return `${node.name} = ${expressionToText(node.value)}`;
    case "section":
    case "origin":
      return `section ${node.name}`;
  }
}

function fillToText(fill: Fill): string {
  if (typeof fill === "object") return ", nop";
  return fill === 0 ? "" : `, ${hex(fill, 2)}`;
}

function numberToText(value: NodeOperand & (bigint | object)): string {
  return isExpression(value) ? expressionToText(value) : typeof value === "bigint" ? hex(value) : "";
}

const sizeNames: Readonly<Record<number, string>> = {
  8: "byte ",
  16: "word ",
  32: "dword ",
  48: "fword ",
  64: "qword ",
  80: "tbyte ",
  128: "xmmword ",
  256: "ymmword ",
  512: "zmmword ",
};

/** An operand in Intel syntax. */
export function operandToText(operand: Register | Memory | NodeOperand): string {
  if (typeof operand === "bigint") return hex(operand);
  if (operand.kind === "register") return operand.name;
  if (operand.kind === "expression") return expressionToText(operand);
  if (operand.kind === "far") {
    const { selector, offset } = operand;
    return `${isExpression(selector) ? expressionToText(selector) : hex(selector)}:${operandToText(offset)}`;
  }
  const { base, index, scale, displacement, segment, size } = operand;
  const terms = [base, index === undefined ? undefined : `${index}${scale === 1 ? "" : `*${scale}`}`];
  const words = terms.filter((each) => each !== undefined);
  if (isExpression(displacement)) words.push(expressionToText(displacement));
  else if (displacement !== 0n || words.length === 0) words.push(hex(displacement));
  return `${sizeNames[size] ?? ""}${segment === undefined ? "" : `${segment}:`}[${words.join("+").replaceAll("+-", "-")}]`;
}

/**
 * The listing as text: address, bytes, statement, and in the last column who wrote it if not Keystone, and where.
 *
 * Throws {@link AsmError} `BAD_VALUE` for what is no listing.
 *
 * @param options.source whether lines say where they were written: leave it out of what should not change when code moves.
 */
export function listingToText(lines: readonly ListingLine[], options: { readonly source?: boolean } = {}): string {
  const given: unknown = lines;
  if (!Array.isArray(given) || !given.every((line: Partial<ListingLine> | null) => line?.bytes instanceof Uint8Array)) {
    const message = `listingToText takes the listing of a program, got ${show(lines)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: lines, hint: "program.listing is one" });
  }
  const bytesInLine = 8;
  const rows: string[] = [];
  for (const line of lines) {
    const address = line.address.toString(16).padStart(8, "0");
    if (line.kind === "label") {
      rows.push(`${address} ${line.text}:`);
      continue;
    }
    const marks = [
      line.writer === "iced-x86" ? "[iced-x86]" : undefined,
      options.source === true && line.source !== undefined ? sourceToText(line.source) : undefined,
    ].filter((each) => each !== undefined);
    for (let at = 0; at === 0 || at < line.bytes.length; at += bytesInLine) {
      const bytes = Array.from(line.bytes.subarray(at, at + bytesInLine), (each) => each.toString(16).padStart(2, "0"));
      const rowAddress = (line.address + BigInt(at)).toString(16).padStart(8, "0");
      const columns = `${rowAddress}   ${bytes.join(" ").padEnd(bytesInLine * 3 - 1)}`;
      rows.push(at === 0 ? `${`${columns}  ${line.text}`.padEnd(72)} ${marks.join(" ")}`.trimEnd() : columns.trimEnd());
    }
  }
  return rows.join("\n");
}
