/** The registers of a vCPU, and what decides about them: one method an ioctl. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { CpuState, GeneralRegisters } from "../../layout/cpu-state.ts";
import { newStruct, readBigint, readNumber, writeField } from "../abi/fields.ts";
import { kvmRegs, kvmSregs, kvmSregs2, kvmTranslation } from "../abi/structs.ts";
import { msrRefused } from "../host/host-error.ts";
import { decodeCpuid, encodeCpuid, newCpuid, type CpuidEntry } from "./cpuid.ts";
import { msrIndexOf, type MsrName } from "../abi/msr-names.ts";
import { encodeMsrs, encodeQuestions, msrValue, type Msr } from "./msrs.ts";
import {
  decodeRegisters,
  decodeSpecialRegisters,
  decodeSpecialRegisters2,
  encodeRegisters,
  encodeSpecialRegisters,
  encodeSpecialRegisters2,
  writeEntryRegisters,
  type SpecialRegisters,
  type SpecialRegisters2,
} from "./registers.ts";
import { VcpuCalls } from "./vcpu-calls.ts";

/** Where a linear address leads, by the guest's present paging mode and tables: `KVM_TRANSLATE`. */
export interface Translation {
  /** Meaningless unless `valid`. */
  readonly physicalAddress: PhysAddr;
  /** Whether the address leads anywhere. */
  readonly valid: boolean;
  /** KVM on x86 always says so. */
  readonly writeable: boolean;
  /** KVM on x86 never says so. */
  readonly usermode: boolean;
}

/** The part of a vCPU that holds registers. */
export interface VcpuRegisters {
  /** `KVM_GET_REGS`. While an input exit waits for its answer, they are those before the instruction. */
  getRegs(): GeneralRegisters;
  /**
   * `KVM_SET_REGS`. At an input exit KVM forgets what the instruction was to put into a register: call `Machine.complete` first
   * where the answer is to get there.
   */
  setRegs(registers: GeneralRegisters): void;
  /** `KVM_GET_SREGS`. */
  getSregs(): SpecialRegisters;
  /** `KVM_SET_SREGS`. KVM may take less than it is given without a word: read them back. After `setCpuid2`. */
  setSregs(registers: SpecialRegisters): void;
  /** `KVM_GET_SREGS2`: without the vectors that wait, with the PDPTEs that PAE paging uses (`KVM_CAP_SREGS2`). */
  getSregs2(): SpecialRegisters2;
  /** `KVM_SET_SREGS2`. It needs no memory at CR3 where PDPTEs are given. As `setSregs` else. */
  setSregs2(registers: SpecialRegisters2): void;
  /** `KVM_SET_CPUID2`: what CPUID says in the guest, and so what its registers may hold. Before all else. */
  setCpuid2(entries: readonly CpuidEntry[]): void;
  /** `KVM_GET_CPUID2`: what CPUID says in the guest, with what KVM changes at run time (OSXSAVE, the APIC's number). */
  getCpuid2(): readonly CpuidEntry[];
  /** `KVM_GET_MSRS`, in the order asked for. Throws {@link KvmError} `PARTLY_DONE` at the first that KVM does not have. */
  getMsrs(registers: readonly (MsrName | number)[]): readonly bigint[];
  /** `KVM_SET_MSRS`. Throws {@link KvmError} `PARTLY_DONE` at the first that KVM refuses; those before it are set. */
  setMsrs(msrs: readonly Msr[]): void;
  /** One model-specific register, by name or number. */
  getMsr(register: MsrName | number): bigint;
  /** Sets one model-specific register. Throws {@link KvmError} `PARTLY_DONE` where KVM refuses the register or the value. */
  setMsr(register: MsrName | number, data: bigint): void;
  /** `KVM_TRANSLATE`. */
  translate(address: VirtAddr): Translation;
}

