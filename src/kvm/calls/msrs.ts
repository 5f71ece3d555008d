/** `struct kvm_msrs` as plain objects. Pure. */
import { kvmMsrEntry, kvmMsrs } from "../abi/structs.ts";
import { newStruct, readBigint, writeField, type StructBytes } from "../abi/fields.ts";
import { requireList, requireObjects } from "../shapes.ts";
import { msrIndexOf, type MsrName } from "../abi/msr-names.ts";

/** A model-specific register and its value. */
export interface Msr {
  /** Its name, or the number that RDMSR takes in ECX: 32 bits (SDM vol. 4). */
  readonly index: MsrName | number;
  readonly data: bigint;
}

const entryAt = (number: number): number => kvmMsrs.size + number * kvmMsrEntry.size;

/** A `struct kvm_msrs` that asks for registers. Throws {@link KvmError} `BAD_ARGUMENT` for one that is none. */
export function encodeQuestions(registers: readonly (MsrName | number)[]): StructBytes {
  return encodeMsrs(requireList("registers", registers).map((index) => ({ index, data: 0n })));
}

/** A `struct kvm_msrs`. Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
export function encodeMsrs(msrs: readonly Msr[]): StructBytes {
  requireObjects("msrs", msrs);
  const struct = newStruct(entryAt(msrs.length));
  writeField(struct.view, kvmMsrs.fields.nmsrs, msrs.length, "nmsrs");
  for (const [number, { index, data }] of msrs.entries()) {
    writeField(struct.view, kvmMsrEntry.fields.index, msrIndexOf(index), "the MSR's number", entryAt(number));
    writeField(struct.view, kvmMsrEntry.fields.data, data, "the MSR's value", entryAt(number));
  }
  return struct;
}

/** The value of an entry, by its place among them. */
export function msrValue(view: DataView, number: number): bigint {
  return readBigint(view, kvmMsrEntry.fields.data, entryAt(number));
}
