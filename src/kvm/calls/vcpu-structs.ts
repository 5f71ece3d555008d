/** The structs of a vCPU's state as plain objects. Pure. */
import { kvmDebugregs, kvmFpu, kvmVcpuEvents } from "../abi/state-structs.ts";
import { codecOf, type Codec } from "../abi/struct-codec.ts";

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

/** By the names of this package. */
export const mpStateNumbers: Readonly<Record<MpState, number>> = {
  runnable: mpStates.KVM_MP_STATE_RUNNABLE,
  uninitialized: mpStates.KVM_MP_STATE_UNINITIALIZED,
  "init-received": mpStates.KVM_MP_STATE_INIT_RECEIVED,
  halted: mpStates.KVM_MP_STATE_HALTED,
  "sipi-received": mpStates.KVM_MP_STATE_SIPI_RECEIVED,
  "ap-reset-hold": mpStates.KVM_MP_STATE_AP_RESET_HOLD,
};

/** Reads and writes `struct kvm_fpu`. */
export const fpuCodec: Codec<Fpu> = codecOf<Fpu>("the FPU's state", kvmFpu, {
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

/** Reads and writes `struct kvm_debugregs`. */
export const debugregsCodec: Codec<DebugRegisters> = codecOf<DebugRegisters>("the debug registers", kvmDebugregs, {
  db: { words: kvmDebugregs.fields.db },
  dr6: kvmDebugregs.fields.dr6,
  dr7: kvmDebugregs.fields.dr7,
  flags: kvmDebugregs.fields.flags,
});

const eventFields = kvmVcpuEvents.fields;
/** Reads and writes `struct kvm_vcpu_events`. */
export const eventsCodec: Codec<VcpuEvents> = codecOf<VcpuEvents>("the events", kvmVcpuEvents, {
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
