/** A guest with several vCPUs, loaded and ready to run. */
import type { PhysAddr } from "../../core/address.ts";
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import type { SpecialRegisters } from "../calls/registers.ts";
import type { Vcpu, VcpuHandle } from "../calls/vcpu.ts";
import type { Vm, VmHandle } from "../calls/vm.ts";
import type { Exit } from "../exits/exits.ts";
import type { Finding } from "../explain/finding.ts";
import type { KvmKind } from "../host/platform.ts";
import { closed } from "../kvm-error.ts";
import { requireObject } from "../shapes.ts";
import { locate, type GuestLocation } from "../machine/location.ts";
import { leavable } from "../machine/leaving.ts";
import type { LoadableImage } from "../machine/load-image.ts";
import { planRun, streamOptionNames, type StreamOptions } from "../machine/run-options.ts";
import { MachineSnapshots } from "../snapshot/machine-snapshots.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { omittedParts, type SnapshotOptions } from "../snapshot/snapshot-options.ts";
import type { TranscriptExit } from "../transcript/transcript.ts";
import { smpExits } from "./smp-stream.ts";
import { attachSmpDebugger, type SmpDebugger } from "./smp-debugger.ts";
import type { ClusterState, VcpuCluster, VcpuExit } from "./vcpu-cluster.ts";

/**
 * A guest with several vCPUs on KVM, each on a thread of its own. What is said of {@link Machine} holds here as well, and so
 * do its errors. A vCPU that is asked for its registers while it runs is waited for, a few milliseconds.
 *
 * Close it: nothing else does.
 */
export interface SmpMachine {
  /** What it was booted from. */
  readonly image: LoadableImage;
  /** Which KVM runs it. */
  readonly kind: KvmKind;
  /** The VM below. */
  readonly vm: Vm;
  /** The vCPUs below, by their numbers. Their `run` is the threads' affair. */
  readonly vcpus: readonly Vcpu[];
  /**
   * Runs all vCPUs, and gives their exits, each with the number of its vCPU. A vCPU waits while its exit is handled, and
   * takes its answer, when the next one is asked for; the others go on meanwhile. So the deadline is one of the wall clock.
   *
   * The stream ends with any vCPU's `shutdown`, `internal-error`, `fail-entry` and `guest-exit`; and with exits of no vCPU:
   * `hlt` once all are halted with interrupts off or were never started, `timeout`, `exit-limit`. `hlt` of one vCPU is no
   * exit. Then, and after `break` or `return()`, which also ends a `next()` that is pending, no vCPU is in the guest, and
   * calling again goes on. Where `signal` is aborted, it throws the signal's reason; it throws {@link KvmError} `IOCTL_FAILED` or `CALL_FAILED` where a vCPU cannot run.
   *
   * @example
   * ```ts
   * for await (const { vcpu, exit } of machine.stream({ timeout: "5s" })) {
   *   if (exit.kind === "io-out") console.log(`vCPU ${vcpu} wrote`, exit.data);
   * }
   * ```
   */
  stream(options?: StreamOptions): AsyncIterableIterator<VcpuExit, void, undefined>;
  /** The general registers of a vCPU. While its input exit waits for its answer, they are those before the instruction. */
  registers(vcpu: number): GeneralRegisters;
  /** Segments, descriptor tables, control registers and EFER of a vCPU. */
  specialRegisters(vcpu: number): SpecialRegisters;
  /** Where a vCPU is in the image's programs. */
  where(vcpu: number): GuestLocation;
  /**
   * Why the vCPU that an exit names ended with `shutdown`, `internal-error` or `fail-entry`, as {@link Machine.explain} says it.
   * Nothing for exits of no vCPU. Throws {@link KvmError} `BAD_ARGUMENT` for a number that no vCPU has.
   *
   * @example
   * ```ts
   * for await (const exit of machine.stream()) {
   *   for (const { text } of await machine.explain(exit)) console.log(exit.vcpu, text);
   * }
   * ```
   */
  explain(exit: ExplainedExit): Promise<readonly Finding[]>;
  /**
   * The debugger: breakpoints and watchpoints on all vCPUs, and single steps of one while the others stand still, within what
   * the host's KVM can do. What {@link Machine.debug} says holds here as well.
   */
  debug(): Promise<SmpDebugger>;
  /** A copy of `size` bytes of guest-physical memory from `at` on; all of them must be memory. */
  readMemory(at: PhysAddr, size: number): Uint8Array;
  /** Copies bytes into guest-physical memory; all of them must be memory, or none is written. */
  writeMemory(at: PhysAddr, bytes: Uint8Array): void;
  /**
   * The whole machine as it is: memory, interrupt controllers, timer and clock, and each vCPU's registers, FPU,
   * model-specific registers, events, local APIC, and whether it is halted or was never started. What {@link Machine.snapshot}
   * says holds here as well. A vCPU that exited while nobody asked exits again after {@link restore}. Throws {@link KvmError}
   * `BAD_ARGUMENT` while a stream is under way, and in the middle of an instruction that still has exits.
   *
   * @example
   * ```ts
   * for await (const { exit } of machine.stream()) if (exit.kind === "io-out" && exit.port === 0x10) break;
   * const started = machine.snapshot();
   * ```
   */
  snapshot(options?: SnapshotOptions): Snapshot;
  /** Goes back to a snapshot of this machine, as {@link Machine.restore} does; not while a stream is under way. */
  restore(snapshot: Snapshot): void;
  /** Ends the threads, then gives back memory and file descriptors. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** An exit, of a run or of a transcript, and whose it is. */
type ExplainedExit = Pick<VcpuExit, "vcpu"> & { readonly exit: Exit | TranscriptExit };

/** What it is made of. */
export interface SmpMachineParts {
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly vm: VmHandle;
  readonly cluster: VcpuCluster;
  /** The model-specific registers that KVM offers. */
  readonly msrs: readonly number[];
  /** The path of KVM's device; `undefined` for the usual one. */
  readonly device: string | undefined;
}

/** A machine of its parts, which then owns them. */
export function createSmpMachine(parts: SmpMachineParts): SmpMachine {
  return new RunningSmpMachine(parts);
}

class RunningSmpMachine implements SmpMachine {
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly vcpus: readonly VcpuHandle[];
  readonly #vm: VmHandle;
  readonly #cluster: VcpuCluster;
  readonly #snapshots: MachineSnapshots<ClusterState>;
  readonly #device: string | undefined;
  #debugger: Promise<SmpDebugger> | undefined;
  #isOpen = true;

