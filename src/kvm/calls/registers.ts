/** The registers as `struct kvm_regs` and `struct kvm_sregs` hold them, and as plain objects. Pure. */
import type {
  CpuState,
  DescriptorTableRegister,
  GeneralRegisters,
  SegmentName,
  SegmentState,
} from "../../layout/cpu-state.ts";
import { KVM_SREGS2_FLAGS_PDPTRS_VALID } from "../abi/constants.ts";
import { kvmDtable, kvmRegs, kvmSegment, kvmSregs, kvmSregs2 } from "../abi/structs.ts";
import { fillWords, misfit, newStruct, putField, readBigint, readNumber, writeField } from "../abi/fields.ts";
import { requireObject } from "../shapes.ts";
import { words } from "./run-page.ts";

/** What an image says of the special registers. */
type EntryRegisters = Omit<CpuState, "regs">;

/**
 * The registers that decide the CPU's mode, as `KVM_GET_SREGS` reads them: segments, descriptor tables, control registers
 * and EFER as an image gives them, and what only KVM knows.
 */
export interface SpecialRegisters extends EntryRegisters {
  /** IA32_APIC_BASE: where the local APIC answers, and whether it is on (SDM vol. 3A, 11.4.4). */
  readonly apicBase: bigint;
  /** A bit for each vector that waits to be delivered; at most one is set. Four numbers of 64 bits, vector 0 first. */
  readonly interruptBitmap: readonly bigint[];
}

/** As `KVM_GET_SREGS2` reads them: without the vectors that wait. */
export interface SpecialRegisters2 extends Omit<SpecialRegisters, "interruptBitmap"> {
  /** The four entries of the page-directory-pointer table that PAE paging uses; `undefined` where it is not in use. */
  readonly pdptrs: readonly bigint[] | undefined;
}

const registerNames = Object.keys(kvmRegs.fields) as (keyof typeof kvmRegs.fields)[];
const segmentNames = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"] as const satisfies readonly SegmentName[];
const segmentFields = Object.keys(kvmSegment.fields).filter((name) => name !== "base") as Exclude<
  keyof typeof kvmSegment.fields,
  "base"
>[];
const segmentKeys = ["base", ...segmentFields] as const;
const tableNames = ["gdt", "idt"] as const;
const controlNames = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer"] as const;
const bitmapWords = kvmSregs.fields.interrupt_bitmap[1] / 8;

/** `struct kvm_regs` as an object. */
export function decodeRegisters(view: DataView): GeneralRegisters {
  const values = {} as Record<keyof GeneralRegisters, bigint>;
  for (const name of registerNames) values[name] = readBigint(view, kvmRegs.fields[name]);
  return values;
}

/** An object as `struct kvm_regs`. Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
export function encodeRegisters(registers: GeneralRegisters): Uint8Array {
  const { bytes, view } = newStruct(kvmRegs.size);
  requireObject("the registers", registers);
  for (const name of registerNames) writeField(view, kvmRegs.fields[name], registers[name], name);
  return bytes;
}

/** `struct kvm_sregs` as an object. */
export function decodeSpecialRegisters(view: DataView): SpecialRegisters {
  const segments = {} as Record<SegmentName, SegmentState>;
  for (const name of segmentNames) segments[name] = decodeSegment(view, kvmSregs.fields[name][0]);
  const controls = {} as Record<(typeof controlNames)[number], bigint>;
  for (const name of controlNames) controls[name] = readBigint(view, kvmSregs.fields[name]);
  const [bitmap] = kvmSregs.fields.interrupt_bitmap;
  return {
    segments,
    gdt: decodeTable(view, kvmSregs.fields.gdt[0]),
    idt: decodeTable(view, kvmSregs.fields.idt[0]),
    ...controls,
    apicBase: readBigint(view, kvmSregs.fields.apic_base),
    interruptBitmap: Array.from({ length: bitmapWords }, (_, word) => view.getBigUint64(bitmap + 8 * word, true)),
  };
}