/** The methods of {@link VcpuRegisters}, on a descriptor. */
export class VcpuRegisterCalls extends VcpuCalls implements VcpuRegisters {
  getRegs(): GeneralRegisters {
    return decodeRegisters(this.get("KVM_GET_REGS", kvmRegs.size).view);
  }

  setRegs(registers: GeneralRegisters): void {
    this.set("KVM_SET_REGS", encodeRegisters(registers), registers);
  }

  getSregs(): SpecialRegisters {
    return decodeSpecialRegisters(this.get("KVM_GET_SREGS", kvmSregs.size).view);
  }

  setSregs(registers: SpecialRegisters): void {
    this.set("KVM_SET_SREGS", encodeSpecialRegisters(registers), registers);
  }

  /**
   * Sets what an image says of the special registers, and leaves the rest as it is. What KVM made of it, where it is other
   * than what was set.
   */
  setEntryRegisters(cpu: CpuState): SpecialRegisters | undefined {
    const wanted = this.get("KVM_GET_SREGS", kvmSregs.size);
    writeEntryRegisters(wanted.view, cpu);
    this.set("KVM_SET_SREGS", wanted.bytes, cpu);
    const got = this.get("KVM_GET_SREGS", kvmSregs.size);
    return Buffer.compare(wanted.bytes, got.bytes) === 0 ? undefined : decodeSpecialRegisters(got.view);
  }

  getSregs2(): SpecialRegisters2 {
    return decodeSpecialRegisters2(this.get("KVM_GET_SREGS2", kvmSregs2.size).view);
  }

  setSregs2(registers: SpecialRegisters2): void {
    this.set("KVM_SET_SREGS2", encodeSpecialRegisters2(registers), registers);
  }

  setCpuid2(entries: readonly CpuidEntry[]): void {
    this.set("KVM_SET_CPUID2", encodeCpuid(entries), entries);
  }

  /** {@link setCpuid2} of a `struct kvm_cpuid2`. */
  setCpuidStruct(struct: Uint8Array): void {
    this.set("KVM_SET_CPUID2", struct, undefined);
  }

  getCpuid2(): readonly CpuidEntry[] {
    const cpuid = newCpuid(MAX_CPUID_ENTRIES);
    this.set("KVM_GET_CPUID2", cpuid, undefined);
    return decodeCpuid(cpuid);
  }

  getMsrs(registers: readonly (MsrName | number)[]): readonly bigint[] {
    const { bytes, view } = encodeQuestions(registers);
    const done = this.set("KVM_GET_MSRS", bytes, registers);
    if (done < registers.length) throw msrRefused("KVM_GET_MSRS", msrIndexOf(registers[done]!), done);
    return registers.map((_, number) => msrValue(view, number));
  }

  setMsrs(msrs: readonly Msr[]): void {
    const done = this.set("KVM_SET_MSRS", encodeMsrs(msrs).bytes, msrs);
    if (done < msrs.length) throw msrRefused("KVM_SET_MSRS", msrIndexOf(msrs[done]!.index), done);
  }

  getMsr(register: MsrName | number): bigint {
    return this.getMsrs([register])[0]!;
  }

  setMsr(register: MsrName | number, data: bigint): void {
    this.setMsrs([{ index: register, data }]);
  }

  translate(address: VirtAddr): Translation {
    const { bytes, view } = newStruct(kvmTranslation.size);
    writeField(view, kvmTranslation.fields.linear_address, address, "the linear address");
    this.set("KVM_TRANSLATE", bytes, address);
    return {
      physicalAddress: readBigint(view, kvmTranslation.fields.physical_address),
      valid: readNumber(view, kvmTranslation.fields.valid) !== 0,
      writeable: readNumber(view, kvmTranslation.fields.writeable) !== 0,
      usermode: readNumber(view, kvmTranslation.fields.usermode) !== 0,
    };
  }
}

/** `KVM_MAX_CPUID_ENTRIES` (asm/kvm_host.h of Linux 6.1 to 6.18): a vCPU has no more. */
const MAX_CPUID_ENTRIES = 256;
