/** A descriptor as a person reads it. */
import { hex } from "../../core/hex.ts";
import { decodeDescriptor, descriptorSize, encodeDescriptor, type Descriptor } from "./descriptor.ts";

/** How the fields read, in the order in which they stand; a field that says nothing is empty. */
const fieldTexts: Readonly<Record<string, (value: number | bigint | boolean) => string>> = {
  selector: (value) => `selector ${hex(Number(value), 4)}`,
  offset: (value) => `offset ${hex(BigInt(value))}`,
  base: (value) => `base ${hex(BigInt(value))}`,
  limit: (value) => `limit ${hex(Number(value))}`,
  dpl: (value) => `dpl ${value}`,
  ist: (value) => (value === 0 ? "" : `ist ${value}`),
  parameters: (value) => (value === 0 ? "" : `parameters ${value}`),
  readable: (value) => (value === true ? "readable" : ""),
  writable: (value) => (value === true ? "writable" : ""),
  conforming: (value) => (value === true ? "conforming" : ""),
  expandDown: (value) => (value === true ? "expand-down" : ""),
  accessed: (value) => (value === true ? "accessed" : ""),
  busy: (value) => (value === true ? "busy" : ""),
  available: (value) => (value === true ? "avl" : ""),
  present: (value) => (value === true ? "" : "not present"),
};

/**
 * A descriptor in words: its kind and size, then every field that says something.
 *
 * @throws LayoutError `BAD_SEGMENT` or `BAD_GATE` where {@link encodeDescriptor} does
 * @example
 * ```ts
 * descriptorToText({ type: "code", bits: 64 }); // "code64 base 0x0 limit 0xffffffff dpl 0 readable accessed"
 * ```
 */
export function descriptorToText(descriptor: Descriptor): string {
  // What is decoded has every field given.
  const long = descriptorSize(descriptor) === 16;
  const fields = Object.entries(decodeDescriptor(encodeDescriptor(descriptor), { long }));
  const given = new Map<string, number | bigint | boolean>(fields);
  const words = Object.entries(fieldTexts).map(([name, text]) => (given.has(name) ? text(given.get(name)!) : ""));
  return [`${descriptor.type}${given.get("bits") ?? ""}`, ...words].filter((word) => word !== "").join(" ");
}
