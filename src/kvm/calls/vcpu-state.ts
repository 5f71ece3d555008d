/** What a vCPU holds besides its registers: one method an ioctl. */
import {
  kvmDebugregs,
  kvmFpu,
  kvmLapicState,
  kvmMpState,
  kvmVcpuEvents,
  kvmXcr,
  kvmXcrs,
  kvmXsave,
} from "../abi/state-structs.ts";
import { newStruct, readBigint, readNumber, writeField } from "../abi/fields.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireObjects } from "../shapes.ts";
import { requireBytes } from "../abi/struct-codec.ts";
import { VcpuRegisterCalls } from "./vcpu-registers.ts";
import {
  debugregsCodec,
  eventsCodec,
  fpuCodec,
  mpStateNumbers,
  type DebugRegisters,
  type Fpu,
  type MpState,
  type VcpuEvents,
  type Xcr,
} from "./vcpu-structs.ts";

/** The part of a vCPU that holds the rest of its state. */
export interface VcpuState {
  /** `KVM_GET_FPU`. */
  getFpu(): Fpu;
  /** `KVM_SET_FPU`. */
  setFpu(fpu: Fpu): void;
  /** `KVM_GET_XSAVE`: 4096 bytes in the layout of CPUID leaf 0xd. */
  getXsave(): Uint8Array;
  /** `KVM_GET_XSAVE2`: as many bytes as the vCPU's features want: `KVM_CAP_XSAVE2` of its VM, 4096 at least. */
  getXsave2(): Uint8Array;
  /** `KVM_SET_XSAVE`: 4096 bytes, or as many as {@link getXsave2} gives. */
  setXsave(area: Uint8Array): void;
  /** `KVM_GET_XCRS`; where `KVM_CAP_XCRS` is there. */
  getXcrs(): readonly Xcr[];
  /** `KVM_SET_XCRS`: at most 16. */
  setXcrs(xcrs: readonly Xcr[]): void;
  /** `KVM_GET_DEBUGREGS`: the guest's own debug registers. */
  getDebugregs(): DebugRegisters;
  /** `KVM_SET_DEBUGREGS`. */
  setDebugregs(registers: DebugRegisters): void;
  /** `KVM_GET_VCPU_EVENTS`. */
  getVcpuEvents(): VcpuEvents;
  /** `KVM_SET_VCPU_EVENTS`: also the way to give the guest an exception. */
  setVcpuEvents(events: VcpuEvents): void;
  /** `KVM_GET_MP_STATE`. Throws {@link KvmError} `BAD_ARGUMENT` for a state that x86 does not have. */
  getMpState(): MpState;
  /** `KVM_SET_MP_STATE`; others than `"runnable"` want an irqchip in the kernel. */
  setMpState(state: MpState): void;
  /** `KVM_GET_LAPIC`: 1024 bytes; with an irqchip in the kernel. */
  getLapic(): Uint8Array;
  /** `KVM_SET_LAPIC`: 1024 bytes. */
  setLapic(registers: Uint8Array): void;
}

/** The methods of {@link VcpuState}, on a descriptor. */
export class VcpuStateCalls extends VcpuRegisterCalls implements VcpuState {
  readonly #xsaveSize: number;

  /** @param xsaveSize the size of an XSAVE area, in bytes */
  constructor(descriptor: Descriptor, xsaveSize: number) {
    super(descriptor);
    this.#xsaveSize = xsaveSize;
  }

  getFpu(): Fpu {
    return fpuCodec.decode(this.get("KVM_GET_FPU", kvmFpu.size).view);
  }

  setFpu(fpu: Fpu): void {
    this.set("KVM_SET_FPU", fpuCodec.encode(fpu), fpu);
  }

  getXsave(): Uint8Array {
    return this.get("KVM_GET_XSAVE", kvmXsave.size).bytes;
  }

  setXsave(area: Uint8Array): void {
    // KVM reads as many bytes as the vCPU's features want, whatever it is given.
    const { bytes } = newStruct(this.#xsaveSize);
    const isWhole = area instanceof Uint8Array && area.length === this.#xsaveSize;
    bytes.set(isWhole ? area : requireBytes(area, kvmXsave.size, "the XSAVE area"));
    this.set("KVM_SET_XSAVE", bytes, area);
  }

  getXsave2(): Uint8Array {
    return this.get("KVM_GET_XSAVE2", this.#xsaveSize).bytes;
  }

  getXcrs(): readonly Xcr[] {
    const { view } = this.get("KVM_GET_XCRS", kvmXcrs.size);
    return Array.from({ length: readNumber(view, kvmXcrs.fields.nr_xcrs) }, (_, index) => ({
      xcr: readNumber(view, kvmXcr.fields.xcr, xcrAt(index)),
      value: readBigint(view, kvmXcr.fields.value, xcrAt(index)),
    }));
  }

  setXcrs(xcrs: readonly Xcr[]): void {
    const { bytes, view } = newStruct(kvmXcrs.size);
    requireObjects("xcrs", xcrs);
    if (xcrs.length > MAX_XCRS) throw badArgument(`there are at most ${MAX_XCRS} XCRs, not ${xcrs.length}`, xcrs);
    writeField(view, kvmXcrs.fields.nr_xcrs, xcrs.length, "nr_xcrs");
    for (const [index, { xcr, value }] of xcrs.entries()) {
      writeField(view, kvmXcr.fields.xcr, xcr, "the XCR's number", xcrAt(index));
      writeField(view, kvmXcr.fields.value, value, "the XCR's value", xcrAt(index));
    }
    this.set("KVM_SET_XCRS", bytes, xcrs);
  }

  getDebugregs(): DebugRegisters {
    return debugregsCodec.decode(this.get("KVM_GET_DEBUGREGS", kvmDebugregs.size).view);
  }

  setDebugregs(registers: DebugRegisters): void {
    this.set("KVM_SET_DEBUGREGS", debugregsCodec.encode(registers), registers);
  }

  getVcpuEvents(): VcpuEvents {
    return eventsCodec.decode(this.get("KVM_GET_VCPU_EVENTS", kvmVcpuEvents.size).view);
  }

  setVcpuEvents(events: VcpuEvents): void {
    this.set("KVM_SET_VCPU_EVENTS", eventsCodec.encode(events), events);
  }

  getMpState(): MpState {
    const number = readNumber(this.get("KVM_GET_MP_STATE", kvmMpState.size).view, kvmMpState.fields.mp_state);
    const known = Object.entries(mpStateNumbers).find(([, each]) => each === number);
    if (known === undefined) throw badArgument(`KVM_GET_MP_STATE gave ${number}, which is no state of x86`, number);
    return known[0] as MpState;
  }

  setMpState(state: MpState): void {
    const { bytes, view } = newStruct(kvmMpState.size);
    const number = entryOf(mpStateNumbers, state);
    if (number === undefined) throw badArgument(`no state of a vCPU: ${show(state)}`, state);
    writeField(view, kvmMpState.fields.mp_state, number, "the state");
    this.set("KVM_SET_MP_STATE", bytes, state);
  }

  getLapic(): Uint8Array {
    return this.get("KVM_GET_LAPIC", kvmLapicState.size).bytes;
  }

  setLapic(registers: Uint8Array): void {
    this.set("KVM_SET_LAPIC", requireBytes(registers, kvmLapicState.size, "the local APIC"), registers);
  }
}

/** `KVM_MAX_XCRS` (asm/kvm.h). */
const MAX_XCRS = 16;
const xcrAt = (index: number): number => kvmXcrs.fields.xcrs[0] + index * kvmXcr.size;
