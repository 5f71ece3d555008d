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
} from "../abi/state-structs.ts";
import type { IoctlName } from "../abi/ioctls.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { newStruct, readBigint, readNumber, writeField, type StructBytes } from "../abi/fields.ts";
import { badArgument } from "../kvm-error.ts";
import { requireBytes } from "../abi/struct-codec.ts";
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
    const known = Object.entries(mpStateNumbers).find(([, each]) => each === number);
    if (known === undefined) throw badArgument(`KVM_GET_MP_STATE gave ${number}, which is no state of x86`, number);
    return known[0] as MpState;
  }

  setMpState(state: MpState): void {
    const { bytes, view } = newStruct(kvmMpState.size);
    const number = Object.hasOwn(mpStateNumbers, state) ? mpStateNumbers[state] : undefined;
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
