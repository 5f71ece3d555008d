/** Structs as plain objects and back, by a table of which property is which field. Pure. */
import type { Field, StructLayout } from "./structs.ts";
import { fillWords, newStruct, readBigint, readNumber, writeField } from "./fields.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObject } from "../shapes.ts";

/** A field of many numbers of 64 bits. */
export interface Words {
  readonly words: Field;
}

/** Reads and writes one kind of struct. */
export interface Codec<Value> {
  decode(view: DataView): Value;
  /** Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
  encode(value: Value): Uint8Array;
}

/**
 * A codec. Fields of 1, 2 and 4 bytes are numbers, those of 8 are bigints, longer ones are bytes, or numbers of 64 bits where
 * the table says so.
 *
 * @param what the value's name in errors
 */
export function codecOf<Value extends object>(
  what: string,
  { size }: StructLayout,
  table: Readonly<Record<keyof Value & string, Field | Words>>,
): Codec<Value> {
  const entries = Object.entries<Field | Words>(table) as [keyof Value & string, Field | Words][];
  return {
    decode: (view) => Object.fromEntries(entries.map(([name, field]) => [name, readAny(view, field)])) as Value,
    encode: (value) => {
      requireObject(what, value);
      const { bytes, view } = newStruct(size);
      for (const [name, field] of entries) writeAny(view, field, value[name], name);
      return bytes;
    },
  };
}

const isWords = (field: Field | Words): field is Words => "words" in field;

function readAny(view: DataView, field: Field | Words): unknown {
  if (isWords(field)) {
    const [at, size] = field.words;
    return Array.from({ length: size / 8 }, (_, word) => view.getBigUint64(at + 8 * word, true));
  }
  const [at, size] = field;
  if (size < 8) return readNumber(view, field);
  if (size === 8) return readBigint(view, field);
  return new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
}

function writeAny(view: DataView, field: Field | Words, value: unknown, name: string): void {
  if (isWords(field)) {
    fillWords(view, field.words, value as readonly bigint[], name);
    return;
  }
  const [at, size] = field;
  if (size <= 8) {
    writeField(view, field, value as number | bigint, name);
    return;
  }
  new Uint8Array(view.buffer, at, size).set(requireBytes(value, size, name));
}

/** The bytes, if they are so many. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function requireBytes(value: unknown, size: number, what: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === size) return value;
  throw badArgument(`${what} is no Uint8Array of ${size} bytes`, value);
}
