/** Checks of the form of plain data, put together from parts: each says where a value is wrong and what was expected. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { keyPath } from "../../core/tagged-json.ts";

/** Throws where a value has not the form; `path` is where it stands. */
export type Shape = (value: unknown, path: string) => void;

/** What is no image: `BAD_IMAGE`, with the path, what was expected and what is there. */
export function badImage(path: string, expected: string, value: unknown): LayoutError {
  return new LayoutError(`${path === "" ? "the image" : path}: expected ${expected}, got ${show(value)}`, {
    code: "BAD_IMAGE",
    value,
  });
}

function where(expected: string, holds: (value: unknown) => boolean): Shape {
  return (value, path) => {
    if (!holds(value)) throw badImage(path, expected, value);
  };
}

/** Any string. */
export const text: Shape = where("a string", (value) => typeof value === "string");

/** Bytes. */
export const bytes: Shape = where("bytes", (value) => value instanceof Uint8Array);

/** A bigint from 0 up that fits some bits. */
export function unsigned(bits: number): Shape {
  return where(
    `a bigint of ${bits} bits`,
    (value) => typeof value === "bigint" && value >= 0n && value >> BigInt(bits) === 0n,
  );
}

/** A whole number from 0 up. */
export function wholeUpTo(most: number): Shape {
  return where(
    `0 to ${hex(most)}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most,
  );
}

/** One of some strings. */
export function oneOf(names: readonly string[]): Shape {
  return where(names.map((name) => JSON.stringify(name)).join(" or "), (value) => names.includes(value as string));
}

/** What may be `undefined`. */
export function optional(shape: Shape): Shape {
  return (value, path) => {
    if (value !== undefined) shape(value, path);
  };
}

/** An array whose elements have one form. */
export function list(shape: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) throw badImage(path, "an array", value);
    for (const [i, each] of value.entries()) shape(each, keyPath(path, i));
  };
}

/** An object whose values have one form, whatever the keys. */
export function record(shape: Shape): Shape {
  return (value, path) => {
    for (const [key, each] of Object.entries(asObject(value, path))) shape(each, keyPath(path, key));
  };
}

/** An object with some keys at least. */
export function object(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    const given = asObject(value, path);
    for (const [key, shape] of Object.entries(shapes)) {
      shape(Object.hasOwn(given, key) ? given[key] : undefined, keyPath(path, key));
    }
  };
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw badImage(path, "an object", value);
  }
  return value as Readonly<Record<string, unknown>>;
}
