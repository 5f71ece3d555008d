/** Interrupt controllers, their lines and the timer of a VM: one method an ioctl. */
import { irqchipIds, routingTypes } from "../abi/constants.ts";
import { newStruct, readNumber, writeField } from "../abi/fields.ts";
import { kvmIrqchip, kvmIrqLevel, kvmMsi, kvmPitConfig, kvmPitState2 } from "../abi/state-structs.ts";
import { requireBytes } from "../abi/struct-codec.ts";
import { kvmIrqRouting, kvmIrqRoutingEntry, kvmReinjectControl } from "../abi/wiring-structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireObject, requireObjects } from "../shapes.ts";

/** An interrupt controller in the kernel (`KVM_IRQCHIP_*`, asm/kvm.h). */
export type IrqchipName = "pic-master" | "pic-slave" | "ioapic";

const irqchips: Readonly<Record<IrqchipName, number>> = {
  "pic-master": irqchipIds.KVM_IRQCHIP_PIC_MASTER,
  "pic-slave": irqchipIds.KVM_IRQCHIP_PIC_SLAVE,
  ioapic: irqchipIds.KVM_IRQCHIP_IOAPIC,
};

/** A message-signalled interrupt (SDM vol. 3A, 11.11). */
export interface Msi {
  /** 0xfee00000 and more: where the message is written. */
  readonly address: bigint;
  /** The vector and how it is delivered: 32 bits. */
  readonly data: number;
}

/** Where an interrupt line leads: to a pin of a controller, or into a message. Several routes may start at one line. */
export type GsiRoute =
  | {
      /** The line. */
      readonly gsi: number;
      readonly irqchip: IrqchipName;
      /** 0 to 7 of a PIC, 0 to 23 of the I/O APIC. */
      readonly pin: number;
    }
  | { readonly gsi: number; readonly msi: Msi };

/** The part of a VM that interrupts its guest. */
export interface VmInterrupts {
  /** `KVM_CREATE_IRQCHIP`: two PICs, an I/O APIC and a local APIC for each vCPU. Before the first vCPU; `hlt` no longer exits. */
  createIrqchip(): void;
  /** `KVM_IRQ_LINE`. @param irq the line: 0 to 23, or as {@link setGsiRouting} has it @param level whether it is raised */
  irqLine(irq: number, level: boolean): void;
  /**
   * `KVM_IRQ_LINE_STATUS`: as {@link irqLine}, and what became of it: -1 for a line that is masked or leads nowhere, 0 for an
   * interrupt that waits already, else how many vCPUs get it.
   */
  irqLineStatus(irq: number, level: boolean): number;
  /** `KVM_GET_IRQCHIP`: 512 bytes, `struct kvm_pic_state` or `struct kvm_ioapic_state` of asm/kvm.h. */
  getIrqchip(chip: IrqchipName): Uint8Array;
  /** `KVM_SET_IRQCHIP`: 512 bytes. */
  setIrqchip(chip: IrqchipName, state: Uint8Array): void;
  /** `KVM_SET_GSI_ROUTING`: where all lines lead, instead of what was before; up to `KVM_CAP_IRQ_ROUTING` routes. */
  setGsiRouting(routes: readonly GsiRoute[]): void;
  /** `KVM_CREATE_PIT2`: the timer, with its speaker port. After the irqchip. */
  createPit2(): void;
  /** `KVM_GET_PIT2`: `struct kvm_pit_state2`, 112 bytes. */
  getPit2(): Uint8Array;
  /** `KVM_SET_PIT2`: 112 bytes. */
  setPit2(state: Uint8Array): void;
  /** `KVM_REINJECT_CONTROL`: whether ticks of the timer that the guest missed are given to it later; so unless said otherwise. */
  reinjectControl(isOn: boolean): void;
  /** `KVM_SIGNAL_MSI`: whether the guest took it; with an irqchip. */
  signalMsi(msi: Msi): boolean;
}

/** `KVM_PIT_SPEAKER_DUMMY` (linux/kvm.h). */
const PIT_SPEAKER = 1;

