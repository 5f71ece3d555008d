/** A machine as it was, to go back to. */
import type { CpuSnapshot, SnapshotPart } from "./cpu-snapshot.ts";
import type { MemorySnapshot } from "./memory-snapshot.ts";

/** What a snapshot is to hold. */
export interface SnapshotOptions {
  /**
   * What to leave out, since the guest does not change it: each part costs ioctls on every restore. Registers, special
   * registers, events and memory are always there. Nothing is left out unless given.
   */
  readonly omit?: readonly SnapshotPart[];
}

/** A machine as it was. It belongs to that machine, and ends with it. */
export interface Snapshot {
  /** The size of the guest's memory, in bytes; the copy takes what of it was ever touched. */
  readonly memorySize: number;
  /** Gives the copy of the memory back. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The parts that may be left out. */
export const snapshotParts: ReadonlySet<string> = new Set<SnapshotPart>([
  "fpu",
  "debug-registers",
  "msrs",
  "controllers",
]);

/** A snapshot, with what a machine asks of it. */
export class MachineSnapshot implements Snapshot {
  readonly memory: MemorySnapshot;
  readonly cpu: CpuSnapshot;
  readonly memorySize: number;
  readonly #onClose: () => void;
  #isOpen = true;

  constructor(memory: MemorySnapshot, cpu: CpuSnapshot, onClose: () => void) {
    this.memory = memory;
    this.cpu = cpu;
    this.memorySize = memory.size;
    this.#onClose = onClose;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onClose();
    this.memory.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
