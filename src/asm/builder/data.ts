/** The builder's statements for data: each makes one node of what the author gave it. */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "./call-site.ts";
import { locate } from "./call-site.ts";
import type { Value } from "./code-types.ts";
import { mostFilled } from "../link/elastic.ts";
import type { Expression } from "../operands/expression.ts";
import { addressOf, constant, isExpression } from "../operands/expression.ts";
import type { Mode } from "../mode.ts";
import type { Fill, Node, NumbersNode } from "./node.ts";
import { checkName, wholeNumber } from "../operands/whole-number.ts";

/** Where a statement is written. */
export interface DataContext {
  readonly mode: Mode;
  readonly site: CallSite;
  /** Whether the statement before is an instruction, labels aside. */
  followsInstruction(): boolean;
}

type DataStatement = (context: DataContext, ...operands: never[]) => Node;

/** The statements by the names of their methods. */
export const dataStatements: Readonly<Record<string, DataStatement>> = {
  u8: (context, ...values: Value[]) => numbers(context, 1, values),
  u16: (context, ...values: Value[]) => numbers(context, 2, values),
  u32: (context, ...values: Value[]) => numbers(context, 4, values),
  u64: (context, ...values: Value[]) => numbers(context, 8, values),
  u128: (context, ...values: Value[]) => numbers(context, 16, values),
  addresses: (context, ...labels: string[]) =>
    numbers(
      context,
      (context.mode / 8) as NumbersNode["width"],
      labels.map((label) => addressOf(checkName("addresses", label, context.site))),
    ),
  f32: (context, ...values: number[]) => floats(context, "f32", 4, values),
  f64: (context, ...values: number[]) => floats(context, "f64", 8, values),
  ascii: (context, text: string) => ascii(context, "ascii", text, ""),
  asciz: (context, text: string) => ascii(context, "asciz", text, "\0"),
  utf8: (context, text: string) => utf8(context, "utf8", text, ""),
  utf8z: (context, text: string) => utf8(context, "utf8z", text, "\0"),
  utf16: (context, text: string) => utf16(context, "utf16", text, ""),
  utf16z: (context, text: string) => utf16(context, "utf16z", text, "\0"),
  bytes,
  zero: (context, size: number) => {
    if (!Number.isSafeInteger(size) || size < 0)
      throw badValue(context, `zero takes a number of bytes, got ${show(size)}`, size);
    return room(context, "zero", size);
  },
  reserve: (context, size: number | bigint | Expression) => room(context, "reserve", size),
  align,
  org: (context, address: number | bigint | Expression, fill: number = 0) =>
    advance(context, "org", address, fill, false),
  pad: (context, size: number | bigint | Expression, fill: number = 0) => advance(context, "pad", size, fill, true),
};

function badValue({ site }: DataContext, message: string, value: unknown): AsmError {
  return new AsmError(message, { code: "BAD_VALUE", value, source: locate(site) });
}

function numbers({ site }: DataContext, width: NumbersNode["width"], values: readonly Value[]): Node {
  const receiver = { takes: `u${width * 8} takes numbers and expressions`, site };
  return {
    kind: "numbers",
    width,
    values: values.map((value) => (isExpression(value) ? value : wholeNumber(value, receiver))),
    site,
  };
}

function floats(context: DataContext, name: string, width: 4 | 8, values: readonly number[]): Node {
  const view = new DataView(new ArrayBuffer(values.length * width));
  values.forEach((value, i) => {
    if (typeof value !== "number") throw badValue(context, `${name} takes numbers, got ${show(value)}`, value);
    if (width === 8) return view.setFloat64(i * 8, value, true);
    view.setFloat32(i * 4, value, true);
    if (Number.isFinite(value) && !Number.isFinite(view.getFloat32(i * 4, true)))
      throw badValue(context, `${name} holds numbers up to 3.4e38, got ${value}`, value);
  });
  const bytes = new Uint8Array(view.buffer);
  return { kind: "bytes", bytes, text: `${name} ${values.join(", ")}`, site: context.site };
}

function ascii(context: DataContext, name: string, text: string, end: string): Node {
  const codes = Array.from(checkText(context, name, text) + end, (character) => character.codePointAt(0)!);
  if (codes.some((code) => code > 0x7f))
    throw badValue(context, `${name} takes ASCII characters only, got ${JSON.stringify(text)}`, text);
  return textNode(context, name, text, Uint8Array.from(codes));
}

