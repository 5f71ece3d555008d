/**
 * Tells lists, objects and names from what JavaScript without types passes for them. To be asked where a value is first taken
 * apart: a number that is none is told by the field that it does not fit, but `null` has no fields.
 */
import { show } from "../core/show.ts";
import { badArgument } from "./kvm-error.ts";

/** The value, if it is an array. Throws {@link KvmError} `BAD_ARGUMENT`. @param what its name in the error */
export function requireList<List extends readonly unknown[]>(what: string, value: List): List {
  if (Array.isArray(value)) return value;
  throw badArgument(`${what} must be an array; got ${show(value)}`, value);
}

/** The value, if it is an object and no array. Throws {@link KvmError} `BAD_ARGUMENT`. @param what its name in the error */
export function requireObject<Value extends object>(what: string, value: Value): Value {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw badArgument(`${what} must be an object; got ${show(value)}`, value);
}

/** The value, if it is an array of objects. Throws {@link KvmError} `BAD_ARGUMENT`. @param what its name in the error */
export function requireObjects<Value extends object>(what: string, value: readonly Value[]): readonly Value[] {
  for (const [index, each] of requireList(what, value).entries()) requireObject(`${what}[${index}]`, each);
  return value;
}

/** The value, if it is bytes. Throws {@link KvmError} `BAD_ARGUMENT`. @param what its name in the error */
export function requireUint8Array(what: string, value: Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw badArgument(`${what} must be a Uint8Array; got ${show(value)}`, value);
}

/** What a table has under a name; `undefined` for what is none of its names, of whatever type. */
export function entryOf<Value>(table: Readonly<Record<string, Value>>, name: unknown): Value | undefined {
  return typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
}
