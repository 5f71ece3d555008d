/** Reads and writes the fields of KVM's structs, by the tables of their layouts. Pure. */
import type { Field } from "./structs.ts";
import { show } from "../../core/show.ts";
import { badArgument, type KvmError } from "../kvm-error.ts";
import { requireList } from "../shapes.ts";

/** A view over a fresh, zeroed struct, and its bytes for the system call. */
export interface StructBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A zeroed struct of `size` bytes. */
export function newStruct(size: number): StructBytes {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** A field of 1, 2 or 4 bytes. `base` is where its struct starts in the view, in bytes. */
export function readNumber(view: DataView, [offset, size]: Field, base = 0): number {
  if (size === 1) return view.getUint8(base + offset);
  return size === 2 ? view.getUint16(base + offset, true) : view.getUint32(base + offset, true);
}

/** A field of 8 bytes. */
export function readBigint(view: DataView, [offset]: Field, base = 0): bigint {
  return view.getBigUint64(base + offset, true);
}

/**
 * Writes a field of 1, 2, 4 or 8 bytes. Throws {@link KvmError} `BAD_ARGUMENT` where the value is no whole number from 0
 * to the largest that the field holds; fields of 8 bytes want a bigint, the others a number.
 *
 * @param what the value's name in the error
 */
export function writeField(view: DataView, field: Field, value: number | bigint, what: string, base = 0): void {
  if (!putField(view, field, value, base)) throw misfit(field, value, what);
}

/** {@link writeField} without an error: `false`, and nothing is written, where the value does not fit. */
export function putField(view: DataView, [offset, size]: Field, value: number | bigint, base = 0): boolean {
  if (size === 8) {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) return false;
    view.setBigUint64(base + offset, value, true);
    return true;
  }
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > largest(size)) return false;
  if (size === 1) view.setUint8(base + offset, value);
  else if (size === 2) view.setUint16(base + offset, value, true);
  else view.setUint32(base + offset, value, true);
  return true;
}

/** The largest number in 1, 2 or 4 bytes. A boot writes a hundred fields, and a power would be a call. */
function largest(size: number): number {
  return 0xffff_ffff >>> (32 - 8 * size);
}

/** Writes numbers of 64 bits in a row. Throws as {@link writeField}, and for what is no array. @param at the first's offset */
export function writeWords(view: DataView, at: number, values: readonly bigint[], what: string): void {
  for (const [index, value] of requireList(what, values).entries()) {
    writeField(view, [at + 8 * index, 8], value, `${what}[${index}]`);
  }
}

/** {@link writeWords} for a field that is to be full. */
export function fillWords(view: DataView, [at, size]: Field, values: readonly bigint[], what: string): void {
  if (requireList(what, values).length !== size / 8) throw badArgument(`${what} has not ${size / 8} numbers`, values);
  writeWords(view, at, values, what);
}

/** The error for a value that does not fit its field. */
export function misfit([, size]: Field, value: unknown, what: string): KvmError {
  const range = size === 8 ? "bigint from 0 to 2^64 - 1" : `whole number from 0 to 2^${8 * size} - 1`;
  return badArgument(`${what} is no ${range}: ${show(value)}`, value);
}
