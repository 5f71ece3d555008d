/** What a vCPU holds besides its registers, and events for it: one method an ioctl. */
import {
  kvmDebugregs,
  kvmEnableCap,
  kvmFpu,
  kvmInterrupt,
  kvmLapicState,
  kvmMpState,
  kvmVcpuEvents,
  kvmXcr,
  kvmXcrs,
  kvmXsave,
} from "./abi-state.ts";
import type { IoctlName } from "./abi-ioctl.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import type { Descriptor } from "./descriptor.ts";
import { newStruct, readBigint, readNumber, writeField, type StructBytes } from "./fields.ts";
import { badArgument } from "./kvm-error.ts";
import { codecOf, requireBytes } from "./struct-codec.ts";

/** `struct kvm_fpu`: x87 and SSE registers (SDM vol. 1, 10.5.1, the layout of FXSAVE). */
export interface Fpu {
  /** ST0 to ST7: eight of 16 bytes, of which 10 count. */
  readonly fpr: Uint8Array;
  readonly fcw: number;
  readonly fsw: number;
  /** The tags as FXSAVE has them: a bit for each register that is not empty. */
  readonly ftwx: number;
  readonly lastOpcode: number;
  readonly lastIp: bigint;
  readonly lastDp: bigint;
  /** XMM0 to XMM15: sixteen of 16 bytes. */
  readonly xmm: Uint8Array;
  readonly mxcsr: number;
}

/** `struct kvm_debugregs` (SDM vol. 3B, 18.2). */
export interface DebugRegisters {
  /** DR0 to DR3. */
  readonly db: readonly bigint[];
  readonly dr6: bigint;
  readonly dr7: bigint;
  /** 0. */
  readonly flags: bigint;
}

/** `struct kvm_vcpu_events`: what is on its way to the guest. Numbers are 0 or 1 unless said otherwise. */
export interface VcpuEvents {
  readonly exceptionInjected: number;
  /** The vector: 0 to 31. */
  readonly exceptionNr: number;
  readonly exceptionHasErrorCode: number;
  readonly exceptionPending: number;
  /** 32 bits. */
  readonly exceptionErrorCode: number;
  readonly interruptInjected: number;
  /** The vector: 0 to 255. */
  readonly interruptNr: number;
  readonly interruptSoft: number;
  /** Bit 0: after a load of SS; bit 1: after STI. */
  readonly interruptShadow: number;
  readonly nmiInjected: number;
  readonly nmiPending: number;
  readonly nmiMasked: number;
  /** 0 to 255. */
  readonly sipiVector: number;
  /** Which of the fields below `nmiMasked` are taken: `KVM_VCPUEVENT_VALID_*` of asm/kvm.h. */
  readonly flags: number;
  readonly smiSmm: number;
  readonly smiPending: number;
  readonly smiSmmInsideNmi: number;
  readonly smiLatchedInit: number;
  readonly tripleFaultPending: number;
  readonly exceptionHasPayload: number;
  readonly exceptionPayload: bigint;
}

/** An extended control register (SDM vol. 3A, 2.6). */
export interface Xcr {
  /** 0 for XCR0. */
  readonly xcr: number;
  readonly value: bigint;
}

/** What a vCPU is about (`KVM_MP_STATE_*`, linux/kvm.h; those of x86). */
export type MpState = "runnable" | "uninitialized" | "init-received" | "halted" | "sipi-received" | "ap-reset-hold";

/** By `kvm_mp_state.mp_state`. */
export const mpStates = {
  KVM_MP_STATE_RUNNABLE: 0,
  KVM_MP_STATE_UNINITIALIZED: 1,
  KVM_MP_STATE_INIT_RECEIVED: 2,
  KVM_MP_STATE_HALTED: 3,
  KVM_MP_STATE_SIPI_RECEIVED: 4,
  KVM_MP_STATE_AP_RESET_HOLD: 9,
} as const;

