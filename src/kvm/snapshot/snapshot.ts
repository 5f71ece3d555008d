/** A machine as it was, to go back to. */
import type { MemorySnapshot } from "./memory-snapshot.ts";
import type { VcpuSnapshot } from "./vcpu-snapshot.ts";
import type { VmSnapshot } from "./vm-snapshot.ts";

/** A machine as it was. It belongs to that machine, and ends with it. */
export interface Snapshot {
  /** The size of the guest's memory, in bytes; the copy takes what of it was ever touched. */
  readonly memorySize: number;
  /** Gives the copy of the memory back. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** What a snapshot is made of. */
export interface SnapshotState {
  readonly memory: MemorySnapshot;
  readonly vm: VmSnapshot;
  /** By the numbers of the vCPUs. */
  readonly vcpus: readonly VcpuSnapshot[];
}

/** A snapshot, with what a machine asks of it. */
export class MachineSnapshot implements Snapshot {
  readonly state: SnapshotState;
  readonly memorySize: number;
  readonly #onClose: () => void;
  #isOpen = true;

  constructor(state: SnapshotState, onClose: () => void) {
    this.state = state;
    this.memorySize = state.memory.size;
    this.#onClose = onClose;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onClose();
    this.state.memory.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
