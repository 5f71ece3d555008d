/** Interrupt controllers, timers, clock and filters of a VM: one method an ioctl. */
import {
  kvmClockData,
  kvmIrqchip,
  kvmIrqLevel,
  kvmMsi,
  kvmMsrFilter,
  kvmMsrFilterRange,
  kvmPitConfig,
  kvmPitState2,
} from "../abi/state-structs.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { newStruct, writeField } from "../abi/fields.ts";
import { callFailed } from "../host/host-error.ts";
import { linuxConstants } from "../abi/linux.ts";
import { badArgument } from "../kvm-error.ts";
import { codecOf, requireBytes } from "../abi/struct-codec.ts";
import { encodeEnableCap } from "./vcpu-state.ts";

/** An interrupt controller in the kernel (`KVM_IRQCHIP_*`, asm/kvm.h). */
export type IrqchipName = "pic-master" | "pic-slave" | "ioapic";

const irqchips: Readonly<Record<IrqchipName, number>> = { "pic-master": 0, "pic-slave": 1, ioapic: 2 };

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

/** A message-signalled interrupt (SDM vol. 3A, 11.11). */
export interface Msi {
  /** 0xfee00000 and more: where the message is written. */
  readonly address: bigint;
  /** The vector and how it is delivered: 32 bits. */
  readonly data: number;
}

/** Model-specific registers in a row, for {@link VmState.setMsrFilter}. */
export interface MsrFilterRange {
  /** Which accesses it is about. */
  readonly access: "read" | "write" | "both";
  /** The first register. */
  readonly base: number;
  /** For each register from `base` on, whether the access is allowed. Up to 12288. */
  readonly allowed: readonly boolean[];
}

/** The part of a VM that wires it up. */
export interface VmState {
  /** `KVM_ENABLE_CAP` on the VM. @param args up to four numbers of 64 bits */
  enableCap(capability: CapabilityName | number, args?: readonly bigint[]): void;
  /** `KVM_CREATE_IRQCHIP`: two PICs, an I/O APIC and a local APIC for each vCPU. Before the first vCPU; `hlt` no longer exits. */
  createIrqchip(): void;
  /** `KVM_IRQ_LINE`. @param irq the line: 0 to 23 @param level whether it is raised */
  irqLine(irq: number, level: boolean): void;
  /** `KVM_GET_IRQCHIP`: 512 bytes, `struct kvm_pic_state` or `struct kvm_ioapic_state` of asm/kvm.h. */
  getIrqchip(chip: IrqchipName): Uint8Array;
  /** `KVM_SET_IRQCHIP`: 512 bytes. */
  setIrqchip(chip: IrqchipName, state: Uint8Array): void;
  /** `KVM_CREATE_PIT2`: the timer, with its speaker port. After the irqchip. */
  createPit2(): void;
  /** `KVM_GET_PIT2`: `struct kvm_pit_state2`, 112 bytes. */
  getPit2(): Uint8Array;
  /** `KVM_SET_PIT2`: 112 bytes. */
  setPit2(state: Uint8Array): void;
  /** `KVM_GET_CLOCK`. */
  getClock(): ClockData;
  /** `KVM_SET_CLOCK`. */
  setClock(clock: ClockData): void;
  /** `KVM_SIGNAL_MSI`: whether the guest took it; with an irqchip. */
  signalMsi(msi: Msi): boolean;
  /**
   * `KVM_X86_SET_MSR_FILTER`: what of the model-specific registers the guest may access. What is denied gives a #GP, or an
   * exit after `KVM_CAP_X86_USER_SPACE_MSR` with `KVM_MSR_EXIT_REASON_FILTER`. @param ranges up to 16
   */
  setMsrFilter(otherwise: "allow" | "deny", ranges: readonly MsrFilterRange[]): void;
}

const clockFields = kvmClockData.fields;
const clockCodec = codecOf<ClockData>(kvmClockData, {
  clock: clockFields.clock,
  flags: clockFields.flags,
  realtime: clockFields.realtime,
  hostTsc: clockFields.host_tsc,
});

/** `KVM_MSR_FILTER_READ` and `KVM_MSR_FILTER_WRITE` (asm/kvm.h). */
const filterAccess = { read: 1, write: 2, both: 3 } as const;
/** `KVM_MSR_FILTER_MAX_RANGES`, and `KVM_MSR_FILTER_MAX_BITMAP_SIZE` in bits. */
const MAX_RANGES = 16;
const MAX_MSRS = 0x600 * 8;
/** `KVM_PIT_SPEAKER_DUMMY` (linux/kvm.h). */
const PIT_SPEAKER = 1;