const mpStateNames: Readonly<Record<MpState, number>> = {
  runnable: mpStates.KVM_MP_STATE_RUNNABLE,
  uninitialized: mpStates.KVM_MP_STATE_UNINITIALIZED,
  "init-received": mpStates.KVM_MP_STATE_INIT_RECEIVED,
  halted: mpStates.KVM_MP_STATE_HALTED,
  "sipi-received": mpStates.KVM_MP_STATE_SIPI_RECEIVED,
  "ap-reset-hold": mpStates.KVM_MP_STATE_AP_RESET_HOLD,
};

/** The part of a vCPU that holds state and takes events. */
export interface VcpuState {
  /** `KVM_GET_FPU`. */
  getFpu(): Fpu;
  /** `KVM_SET_FPU`. */
  setFpu(fpu: Fpu): void;
  /** `KVM_GET_XSAVE`: 4096 bytes in the layout of CPUID leaf 0xd. */
  getXsave(): Uint8Array;
  /** `KVM_SET_XSAVE`: 4096 bytes. */
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
  /** `KVM_GET_TSC_KHZ`: how fast the guest's time stamp counter counts, in kHz. */
  getTscKhz(): number;
  /** `KVM_SET_TSC_KHZ`; other rates than the host's where `KVM_CAP_TSC_CONTROL` is there. */
  setTscKhz(khz: number): void;
  /** `KVM_INTERRUPT`: an external interrupt, taken at the next entry; without an irqchip. @param irq the vector: 0 to 255 */
  interrupt(irq: number): void;
  /** `KVM_NMI`. */
  nmi(): void;
  /** `KVM_ENABLE_CAP` on the vCPU. @param args up to four numbers of 64 bits */
  enableCap(capability: CapabilityName | number, args?: readonly bigint[]): void;
}

const fpuCodec = codecOf<Fpu>(kvmFpu, {
  fpr: kvmFpu.fields.fpr,
  fcw: kvmFpu.fields.fcw,
  fsw: kvmFpu.fields.fsw,
  ftwx: kvmFpu.fields.ftwx,
  lastOpcode: kvmFpu.fields.last_opcode,
  lastIp: kvmFpu.fields.last_ip,
  lastDp: kvmFpu.fields.last_dp,
  xmm: kvmFpu.fields.xmm,
  mxcsr: kvmFpu.fields.mxcsr,
});

const debugregsCodec = codecOf<DebugRegisters>(kvmDebugregs, {
  db: { words: kvmDebugregs.fields.db },
  dr6: kvmDebugregs.fields.dr6,
  dr7: kvmDebugregs.fields.dr7,
  flags: kvmDebugregs.fields.flags,
});

const eventFields = kvmVcpuEvents.fields;
const eventsCodec = codecOf<VcpuEvents>(kvmVcpuEvents, {
  exceptionInjected: eventFields["exception.injected"],
  exceptionNr: eventFields["exception.nr"],
  exceptionHasErrorCode: eventFields["exception.has_error_code"],
  exceptionPending: eventFields["exception.pending"],
  exceptionErrorCode: eventFields["exception.error_code"],
  interruptInjected: eventFields["interrupt.injected"],
  interruptNr: eventFields["interrupt.nr"],
  interruptSoft: eventFields["interrupt.soft"],
  interruptShadow: eventFields["interrupt.shadow"],
  nmiInjected: eventFields["nmi.injected"],
  nmiPending: eventFields["nmi.pending"],
  nmiMasked: eventFields["nmi.masked"],
  sipiVector: eventFields.sipi_vector,
  flags: eventFields.flags,
  smiSmm: eventFields["smi.smm"],
  smiPending: eventFields["smi.pending"],
  smiSmmInsideNmi: eventFields["smi.smm_inside_nmi"],
  smiLatchedInit: eventFields["smi.latched_init"],
  tripleFaultPending: eventFields["triple_fault.pending"],
  exceptionHasPayload: eventFields.exception_has_payload,
  exceptionPayload: eventFields.exception_payload,
});

