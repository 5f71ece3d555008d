/** The snapshots of one machine: taken, gone back to, and given back with it. */
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { VmHandle } from "../calls/vm.ts";
import { badArgument } from "../kvm-error.ts";
import { MachineSnapshot, type Snapshot } from "./snapshot.ts";
import type { SnapshotPart } from "./snapshot-options.ts";

/** What snapshots are taken of. */
export interface SnapshotSource {
  readonly vm: VmHandle;
  /** By their numbers. */
  readonly vcpus: readonly VcpuHandle[];
  /** The model-specific registers that KVM offers. */
  readonly msrs: readonly number[];
}

/** The snapshots of a machine, each with what of it is neither the kernel's nor the guest's. */
export class MachineSnapshots<Rest> {
  readonly #source: SnapshotSource;
  readonly #taken = new Map<Snapshot, Rest>();
  /** The one that the logs of dirty pages began with. */
  #base: MachineSnapshot | undefined;

  constructor(source: SnapshotSource) {
    this.#source = source;
  }

  /** The machine as it is. No vCPU may be in the guest, or in the middle of an instruction that is not to come again. */
  take(omit: ReadonlySet<SnapshotPart>, rest: Rest): Snapshot {
    const { vm, vcpus, msrs } = this.#source;
    const saved = vcpus.map((vcpu) => vm.snapshotVcpu(vcpu, msrs, omit));
    const state = { vm: vm.snapshotControllers(omit), vcpus: saved, memory: vm.snapshotMemory() };
    const snapshot = new MachineSnapshot(state, () => this.#taken.delete(snapshot));
    this.#taken.set(snapshot, rest);
    this.#base = snapshot;
    return snapshot;
  }

  /**
   * Goes back, and gives the rest. No vCPU may be in the guest. Throws {@link KvmError} `BAD_ARGUMENT` for what is no snapshot of
   * this machine.
   */
  restore(snapshot: Snapshot): Rest {
    if (!(snapshot instanceof MachineSnapshot) || !this.#taken.has(snapshot)) {
      throw badArgument("no snapshot of this machine, or one that is closed", snapshot);
    }
    const { vm, vcpus, memory } = snapshot.state;
    memory.requireSameSlots();
    // What an instruction still does when it is completed is undone by what follows.
    for (const vcpu of this.#source.vcpus) vcpu.abandon();
    vm.restore();
    for (const [number, vcpu] of this.#source.vcpus.entries()) vcpu.restore(vcpus[number]!);
    memory.restore(this.#base === snapshot);
    this.#base = snapshot;
    return this.#taken.get(snapshot)!;
  }

  /** Gives them all back. */
  close(): void {
    for (const snapshot of this.#taken.keys()) snapshot.close();
  }
}