/** The methods of {@link VmState}, on a descriptor. */
export class VmStateCalls implements VmState {
  protected readonly descriptor: Descriptor;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
  }

  enableCap(capability: CapabilityName | number, args: readonly bigint[] = []): void {
    const name = capabilityNumber(capability);
    this.descriptor.ioctlBytes("KVM_ENABLE_CAP", encodeEnableCap(name, args), capability);
  }

  createIrqchip(): void {
    this.descriptor.ioctl("KVM_CREATE_IRQCHIP");
  }

  irqLine(irq: number, level: boolean): void {
    const { bytes, view } = newStruct(kvmIrqLevel.size);
    writeField(view, kvmIrqLevel.fields.irq, irq, "the line");
    writeField(view, kvmIrqLevel.fields.level, level ? 1 : 0, "the level");
    this.descriptor.ioctlBytes("KVM_IRQ_LINE", bytes, irq);
  }

  getIrqchip(chip: IrqchipName): Uint8Array {
    const bytes = irqchipStruct(chip);
    this.descriptor.ioctlBytes("KVM_GET_IRQCHIP", bytes, chip);
    return bytes.slice(kvmIrqchip.fields.chip[0]);
  }

  setIrqchip(chip: IrqchipName, state: Uint8Array): void {
    const bytes = irqchipStruct(chip);
    const [at, size] = kvmIrqchip.fields.chip;
    bytes.set(requireBytes(state, size, "the irqchip's state"), at);
    this.descriptor.ioctlBytes("KVM_SET_IRQCHIP", bytes, chip);
  }

  createPit2(): void {
    const { bytes, view } = newStruct(kvmPitConfig.size);
    writeField(view, kvmPitConfig.fields.flags, PIT_SPEAKER, "flags");
    this.descriptor.ioctlBytes("KVM_CREATE_PIT2", bytes);
  }

  getPit2(): Uint8Array {
    const { bytes } = newStruct(kvmPitState2.size);
    this.descriptor.ioctlBytes("KVM_GET_PIT2", bytes);
    return bytes;
  }

  setPit2(state: Uint8Array): void {
    this.descriptor.ioctlBytes("KVM_SET_PIT2", requireBytes(state, kvmPitState2.size, "the PIT's state"), state);
  }

  getClock(): ClockData {
    const { bytes, view } = newStruct(kvmClockData.size);
    this.descriptor.ioctlBytes("KVM_GET_CLOCK", bytes);
    return clockCodec.decode(view);
  }

  setClock(clock: ClockData): void {
    this.descriptor.ioctlBytes("KVM_SET_CLOCK", clockCodec.encode(clock), clock);
  }

  signalMsi({ address, data }: Msi): boolean {
    const { bytes, view } = newStruct(kvmMsi.size);
    writeField(view, [kvmMsi.fields.address_lo[0], 8], address, "the MSI's address");
    writeField(view, kvmMsi.fields.data, data, "the MSI's data");
    return this.descriptor.ioctlBytes("KVM_SIGNAL_MSI", bytes, address) > 0;
  }

  setMsrFilter(otherwise: "allow" | "deny", ranges: readonly MsrFilterRange[]): void {
    const { bytes, view } = newStruct(kvmMsrFilter.size);
    view.setUint32(kvmMsrFilter.fields.flags[0], otherwise === "deny" ? 1 : 0, true);
    if (ranges.length > MAX_RANGES) throw badArgument(`a filter has up to 16 ranges, not ${ranges.length}`, ranges);
    const bitmaps = ranges.map((range) => bitmapOf(range));
    const total = bitmaps.reduce((size, bitmap) => size + bitmap.length, 1);
    // KVM wants the bitmaps' addresses, which a JavaScript buffer does not tell.
    const { libc } = this.descriptor;
    const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS } = linuxConstants;
    const scratch = libc.mmap(total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (scratch === undefined) throw callFailed("mmap of the filter's bitmaps", libc.errno());
    try {
      let at = scratch;
      for (const [index, { access, base, allowed }] of ranges.entries()) {
        const start = kvmMsrFilter.fields.ranges[0] + index * kvmMsrFilterRange.size;
        writeField(view, kvmMsrFilterRange.fields.flags, filterAccess[access], "access", start);
        writeField(view, kvmMsrFilterRange.fields.nmsrs, allowed.length, "nmsrs", start);
        writeField(view, kvmMsrFilterRange.fields.base, base, "base", start);
        writeField(view, kvmMsrFilterRange.fields.bitmap, at, "bitmap", start);
        libc.copyTo(at, bitmaps[index]!, bitmaps[index]!.length);
        at += BigInt(bitmaps[index]!.length);
      }
      this.descriptor.ioctlBytes("KVM_X86_SET_MSR_FILTER", bytes, ranges);
    } finally {
      libc.munmap(scratch, total);
    }
  }
}

function irqchipStruct(chip: IrqchipName): Uint8Array {
  const { bytes, view } = newStruct(kvmIrqchip.size);
  const number = Object.hasOwn(irqchips, chip) ? irqchips[chip] : undefined;
  if (number === undefined) throw badArgument(`no interrupt controller: ${chip}`, chip);
  writeField(view, kvmIrqchip.fields.chip_id, number, "chip_id");
  return bytes;
}

/** A bit for each register, in words of 64 bits. */
function bitmapOf(range: MsrFilterRange): Uint8Array {
  const { allowed, access } = range;
  if (!Object.hasOwn(filterAccess, access)) throw badArgument(`no access of a filter: ${access}`, range);
  if (allowed.length === 0 || allowed.length > MAX_MSRS) {
    throw badArgument(`a range has 1 to ${MAX_MSRS} registers, not ${allowed.length}`, range);
  }
  const bitmap = new Uint8Array(Math.ceil(allowed.length / 64) * 8);
  for (const [index, isAllowed] of allowed.entries()) if (isAllowed) bitmap[index >> 3]! |= 1 << (index & 7);
  return bitmap;
}