/** A `struct kvm_enable_cap`. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function encodeEnableCap(capability: CapabilityName | number, args: readonly bigint[]): Uint8Array {
  const { bytes, view } = newStruct(kvmEnableCap.size);
  writeField(view, kvmEnableCap.fields.cap, capabilityNumber(capability), "the capability");
  if (args.length > 4) throw badArgument(`a capability takes up to 4 numbers, not ${args.length}`, args);
  const [at] = kvmEnableCap.fields.args;
  for (const [index, value] of args.entries()) writeField(view, [at + 8 * index, 8], value, `args[${index}]`);
  return bytes;
}

/** The methods of {@link VcpuState}, on a descriptor. */
export class VcpuStateCalls implements VcpuState {
  protected readonly descriptor: Descriptor;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
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
    this.set("KVM_SET_XSAVE", requireBytes(area, kvmXsave.size, "the XSAVE area"), area);
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
    const known = Object.entries(mpStateNames).find(([, each]) => each === number);
    if (known === undefined) throw badArgument(`KVM_GET_MP_STATE gave ${number}, which is no state of x86`, number);
    return known[0] as MpState;
  }

  setMpState(state: MpState): void {
    const { bytes, view } = newStruct(kvmMpState.size);
    const number = Object.hasOwn(mpStateNames, state) ? mpStateNames[state] : undefined;
    if (number === undefined) throw badArgument(`no state of a vCPU: ${state}`, state);
    writeField(view, kvmMpState.fields.mp_state, number, "the state");
    this.set("KVM_SET_MP_STATE", bytes, state);
  }

  getLapic(): Uint8Array {
    return this.get("KVM_GET_LAPIC", kvmLapicState.size).bytes;
  }

  setLapic(registers: Uint8Array): void {
    this.set("KVM_SET_LAPIC", requireBytes(registers, kvmLapicState.size, "the local APIC"), registers);
  }

  getTscKhz(): number {
    this.beforeCall();
    return this.descriptor.ioctl("KVM_GET_TSC_KHZ");
  }

  setTscKhz(khz: number): void {
    if (!Number.isInteger(khz) || khz < 1 || khz > 0x7fff_ffff)
      throw badArgument(`no rate in kHz: ${String(khz)}`, khz);
    this.beforeCall();
    this.descriptor.ioctl("KVM_SET_TSC_KHZ", khz);
  }

  interrupt(irq: number): void {
    const { bytes, view } = newStruct(kvmInterrupt.size);
    if (!Number.isInteger(irq) || irq < 0 || irq > 0xff) throw badArgument(`no vector: ${String(irq)}`, irq);
    writeField(view, kvmInterrupt.fields.irq, irq, "the vector");
    this.set("KVM_INTERRUPT", bytes, irq);
  }

  nmi(): void {
    this.beforeCall();
    this.descriptor.ioctl("KVM_NMI");
  }

  enableCap(capability: CapabilityName | number, args: readonly bigint[] = []): void {
    this.set("KVM_ENABLE_CAP", encodeEnableCap(capability, args), capability);
  }

  /** Called before any ioctl that reads or writes the vCPU. */
  protected beforeCall(): void {
    // Nothing waits to be written here.
  }

  protected get(name: IoctlName, size: number): StructBytes {
    const struct = newStruct(size);
    this.beforeCall();
    this.descriptor.ioctlBytes(name, struct.bytes);
    return struct;
  }

  protected set(name: IoctlName, bytes: Uint8Array, value: unknown): number {
    this.beforeCall();
    return this.descriptor.ioctlBytes(name, bytes, value);
  }
}

/** `KVM_MAX_XCRS` (asm/kvm.h). */
const MAX_XCRS = 16;
const xcrAt = (index: number): number => kvmXcrs.fields.xcrs[0] + index * kvmXcr.size;
