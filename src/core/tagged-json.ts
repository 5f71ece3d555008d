/**
 * Plain data as JSON and back without loss. What JSON lacks are strings with a tag: `"$bigint:0x1000"`, `"$bytes:9A=="`,
 * `"$undefined"`; a string that begins with `$` is `"$string:$…"`.
 */
import { show } from "./show.ts";

/** Why a text is no such JSON, and where in it. */
export class TaggedJsonError extends Error {
  /** The keys that lead there. */
  readonly path: string;
  readonly expected: string;
  readonly value: unknown;

  constructor(path: string, expected: string, value: unknown) {
    super(`${path}: expected ${expected}`);
    this.path = path;
    this.expected = expected;
    this.value = value;
  }
}

/** How deep values may lie: no image comes near. */
const mostDepth = 64;

/** Plain data as JSON text. The same data gives the same text. */
export function toTaggedJson(value: unknown): string {
  return JSON.stringify(encode(value, ""), undefined, 1);
}

/**
 * Plain data from JSON text.
 *
 * @throws TaggedJsonError
 */
export function fromTaggedJson(text: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const error = new TaggedJsonError("", "JSON", text);
    error.cause = cause;
    throw error;
  }
  return decode(parsed, "", 0);
}

function encode(value: unknown, path: string): unknown {
  switch (typeof value) {
    case "undefined":
      return "$undefined";
    case "bigint":
      return `$bigint:${value < 0n ? "-" : ""}0x${(value < 0n ? -value : value).toString(16)}`;
    case "string":
      return value.startsWith("$") ? `$string:${value}` : value;
    case "boolean":
      return value;
    case "number":
      if (isPlain(value)) return value;
      break;
    case "object":
      if (value === null) return value;
      if (value instanceof Uint8Array) return `$bytes:${toBase64(value)}`;
      if (Array.isArray(value)) return value.map((each, i) => encode(each, keyPath(path, i)));
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encode(each, keyPath(path, key))]));
    case "function":
    case "symbol":
  }
  throw new TaggedJsonError(path, "plain data", value);
}

function isPlain(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0);
}

function decode(value: unknown, path: string, depth: number): unknown {
  if (depth > mostDepth) throw new TaggedJsonError(path, `at most ${mostDepth} levels of nesting`, value);
  if (typeof value === "string") return value.startsWith("$") ? decodeTagged(value, path) : value;
  // JSON has 1e999 and -0, which no data has.
  if (typeof value === "number" && !isPlain(value)) throw new TaggedJsonError(path, "a number", value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each, i) => decode(each, keyPath(path, i), depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, decode(each, keyPath(path, key), depth + 1)]),
  );
}

/** The tags, and how what follows the colon is read; `undefined` where it cannot be. */
const tags: Readonly<Record<string, { readonly expected: string; readonly read: (text: string) => unknown }>> = {
  $bigint: {
    expected: "$bigint: and a hexadecimal number of at most 32 digits",
    read: (text) => {
      if (!/^-?0x[0-9a-f]{1,32}$/.test(text)) return undefined;
      return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
    },
  },
  $bytes: { expected: "$bytes: and base64", read: fromBase64 },
  $string: { expected: "$string: and a string that begins with $", read: (text) => text },
};

function decodeTagged(value: string, path: string): unknown {
  if (value === "$undefined") return undefined;
  const colon = value.indexOf(":");
  const name = colon < 0 ? value : value.slice(0, colon);
  const tag = colon > 0 && Object.hasOwn(tags, name) ? tags[name] : undefined;
  if (tag === undefined) throw new TaggedJsonError(path, `one of $undefined, ${Object.keys(tags).join(", ")}`, name);
  const decoded = tag.read(value.slice(colon + 1));
  if (decoded === undefined) throw new TaggedJsonError(path, tag.expected, value.slice(0, 40));
  return decoded;
}

/** A path with one more key: `chunks[0].bytes`. */
export function keyPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  const isName = /^[\w$]+$/.test(key);
  return isName ? (path === "" ? key : `${path}.${key}`) : `${path}[${show(key)}]`;
}

/** How many bytes become characters at once: a multiple of three, so that the parts of the base64 fit together. */
const base64Step = 3 * 4096;

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += base64Step) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + base64Step))));
  }
  return parts.join("");
}

function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  // Bits that no byte has must be zero, so that the same bytes have one text only.
  const tail = bytes.length - (bytes.length % 3 || 3);
  return text.slice(-4) === toBase64(bytes.subarray(Math.max(0, tail))) ? bytes : undefined;
}
