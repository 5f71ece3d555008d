/** What every machine is: the VM, its vCPU, and what waits between two runs. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import { loadDisassembler, type Instruction } from "../../disasm/disassemble.ts";
import { requireLinear } from "../debug/debug-point.ts";
import { DebugEntry } from "../debug/debug-entry.ts";
import { attachDebugger, type Debugger } from "../debug/debugger.ts";
import type { Exit } from "../exits/exits.ts";
import type { Finding } from "../explain/finding.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObject, requireUint8Array } from "../shapes.ts";
import type { Libc } from "../host/libc.ts";
import { locateExit } from "./exit-place.ts";
import { leavable } from "./leaving.ts";
import type { LoadableImage } from "./load-image.ts";
import { codeBits, locate, type GuestLocation } from "./location.ts";
import type { KvmKind } from "../host/platform.ts";
import type { SpecialRegisters } from "../calls/registers.ts";
import { newRunnable, requireOpen, type Runnable } from "./run-loop.ts";
import { planRun, runOptionNames, streamOptionNames, type RunOptions, type StreamOptions } from "./run-options.ts";
import { MachineSnapshots } from "../snapshot/machine-snapshots.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { omittedParts, type SnapshotOptions } from "../snapshot/snapshot-options.ts";
import { asyncExits } from "./streams.ts";
import { SyncExits } from "./sync-exits.ts";
import { putOutTicker } from "./ticker.ts";
import type { TranscriptExit } from "../transcript/transcript.ts";
import type { Vcpu, VcpuHandle } from "../calls/vcpu.ts";
import type { Vm, VmHandle } from "../calls/vm.ts";
import type { Machine } from "./machine.ts";

/** What a machine is made of; it then owns the VM. */
export interface MachineParts {
  readonly libc: Libc;
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly vm: VmHandle;
  readonly vcpu: VcpuHandle;
  /** The model-specific registers that KVM offers. */
  readonly msrs: readonly number[];
  /** The path of KVM's device; `undefined` for the usual one. */
  readonly device: string | undefined;
}

/** A machine of its parts. */
export function createMachine(parts: MachineParts): Machine {
  return new RunningMachine(parts);
}

class RunningMachine implements Machine {
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly #runnable: Runnable;
  readonly #device: string | undefined;
  #debugger: Promise<Debugger> | undefined;
  /** Each with the breakpoint at which the guest stood, where its consumer knew of it. */
  readonly #snapshots: MachineSnapshots<VirtAddr | undefined>;

  constructor({ libc, image, kind, vm, vcpu, msrs, device }: MachineParts) {
    this.image = image;
    this.#device = device;
    this.kind = kind;
    this.#snapshots = new MachineSnapshots({ vm, vcpus: [vcpu], msrs });
    this.#runnable = newRunnable({ libc, vm, vcpu });
  }

  get vm(): Vm {
    return this.#runnable.vm;
  }

  get vcpu(): Vcpu {
    return this.#vcpu;
  }

  get #debugEntry(): DebugEntry | undefined {
    const { entry } = this.#runnable;
    return entry instanceof DebugEntry ? entry : undefined;
  }

  get #vcpu(): VcpuHandle {
    return this.#runnable.vcpu;
  }

  run(options: RunOptions = {}): IterableIterator<Exit, void, undefined> {
    const plan = planRun("run", runOptionNames, options);
    this.#requireOpen();
    return new SyncExits(this.#runnable, plan);
  }

  stream(options: StreamOptions = {}): AsyncIterableIterator<Exit, void, undefined> {
    const plan = planRun("stream", streamOptionNames, options);
    this.#requireOpen();
    return leavable(options.signal, (signal) => asyncExits(this.#runnable, plan, signal));
  }

  complete(): boolean {
    this.#requireOpen();
    const { queue, late } = this.#runnable;
    if (queue.length > 0) return false;
    late.requireNone();
    const exit = this.#vcpu.complete();
    if (exit !== undefined) queue.push(exit);
    return exit === undefined;
  }

  registers(): GeneralRegisters {
    this.#requireOpen();
    return this.#vcpu.getRegs();
  }

  specialRegisters(): SpecialRegisters {
    this.#requireOpen();
    return this.#vcpu.getSregs();
  }

  where(exit?: Exit): GuestLocation {
    this.#requireOpen();
    const { programs = [] } = this.image;
    if (exit === undefined) return locate(this.#vcpu, programs);
    requireObject("the exit", exit);
    return locateExit({ vcpu: this.#vcpu, programs, complete: () => this.complete() }, exit);
  }

  async explain(exit: Exit | TranscriptExit): Promise<readonly Finding[]> {
    this.#requireOpen();
    const { explainExit } = await import("../explain/explain-machine.ts");
    return await explainExit(this, exit, () => this.#requireOpen());
  }

  async debug(): Promise<Debugger> {
    this.#requireOpen();
    const { programs = [], cpu } = this.image;
    this.#debugger ??= attachDebugger({
      machine: this.#runnable,
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

  async disassemble(code: Uint8Array, at?: VirtAddr): Promise<readonly Instruction[]> {
    requireUint8Array("code", code);
    if (at !== undefined) requireLinear(at, "the address");
    const disassembler = await loadDisassembler();
    this.#requireOpen();
    const mode = codeBits(this.#vcpu.getSregs());
    return disassembler.all({ bytes: code, mode, address: at ?? this.#vcpu.getRegs().rip });
  }

  readMemory(at: PhysAddr, size: number): Uint8Array {
    this.#requireOpen();
    return this.vm.readMemory(at, size);
  }

  writeMemory(at: PhysAddr, bytes: Uint8Array): void {
    this.#requireOpen();
    this.vm.writeMemory(at, bytes);
  }

  snapshot(options: SnapshotOptions = {}): Snapshot {
    const omitted = omittedParts(options);
    if (!this.complete()) {
      throw badArgument("the guest is in the middle of an instruction", undefined, "run on until it is complete");
    }
    return this.#snapshots.take(omitted, this.#debugEntry?.told);
  }

  restore(snapshot: Snapshot): void {
    this.#requireOpen();
    const told = this.#snapshots.restore(snapshot);
    const { vm, vcpu, queue, late } = this.#runnable;
    if (vm.ringPage !== 0) vcpu.drainCoalesced(vm.ringPage);
    queue.length = 0;
    late.drop();
    this.#debugEntry?.comeBack(told);
  }

  close(): void {
    this.#runnable.isOpen = false;
    putOutTicker();
    this.#snapshots.close();
    this.vm.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(): void {
    requireOpen(this.#runnable);
  }
}
