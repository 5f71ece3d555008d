/** What a VM is made to do and what it tells of itself: capabilities, clock, filters, statistics. One method an ioctl. */
import { pmuEventActions } from "../abi/constants.ts";
import { newStruct, writeField, writeWords } from "../abi/fields.ts";
import { kvmClockData } from "../abi/state-structs.ts";
import { codecOf } from "../abi/struct-codec.ts";
import { kvmPmuEventFilter } from "../abi/wiring-structs.ts";
import { withAddress } from "../host/scratch.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireList, requireObject } from "../shapes.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import { getAttribute, hasAttribute, setAttribute, type DeviceAttribute } from "./device-attributes.ts";
import { encodeEnableCap } from "./enable-cap.ts";
import { encodeFilter, filterBitmaps, type MsrFilterRange } from "./msr-filter.ts";
import { readStatistics, type Statistic } from "./statistics.ts";
import { VmEventCalls } from "./vm-events.ts";

/** `struct kvm_clock_data`: the clock that KVM gives to guests. */
export interface ClockData {
  /** In nanoseconds. */
  readonly clock: bigint;
  /** `KVM_CLOCK_*` of linux/kvm.h: what else is there. For `setClock` 0, or bit 2 (`KVM_CLOCK_REALTIME`). */
  readonly flags: number;
  /** The host's clock at the same moment, in nanoseconds since 1970. */
  readonly realtime: bigint;
  /** The host's time stamp counter at the same moment. */
  readonly hostTsc: bigint;
}

/** Which events the guest's performance counters may count. */
export interface PmuEventFilter {
  /** What becomes of the events named: they alone are allowed, or they alone are denied. */
  readonly action: "allow" | "deny";
  /** Event selects: 64 bits each (SDM vol. 3B, 20.3.1.1). At most 300. */
  readonly events: readonly bigint[];
  /** A bit for each fixed counter that the action is about; 0 unless given. */
  readonly fixedCounters?: number;
}

/** The part of a VM that is about the whole of it. */
export interface VmState {
  /** `KVM_CHECK_EXTENSION` on the VM, which knows more than the device (`KVM_CAP_CHECK_EXTENSION_VM`). */
  checkExtension(capability: CapabilityName | number): number;
  /** `KVM_ENABLE_CAP` on the VM. @param args up to four numbers of 64 bits */
  enableCap(capability: CapabilityName | number, args?: readonly bigint[]): void;
  /** `KVM_GET_CLOCK`. */
  getClock(): ClockData;
  /** `KVM_SET_CLOCK`. */
  setClock(clock: ClockData): void;
  /** `KVM_SET_TSC_KHZ` on the VM: the rate of the time stamp counters of vCPUs made later (`KVM_CAP_VM_TSC_CONTROL`). */
  setTscKhz(khz: number): void;
  /** `KVM_GET_TSC_KHZ` on the VM (`KVM_CAP_VM_TSC_CONTROL`). */
  getTscKhz(): number;
  /**
   * `KVM_X86_SET_MSR_FILTER`: what of the model-specific registers the guest may access. What is denied gives a #GP, or an
   * exit after `KVM_CAP_X86_USER_SPACE_MSR` with `KVM_MSR_EXIT_REASON_FILTER`. @param ranges up to 16
   */
  setMsrFilter(otherwise: "allow" | "deny", ranges: readonly MsrFilterRange[]): void;
  /** `KVM_SET_PMU_EVENT_FILTER`. */
  setPmuEventFilter(filter: PmuEventFilter): void;
  /** `KVM_HAS_DEVICE_ATTR` on the VM. */
  hasDeviceAttr(attribute: DeviceAttribute): boolean;
  /** `KVM_GET_DEVICE_ATTR` on the VM: a number of 64 bits. */
  getDeviceAttr(attribute: DeviceAttribute): bigint;
  /** `KVM_SET_DEVICE_ATTR` on the VM. */
  setDeviceAttr(attribute: DeviceAttribute, value: bigint): void;
  /** `KVM_GET_STATS_FD`: what KVM counted for the VM, by the names that it gives (`KVM_CAP_BINARY_STATS_FD`). */
  getStatistics(): ReadonlyMap<string, Statistic>;
}

const clockFields = kvmClockData.fields;
const clockCodec = codecOf<ClockData>("the clock", kvmClockData, {
  clock: clockFields.clock,
  flags: clockFields.flags,
  realtime: clockFields.realtime,
  hostTsc: clockFields.host_tsc,
});

const pmuActions = {
  allow: pmuEventActions.KVM_PMU_EVENT_ALLOW,
  deny: pmuEventActions.KVM_PMU_EVENT_DENY,
} as const;

/** The methods of {@link VmState}, on a descriptor. */
export class VmStateCalls extends VmEventCalls implements VmState {
  checkExtension(capability: CapabilityName | number): number {
    return this.descriptor.ioctl("KVM_CHECK_EXTENSION", capabilityNumber(capability));
  }

  enableCap(capability: CapabilityName | number, args: readonly bigint[] = []): void {
    this.descriptor.ioctlBytes("KVM_ENABLE_CAP", encodeEnableCap(capability, args), capability);
  }

  getClock(): ClockData {
    const { bytes, view } = newStruct(kvmClockData.size);
    this.descriptor.ioctlBytes("KVM_GET_CLOCK", bytes);
    return clockCodec.decode(view);
  }

  setClock(clock: ClockData): void {
    this.descriptor.ioctlBytes("KVM_SET_CLOCK", clockCodec.encode(clock), clock);
  }

  setTscKhz(khz: number): void {
    this.descriptor.ioctl("KVM_SET_TSC_KHZ", requireRate(khz));
  }

  getTscKhz(): number {
    return this.descriptor.ioctl("KVM_GET_TSC_KHZ");
  }

  setMsrFilter(otherwise: "allow" | "deny", ranges: readonly MsrFilterRange[]): void {
    withAddress(this.descriptor.libc, filterBitmaps(ranges), (at) => {
      this.descriptor.ioctlBytes("KVM_X86_SET_MSR_FILTER", encodeFilter(otherwise, ranges, at), ranges);
    });
  }

  setPmuEventFilter(filter: PmuEventFilter): void {
    const { action, events, fixedCounters = 0 } = requireObject("the filter", filter);
    const { bytes, view } = newStruct(kvmPmuEventFilter.size + 8 * requireList("events", events).length);
    const number = entryOf(pmuActions, action);
    if (number === undefined) throw badArgument(`no action of a filter: ${show(action)}`, action);
    writeField(view, kvmPmuEventFilter.fields.action, number, "the action");
    writeField(view, kvmPmuEventFilter.fields.nevents, events.length, "the number of events");
    writeField(view, kvmPmuEventFilter.fields.fixed_counter_bitmap, fixedCounters, "fixedCounters");
    writeWords(view, kvmPmuEventFilter.size, events, "events");
    this.descriptor.ioctlBytes("KVM_SET_PMU_EVENT_FILTER", bytes, events);
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

/** A rate in kHz that the ioctl takes. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function requireRate(khz: number): number {
  if (Number.isInteger(khz) && khz > 0 && khz <= 0x7fff_ffff) return khz;
  throw badArgument(`no rate in kHz: ${show(khz)}`, khz);
}
