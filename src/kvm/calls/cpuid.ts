/** `struct kvm_cpuid2` as plain objects. Pure. */
import { kvmCpuid2, kvmCpuidEntry2 } from "../abi/structs.ts";
import { newStruct, readNumber, writeField } from "../abi/fields.ts";
import { requireObjects } from "../shapes.ts";

/** What CPUID answers for one leaf and subleaf: `struct kvm_cpuid_entry2` (linux/kvm.h). Each number has 32 bits. */
export interface CpuidEntry {
  /** The leaf: EAX before the instruction. */
  readonly function: number;
  /** The subleaf: ECX before the instruction. */
  readonly index: number;
  /** Bit 0, `KVM_CPUID_FLAG_SIGNIFCANT_INDEX`: the entry holds for this subleaf alone. */
  readonly flags: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

const entryFields = Object.keys(kvmCpuidEntry2.fields) as (keyof CpuidEntry)[];

/** A `struct kvm_cpuid2` with room for `capacity` entries, for the kernel to fill. */
export function newCpuid(capacity: number): Uint8Array {
  const { bytes, view } = newStruct(kvmCpuid2.size + capacity * kvmCpuidEntry2.size);
  writeField(view, kvmCpuid2.fields.nent, capacity, "nent");
  return bytes;
}

/** The entries of a `struct kvm_cpuid2`. */
export function decodeCpuid(bytes: Uint8Array): readonly CpuidEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: readNumber(view, kvmCpuid2.fields.nent) }, (_, number) => {
    const at = kvmCpuid2.size + number * kvmCpuidEntry2.size;
    const entry = {} as Record<keyof CpuidEntry, number>;
    for (const name of entryFields) entry[name] = readNumber(view, kvmCpuidEntry2.fields[name], at);
    return entry;
  });
}

/** Entries as a `struct kvm_cpuid2`. Throws {@link KvmError} `BAD_ARGUMENT` for a value of more than 32 bits. */
export function encodeCpuid(entries: readonly CpuidEntry[]): Uint8Array {
  requireObjects("the entries of CPUID", entries);
  const bytes = newCpuid(entries.length);
  const view = new DataView(bytes.buffer);
  for (const [number, entry] of entries.entries()) {
    const at = kvmCpuid2.size + number * kvmCpuidEntry2.size;
    for (const name of entryFields) {
      writeField(view, kvmCpuidEntry2.fields[name], entry[name], `entry ${number}: ${name}`, at);
    }
  }
  return bytes;
}
