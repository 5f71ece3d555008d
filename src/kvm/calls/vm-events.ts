/** Event descriptors that stand for interrupts of a guest and for its writes. */
import type { PhysAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import { ioeventfdFlags, irqfdFlags } from "../abi/constants.ts";
import { newStruct, writeField } from "../abi/fields.ts";
import { kvmIoeventfd, kvmIrqfd } from "../abi/wiring-structs.ts";
import { EventFdHandle, eventFdNumber, type EventFd } from "../host/eventfd.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObject } from "../shapes.ts";
import { VmInterruptCalls } from "./vm-interrupts.ts";

/** An interrupt line that events raise. */
export interface Irqfd {
  readonly eventFd: EventFd;
  /** The line: 0 to 23, or as `setGsiRouting` has it. */
  readonly gsi: number;
  /**
   * For a line that stays raised: this one gets an event when the guest has acknowledged the interrupt (`KVM_CAP_IRQFD_RESAMPLE`).
   */
  readonly resample?: EventFd;
  /** Takes it back; not unless given. */
  readonly deassign?: boolean;
}

/** Addresses or a port to which the guest's writes are events and no exits. */
export interface Ioeventfd {
  readonly eventFd: EventFd;
  /** The address or port. */
  readonly addr: PhysAddr;
  /** How many bytes a write has: 1, 2, 4 or 8; 0 for any number, which is fastest. */
  readonly length: number;
  /** A port, and not an address; not unless given. */
  readonly pio?: boolean;
  /** Only writes of this value; all unless given. */
  readonly dataMatch?: bigint;
  /** Takes it back; not unless given. */
  readonly deassign?: boolean;
}

/** The part of a VM that is wired to event descriptors. */
export interface VmEvents {
  /** `eventfd(2)`: a descriptor for {@link irqfd} and {@link ioeventfd}, which the VM closes in the end. */
  createEventFd(): EventFd;
  /** `KVM_IRQFD`: an event on the descriptor interrupts the guest. With an irqchip. */
  irqfd(irqfd: Irqfd): void;
  /** `KVM_IOEVENTFD`: a write of the guest's is an event on the descriptor, and the guest goes on. */
  ioeventfd(ioeventfd: Ioeventfd): void;
}

const lengths: ReadonlySet<number> = new Set([0, 1, 2, 4, 8]);

/** The methods of {@link VmEvents}, on a descriptor. */
export class VmEventCalls extends VmInterruptCalls implements VmEvents {
  readonly #eventFds: EventFd[] = [];

  createEventFd(): EventFd {
    this.descriptor.requireOpen();
    const eventFd = new EventFdHandle(this.descriptor.libc);
    this.#eventFds.push(eventFd);
    return eventFd;
  }

  irqfd(irqfd: Irqfd): void {
    const { eventFd, gsi, resample, deassign = false } = requireObject("what irqfd takes", irqfd);
    const { bytes, view } = newStruct(kvmIrqfd.size);
    const { KVM_IRQFD_FLAG_DEASSIGN, KVM_IRQFD_FLAG_RESAMPLE } = irqfdFlags;
    const flags = (deassign ? KVM_IRQFD_FLAG_DEASSIGN : 0) | (resample === undefined ? 0 : KVM_IRQFD_FLAG_RESAMPLE);
    writeField(view, kvmIrqfd.fields.fd, eventFdNumber(eventFd), "fd");
    writeField(view, kvmIrqfd.fields.gsi, gsi, "the line");
    writeField(view, kvmIrqfd.fields.flags, flags, "flags");
    if (resample !== undefined) writeField(view, kvmIrqfd.fields.resamplefd, eventFdNumber(resample), "resamplefd");
    this.descriptor.ioctlBytes("KVM_IRQFD", bytes, gsi);
  }

  ioeventfd(ioeventfd: Ioeventfd): void {
    const { bytes, view } = newStruct(kvmIoeventfd.size);
    const wanted = requireObject("what ioeventfd takes", ioeventfd);
    const { eventFd, addr, length, pio = false, dataMatch, deassign = false } = wanted;
    const { KVM_IOEVENTFD_FLAG_DATAMATCH, KVM_IOEVENTFD_FLAG_PIO, KVM_IOEVENTFD_FLAG_DEASSIGN } = ioeventfdFlags;
    if (!lengths.has(length)) throw badArgument(`a write has 1, 2, 4 or 8 bytes, not ${show(length)}`, length);
    const flags =
      (dataMatch === undefined ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH) |
      (pio ? KVM_IOEVENTFD_FLAG_PIO : 0) |
      (deassign ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0);
    writeField(view, kvmIoeventfd.fields.addr, addr, "the address");
    if (pio && addr > 0xffffn) throw badArgument(`no port: ${show(addr)}`, addr);
    writeField(view, kvmIoeventfd.fields.len, length, "the length");
    writeField(view, kvmIoeventfd.fields.fd, eventFdNumber(eventFd), "fd");
    writeField(view, kvmIoeventfd.fields.flags, flags, "flags");
    writeField(view, kvmIoeventfd.fields.datamatch, dataMatch === undefined ? 0n : dataMatch, "the value to match");
    this.descriptor.ioctlBytes("KVM_IOEVENTFD", bytes, addr);
  }

  /** Closes all descriptors that the VM made. */
  protected closeEventFds(): void {
    for (const eventFd of this.#eventFds) eventFd.close();
    this.#eventFds.length = 0;
  }
}