function utf8(context: DataContext, name: string, text: string, end: string): Node {
  return textNode(context, name, text, new TextEncoder().encode(checkUnicode(context, name, text) + end));
}

function utf16(context: DataContext, name: string, text: string, end: string): Node {
  const units = checkUnicode(context, name, text) + end;
  const bytes = new Uint8Array(units.length * 2);
  for (let i = 0; i < units.length; i++) {
    const unit = units.charCodeAt(i);
    bytes.set([unit & 0xff, unit >> 8], i * 2);
  }
  return textNode(context, name, text, bytes);
}

function textNode({ site }: DataContext, name: string, text: string, bytes: Uint8Array): Node {
  return { kind: "bytes", bytes, text: `${name} ${JSON.stringify(text)}`, site };
}

function checkText(context: DataContext, name: string, text: string): string {
  if (typeof text === "string") return text;
  throw badValue(context, `${name} takes a string, got ${show(text)}`, text);
}

/** Half of a surrogate pair is no character, and no encoding of Unicode can hold it. */
function checkUnicode(context: DataContext, name: string, text: string): string {
  if (!/\p{Surrogate}/u.test(checkText(context, name, text))) return text;
  throw badValue(context, `${name} takes Unicode text, got half of a pair in ${JSON.stringify(text)}`, text);
}

/** Bytes as they are; the elements of a typed array in their own width, little-endian. */
function bytes(context: DataContext, source: Iterable<number> | ArrayBufferView | ArrayBuffer): Node {
  const all = bytesOf(context, source);
  return { kind: "bytes", bytes: all, text: `bytes of ${all.length}`, site: context.site };
}

function bytesOf(context: DataContext, source: Iterable<number> | ArrayBufferView | ArrayBuffer): Uint8Array {
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (ArrayBuffer.isView(source)) {
    const copy = new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
    const width = (source as { readonly BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    if (!isHostLittleEndian) for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse();
    return copy;
  }
  const isIterable = typeof source === "object" && source !== null && Symbol.iterator in source;
  if (!isIterable) throw badValue(context, `bytes takes an array or a typed array, got ${show(source)}`, source);
  const values = Array.from(source);
  const at = values.findIndex((value) => !Number.isInteger(value) || value < 0 || value > 0xff);
  if (at !== -1) throw badValue(context, `a byte is 0 to 255, got ${show(values[at])}`, values[at]);
  return Uint8Array.from(values);
}

const isHostLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function room(context: DataContext, name: string, size: number | bigint | Expression): Node {
  const count = toExpression(context, name, size);
  if (!isExpression(size) && (count.constant < 0n || count.constant > BigInt(mostFilled)))
    throw badValue(context, `${name} takes up to 256 MiB, got ${size}`, size);
  return { kind: "repeat", count, unit: Uint8Array.of(0), site: context.site };
}

function align(context: DataContext, alignment: number, fill?: number | "nop"): Node {
  const isPowerOfTwo = Number.isInteger(alignment) && alignment >= 1 && Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo || alignment > 2 ** 30) {
    throw badValue(context, `align takes a power of two up to 2^30, got ${show(alignment)}`, alignment);
  }
  const byDefault = (): Fill => (context.followsInstruction() ? { nops: context.mode } : 0);
  const chosen: Fill =
    fill === undefined ? byDefault() : fill === "nop" ? { nops: context.mode } : checkFill(context, fill);
  return { kind: "align", alignment, fill: chosen, site: context.site };
}

function advance(
  context: DataContext,
  name: string,
  to: number | bigint | Expression,
  fill: number,
  fromBeginning: boolean,
): Node {
  const target = toExpression(context, name, to);
  return { kind: "advance", to: target, fromBeginning, fill: checkFill(context, fill), site: context.site };
}

function checkFill(context: DataContext, fill: number): number {
  if (Number.isInteger(fill) && fill >= 0 && fill <= 0xff) return fill;
  throw badValue(context, `a fill is 0 to 255, got ${show(fill)}`, fill);
}

function toExpression(context: DataContext, name: string, value: number | bigint | Expression): Expression {
  if (isExpression(value)) return value;
  return constant(wholeNumber(value, { takes: `${name} takes a number or an expression`, site: context.site }));
}
