/** The state of what a VM has but once: its interrupt controllers, its timer and its clock. */
import { irqchipIds } from "../abi/constants.ts";
import { kvmClockData, kvmIrqchip, kvmPitState2 } from "../abi/state-structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { readParts, setPart, type SavedPart, type StatePart } from "./state-part.ts";
import type { SnapshotPart } from "./snapshot-options.ts";

const part: SnapshotPart = "controllers";

/** In the order in which they are set: the timer raises its line when it is there. */
const vmParts: readonly StatePart[] = [
  ...Object.values(irqchipIds).map((header): StatePart => {
    return { part, get: "KVM_GET_IRQCHIP", set: "KVM_SET_IRQCHIP", size: kvmIrqchip.size, header };
  }),
  { part, get: "KVM_GET_PIT2", set: "KVM_SET_PIT2", size: kvmPitState2.size },
  // With its flags KVM would add the time that has passed since (api.rst, 4.30).
  { part, get: "KVM_GET_CLOCK", set: "KVM_SET_CLOCK", size: kvmClockData.size, told: kvmClockData.fields.flags },
];

/** The controllers of a VM as they were. */
export class VmSnapshot {
  readonly #saved: readonly SavedPart[];

  constructor(vm: Descriptor, omit: ReadonlySet<SnapshotPart>) {
    this.#saved = readParts(vmParts, vm, omit);
  }

  /** Sets it all; before the local APICs, which an interrupt that waits in a controller may reach at once. */
  restore(): void {
    for (const saved of this.#saved) setPart(saved);
  }
}