/**
 * Writes what an image says of the special registers into a `struct kvm_sregs`, and leaves the rest as it is. Throws
 * {@link KvmError} `BAD_ARGUMENT` for a value that does not fit.
 */
export function writeEntryRegisters(view: DataView, registers: EntryRegisters): void {
  const { segments } = requireObject("the special registers", registers);
  requireObject("segments", segments);
  for (const name of segmentNames) encodeSegment(view, kvmSregs.fields[name][0], segments[name], name);
  for (const name of tableNames) {
    const at = kvmSregs.fields[name][0];
    const { base, limit } = requireObject(name, registers[name]);
    writeField(view, kvmDtable.fields.base, base, `${name}.base`, at);
    writeField(view, kvmDtable.fields.limit, limit, `${name}.limit`, at);
  }
  for (const name of controlNames) writeField(view, kvmSregs.fields[name], registers[name], name);
}

/** An object as `struct kvm_sregs`. Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
export function encodeSpecialRegisters(registers: SpecialRegisters): Uint8Array {
  const { bytes, view } = newStruct(kvmSregs.size);
  writeEntryRegisters(view, registers);
  writeField(view, kvmSregs.fields.apic_base, registers.apicBase, "apicBase");
  fillWords(view, kvmSregs.fields.interrupt_bitmap, registers.interruptBitmap, "interruptBitmap");
  return bytes;
}

/** `struct kvm_sregs2` as an object: what comes before the bitmap lies as in `struct kvm_sregs`. */
export function decodeSpecialRegisters2(view: DataView): SpecialRegisters2 {
  const { interruptBitmap: _, ...common } = decodeSpecialRegisters(view);
  const hasPdptrs = (readBigint(view, kvmSregs2.fields.flags) & BigInt(KVM_SREGS2_FLAGS_PDPTRS_VALID)) !== 0n;
  return { ...common, pdptrs: hasPdptrs ? words(view, kvmSregs2.fields.pdptrs) : undefined };
}

/** An object as `struct kvm_sregs2`. Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
export function encodeSpecialRegisters2(special: SpecialRegisters2): Uint8Array {
  const { bytes, view } = newStruct(kvmSregs2.size);
  const { pdptrs, ...registers } = requireObject("the special registers", special);
  bytes.set(encodeSpecialRegisters({ ...registers, interruptBitmap: noInterrupts }).subarray(0, SHARED_BYTES));
  if (pdptrs === undefined) return bytes;
  view.setBigUint64(kvmSregs2.fields.flags[0], BigInt(KVM_SREGS2_FLAGS_PDPTRS_VALID), true);
  fillWords(view, kvmSregs2.fields.pdptrs, pdptrs, "pdptrs");
  return bytes;
}

/** What `struct kvm_sregs` and `struct kvm_sregs2` have in common, in bytes. */
const SHARED_BYTES = kvmSregs.fields.interrupt_bitmap[0];
const noInterrupts = Array.from({ length: bitmapWords }, () => 0n);

function decodeSegment(view: DataView, at: number): SegmentState {
  const values: Record<string, number> = {};
  for (const name of segmentFields) values[name] = readNumber(view, kvmSegment.fields[name], at);
  return { base: readBigint(view, kvmSegment.fields.base, at), ...values } as SegmentState;
}

function encodeSegment(view: DataView, at: number, segment: SegmentState, name: SegmentName): void {
  requireObject(name, segment);
  for (const key of segmentKeys) {
    const field = kvmSegment.fields[key];
    // The name is put together for the error alone: there are a hundred of these a boot.
    if (!putField(view, field, segment[key], at)) throw misfit(field, segment[key], `${name}.${key}`);
  }
}

function decodeTable(view: DataView, at: number): DescriptorTableRegister {
  return { base: readBigint(view, kvmDtable.fields.base, at), limit: readNumber(view, kvmDtable.fields.limit, at) };
}