/** The methods of {@link VmInterrupts}, on a descriptor. */
export class VmInterruptCalls implements VmInterrupts {
  protected readonly descriptor: Descriptor;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
  }

  createIrqchip(): void {
    this.descriptor.ioctl("KVM_CREATE_IRQCHIP");
  }

  irqLine(irq: number, level: boolean): void {
    this.descriptor.ioctlBytes("KVM_IRQ_LINE", irqLevel(irq, level), irq);
  }

  irqLineStatus(irq: number, level: boolean): number {
    const bytes = irqLevel(irq, level);
    this.descriptor.ioctlBytes("KVM_IRQ_LINE_STATUS", bytes, irq);
    // The status takes the place of the line, with a sign.
    return readNumber(new DataView(bytes.buffer), kvmIrqLevel.fields.irq) | 0;
  }

  getIrqchip(chip: IrqchipName): Uint8Array {
    const bytes = irqchipStruct(chip);
    this.descriptor.ioctlBytes("KVM_GET_IRQCHIP", bytes, chip);
    return bytes.slice(kvmIrqchip.fields.chip[0]);
  }

  setIrqchip(chip: IrqchipName, state: Uint8Array): void {
    const bytes = irqchipStruct(chip);
    bytes.set(requireBytes(state, kvmIrqchip.fields.chip[1], "the state of the controller"), kvmIrqchip.fields.chip[0]);
    this.descriptor.ioctlBytes("KVM_SET_IRQCHIP", bytes, chip);
  }

  setGsiRouting(routes: readonly GsiRoute[]): void {
    requireObjects("routes", routes);
    const { bytes, view } = newStruct(kvmIrqRouting.size + routes.length * kvmIrqRoutingEntry.size);
    writeField(view, kvmIrqRouting.fields.nr, routes.length, "the number of routes");
    for (const [index, route] of routes.entries()) {
      writeRoute(view, kvmIrqRouting.size + index * kvmIrqRoutingEntry.size, route);
    }
    this.descriptor.ioctlBytes("KVM_SET_GSI_ROUTING", bytes, routes);
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
    this.descriptor.ioctlBytes("KVM_SET_PIT2", requireBytes(state, kvmPitState2.size, "the timer's state"), state);
  }

  reinjectControl(isOn: boolean): void {
    const { bytes, view } = newStruct(kvmReinjectControl.size);
    writeField(view, kvmReinjectControl.fields.pit_reinject, isOn ? 1 : 0, "pit_reinject");
    this.descriptor.ioctlBytes("KVM_REINJECT_CONTROL", bytes, isOn);
  }

  signalMsi(msi: Msi): boolean {
    const { bytes, view } = newStruct(kvmMsi.size);
    const { address, data } = requireObject("the MSI", msi);
    writeField(view, [kvmMsi.fields.address_lo[0], 8], address, "the MSI's address");
    writeField(view, kvmMsi.fields.data, data, "the MSI's data");
    return this.descriptor.ioctlBytes("KVM_SIGNAL_MSI", bytes, address) > 0;
  }
}

function irqLevel(irq: number, level: boolean): Uint8Array {
  const { bytes, view } = newStruct(kvmIrqLevel.size);
  writeField(view, kvmIrqLevel.fields.irq, irq, "the line");
  writeField(view, kvmIrqLevel.fields.level, level ? 1 : 0, "the level");
  return bytes;
}

function irqchipNumber(chip: IrqchipName): number {
  const number = entryOf(irqchips, chip);
  if (number === undefined) throw badArgument(`no interrupt controller: ${show(chip)}`, chip);
  return number;
}

function irqchipStruct(chip: IrqchipName): Uint8Array {
  const { bytes, view } = newStruct(kvmIrqchip.size);
  writeField(view, kvmIrqchip.fields.chip_id, irqchipNumber(chip), "chip_id");
  return bytes;
}

function writeRoute(view: DataView, at: number, route: GsiRoute): void {
  const { fields } = kvmIrqRoutingEntry;
  writeField(view, fields.gsi, route.gsi, "the line of a route", at);
  if ("msi" in route) {
    const { address, data } = requireObject("the MSI", route.msi);
    writeField(view, fields.type, routingTypes.KVM_IRQ_ROUTING_MSI, "type", at);
    writeField(view, [fields["u.msi.address_lo"][0], 8], address, "the MSI's address", at);
    writeField(view, fields["u.msi.data"], data, "the MSI's data", at);
  } else {
    writeField(view, fields.type, routingTypes.KVM_IRQ_ROUTING_IRQCHIP, "type", at);
    writeField(view, fields["u.irqchip.irqchip"], irqchipNumber(route.irqchip), "irqchip", at);
    writeField(view, fields["u.irqchip.pin"], route.pin, "the pin of a route", at);
  }
}