  constructor({ image, kind, vm, cluster, msrs, device }: SmpMachineParts) {
    this.image = image;
    this.kind = kind;
    this.#vm = vm;
    this.#device = device;
    this.#cluster = cluster;
    this.vcpus = cluster.runners.map(({ vcpu }) => vcpu);
    this.#snapshots = new MachineSnapshots({ vm, vcpus: this.vcpus, msrs });
  }

  get vm(): Vm {
    return this.#vm;
  }

  stream(options: StreamOptions = {}): AsyncIterableIterator<VcpuExit, void, undefined> {
    const plan = planRun("stream", streamOptionNames, options);
    this.#requireOpen();
    return leavable(options.signal, (signal) => smpExits(this.#cluster, plan, signal, () => this.#requireOpen()));
  }

  registers(vcpu: number): GeneralRegisters {
    return this.#vcpu(vcpu).getRegs();
  }

  specialRegisters(vcpu: number): SpecialRegisters {
    return this.#vcpu(vcpu).getSregs();
  }

  where(vcpu: number): GuestLocation {
    return locate(this.#vcpu(vcpu), this.image.programs ?? []);
  }

  async explain(explained: ExplainedExit): Promise<readonly Finding[]> {
    this.#requireOpen();
    const { vcpu: number, exit } = requireObject("what explain takes", explained);
    if (number === undefined) return [];
    const { vm, image, kind } = this;
    const vcpu = this.#vcpu(number);
    const { explainExit } = await import("../explain/explain-machine.ts");
    return await explainExit({ vm, vcpu, image, kind }, exit, () => this.#requireOpen());
  }

  async debug(): Promise<SmpDebugger> {
    this.#requireOpen();
    const { programs = [], cpu } = this.image;
    this.#debugger ??= attachSmpDebugger({
      vm: this.#vm,
      cluster: this.#cluster,
      symbols: { programs, cpu },
      device: this.#device,
      requireOpen: () => this.#requireOpen(),
    });
    try {
      return await this.#debugger;
    } catch (error) {
      // What was missing may be there the next time.
      this.#debugger = undefined;
      throw error;
    }
  }

  readMemory(at: PhysAddr, size: number): Uint8Array {
    this.#requireOpen();
    return this.#vm.readMemory(at, size);
  }

  writeMemory(at: PhysAddr, bytes: Uint8Array): void {
    this.#requireOpen();
    this.#vm.writeMemory(at, bytes);
  }

  snapshot(options: SnapshotOptions = {}): Snapshot {
    const omitted = omittedParts(options);
    this.#requireStill();
    const state = this.#cluster.settle();
    return this.#snapshots.take(omitted, state);
  }

  restore(snapshot: Snapshot): void {
    this.#requireStill();
    this.#cluster.comeBack(this.#snapshots.restore(snapshot));
  }

  close(): void {
    this.#isOpen = false;
    // The memory may go only when no vCPU is in the guest.
    this.#cluster.quit();
    this.#snapshots.close();
    this.#vm.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #vcpu(number: number): VcpuHandle {
    this.#requireOpen();
    return this.#cluster.runner(number).vcpu;
  }

  #requireStill(): void {
    this.#requireOpen();
    this.#cluster.requireStill();
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw closed("the machine");
  }
}
