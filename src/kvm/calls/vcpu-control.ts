/** Events for a vCPU, its clocks and its features: one method an ioctl. */
import { newStruct, readNumber, writeField } from "../abi/fields.ts";
import { kvmInterrupt, kvmNestedState, kvmTprAccessCtl, kvmVapicAddr, kvmX86Mce } from "../abi/state-structs.ts";
import { codecOf } from "../abi/struct-codec.ts";
import type { PhysAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import type { CapabilityName } from "./capabilities.ts";
import { getAttribute, hasAttribute, setAttribute, type DeviceAttribute } from "./device-attributes.ts";
import { encodeEnableCap } from "./enable-cap.ts";
import { readStatistics, type Statistic } from "./statistics.ts";
import { VcpuStateCalls } from "./vcpu-state.ts";
import { requireRate } from "./vm-state.ts";

/** A machine check for the guest: what its bank's registers say (SDM vol. 3B, 16.3.2). */
export interface MachineCheck {
  /** Which bank: below the count given to `setupMce`. */
  readonly bank: number;
  /** IA32_MCi_STATUS; bit 63 set, else nothing happens. */
  readonly status: bigint;
  /** IA32_MCi_ADDR. */
  readonly addr: bigint;
  /** IA32_MCi_MISC. */
  readonly misc: bigint;
  /** IA32_MCG_STATUS. */
  readonly mcgStatus: bigint;
}

/** The part of a vCPU that is told what to do. */
export interface VcpuControl {
  /** `KVM_GET_TSC_KHZ`: how fast the guest's time stamp counter counts, in kHz. */
  getTscKhz(): number;
  /** `KVM_SET_TSC_KHZ`; other rates than the host's where `KVM_CAP_TSC_CONTROL` is there. */
  setTscKhz(khz: number): void;
  /** `KVM_INTERRUPT`: an external interrupt, taken at the next entry; without an irqchip. @param irq the vector: 0 to 255 */
  interrupt(irq: number): void;
  /** `KVM_NMI`. */
  nmi(): void;
  /** `KVM_SMI`: a system-management interrupt; where `KVM_CAP_X86_SMM` is there. */
  smi(): void;
  /** `KVM_KVMCLOCK_CTRL`: tells a guest with a kvmclock that it was stopped, for its watchdog. It must have one. */
  kvmclockCtrl(): void;
  /** `KVM_X86_SETUP_MCE`: IA32_MCG_CAP, of what `Kvm.getMceCapSupported` says and a count of banks in bits 7:0. */
  setupMce(mcgCap: bigint): void;
  /** `KVM_X86_SET_MCE`: a machine check; a guest that handles none shuts down by an uncorrected one. After `setupMce`. */
  setMce(check: MachineCheck): void;
  /** `KVM_TPR_ACCESS_REPORTING`: whether accesses to the task-priority register are `tpr-access` exits; with an irqchip. */
  tprAccessReporting(isOn: boolean): void;
  /** `KVM_SET_VAPIC_ADDR`: where the guest's copy of the task priority lies; with an irqchip. */
  setVapicAddr(at: PhysAddr): void;
  /** `KVM_GET_NESTED_STATE`: `struct kvm_nested_state` with its data; where `KVM_CAP_NESTED_STATE` is there. */
  getNestedState(): Uint8Array;
  /** `KVM_SET_NESTED_STATE`: as {@link getNestedState} gave it. */
  setNestedState(state: Uint8Array): void;
  /** `KVM_ENABLE_CAP` on the vCPU. @param args up to four numbers of 64 bits */
  enableCap(capability: CapabilityName | number, args?: readonly bigint[]): void;
  /** `KVM_HAS_DEVICE_ATTR` on the vCPU (`KVM_CAP_VCPU_ATTRIBUTES`). */
  hasDeviceAttr(attribute: DeviceAttribute): boolean;
  /** `KVM_GET_DEVICE_ATTR` on the vCPU: a number of 64 bits; group 0, attribute 0 is the offset of its time stamp counter. */
  getDeviceAttr(attribute: DeviceAttribute): bigint;
  /** `KVM_SET_DEVICE_ATTR` on the vCPU. */
  setDeviceAttr(attribute: DeviceAttribute, value: bigint): void;
  /** `KVM_GET_STATS_FD`: what KVM counted for the vCPU, by the names that it gives (`KVM_CAP_BINARY_STATS_FD`). */
  getStatistics(): ReadonlyMap<string, Statistic>;
}

const mceFields = kvmX86Mce.fields;
const mceCodec = codecOf<MachineCheck>("the machine check", kvmX86Mce, {
  bank: mceFields.bank,
  status: mceFields.status,
  addr: mceFields.addr,
  misc: mceFields.misc,
  mcgStatus: mceFields.mcg_status,
});

/** The largest that KVM knows, VMX's of two pages, has 8320 bytes (asm/kvm.h). */
const NESTED_STATE_ROOM = 0x4000;

/** The methods of {@link VcpuControl}, on a descriptor. */
export class VcpuControlCalls extends VcpuStateCalls implements VcpuControl {
  getTscKhz(): number {
    return this.call("KVM_GET_TSC_KHZ");
  }

  setTscKhz(khz: number): void {
    this.call("KVM_SET_TSC_KHZ", requireRate(khz));
  }

  interrupt(irq: number): void {
    const { bytes, view } = newStruct(kvmInterrupt.size);
    if (!Number.isInteger(irq) || irq < 0 || irq > 0xff) throw badArgument(`no vector: ${show(irq)}`, irq);
    writeField(view, kvmInterrupt.fields.irq, irq, "the vector");
    this.set("KVM_INTERRUPT", bytes, irq);
  }

  nmi(): void {
    this.call("KVM_NMI");
  }

  smi(): void {
    this.call("KVM_SMI");
  }

  kvmclockCtrl(): void {
    this.call("KVM_KVMCLOCK_CTRL");
  }

  setupMce(mcgCap: bigint): void {
    const { bytes, view } = newStruct(8);
    writeField(view, [0, 8], mcgCap, "IA32_MCG_CAP");
    this.set("KVM_X86_SETUP_MCE", bytes, mcgCap);
  }

  setMce(check: MachineCheck): void {
    this.set("KVM_X86_SET_MCE", mceCodec.encode(check), check);
  }

  tprAccessReporting(isOn: boolean): void {
    const { bytes, view } = newStruct(kvmTprAccessCtl.size);
    writeField(view, kvmTprAccessCtl.fields.enabled, isOn ? 1 : 0, "enabled");
    this.set("KVM_TPR_ACCESS_REPORTING", bytes, isOn);
  }

  setVapicAddr(at: PhysAddr): void {
    const { bytes, view } = newStruct(kvmVapicAddr.size);
    writeField(view, kvmVapicAddr.fields.vapic_addr, at, "the address");
    this.set("KVM_SET_VAPIC_ADDR", bytes, at);
  }

  getNestedState(): Uint8Array {
    const { bytes, view } = newStruct(NESTED_STATE_ROOM);
    writeField(view, kvmNestedState.fields.size, NESTED_STATE_ROOM, "size");
    this.set("KVM_GET_NESTED_STATE", bytes, undefined);
    return bytes.slice(0, readNumber(view, kvmNestedState.fields.size));
  }

  setNestedState(state: Uint8Array): void {
    const size = kvmNestedState.size;
    if (!(state instanceof Uint8Array) || state.length < size) {
      throw badArgument(`the nested state is no Uint8Array of at least ${size} bytes`, state);
    }
    const declared = readNumber(new DataView(state.buffer, state.byteOffset), kvmNestedState.fields.size);
    if (declared !== state.length) {
      throw badArgument(`the nested state has ${state.length} bytes, but says that it has ${declared}`, state);
    }
    this.set("KVM_SET_NESTED_STATE", state, state);
  }

  enableCap(capability: CapabilityName | number, args: readonly bigint[] = []): void {
    this.set("KVM_ENABLE_CAP", encodeEnableCap(capability, args), capability);
  }

  hasDeviceAttr(attribute: DeviceAttribute): boolean {
    return hasAttribute(this.descriptor, attribute);
  }

  getDeviceAttr(attribute: DeviceAttribute): bigint {
    return getAttribute(this.descriptor, attribute);
  }

  setDeviceAttr(attribute: DeviceAttribute, value: bigint): void {
    setAttribute(this.descriptor, attribute, value);
  }

  getStatistics(): ReadonlyMap<string, Statistic> {
    return readStatistics(this.descriptor);
  }
}
