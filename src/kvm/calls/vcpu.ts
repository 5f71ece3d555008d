/** A virtual CPU: its registers, and the way into the guest. */
import { constants } from "node:os";
import { newStruct, readBigint, readNumber, writeField } from "../abi/fields.ts";
import { ioctlNumber } from "../abi/ioctls.ts";
import { linuxConstants, SIGNAL_SET_SIZE } from "../abi/linux.ts";
import { kvmGuestDebug, kvmRun, kvmSignalMask } from "../abi/structs.ts";
import { answerExit, isAnswerable } from "../exits/answer-exit.ts";
import { decodeExit, isMemoryFault } from "../exits/decode-exit.ts";
import type { AnswerableExit, Exit } from "../exits/exits.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { callFailed, ioctlFailed } from "../host/host-error.ts";
import type { HostAddress } from "../host/libc.ts";
import type { KvmKind } from "../host/platform.ts";
import { badArgument } from "../kvm-error.ts";
import { CpuSnapshot, type CpuSource, type SnapshotPart } from "../snapshot/cpu-snapshot.ts";
import { drainCoalesced } from "./coalesced.ts";
import { DirtyRing, type DirtyPage } from "./dirty-ring.ts";
import { PAGE_SIZE } from "./guest-memory.ts";
import type { RunPage } from "./run-page.ts";
import {
  encodeSync,
  forgetSync,
  readSync,
  requestSync,
  syncFlags,
  writeSync,
  type EncodedSync,
  type SyncPart,
  type SyncRegisters,
} from "./sync-registers.ts";
import { VcpuControlCalls, type VcpuControl } from "./vcpu-control.ts";
import type { VcpuRegisters } from "./vcpu-registers.ts";
import type { VcpuState } from "./vcpu-state.ts";

/** What `KVM_SET_GUEST_DEBUG` is to watch. */
export interface GuestDebug {
  /** Any of {@link guestDebugFlags}, joined with `|`; 0 switches all off. */
  readonly control: number;
  /** DR0 to DR7, for `KVM_GUESTDBG_USE_HW_BP`: eight numbers of 64 bits. All 0 unless given. */
  readonly debugreg?: readonly bigint[];
}

/** Whether a vCPU can take interrupts: `ready_for_interrupt_injection`, `if_flag`, `cr8` and `apic_base` of `struct kvm_run`. */
export interface InterruptState {
  /** Whether `interrupt` is delivered at the next entry; else it waits until the guest can take it. */
  readonly isReady: boolean;
  /** RFLAGS.IF: whether the guest lets interrupts through. */
  readonly interruptFlag: boolean;
  /** The task priority, CR8; kept up to date without an irqchip. */
  readonly cr8: bigint;
  /** IA32_APIC_BASE; kept up to date without an irqchip. */
  readonly apicBase: bigint;
}

/**
 * A vCPU, by its file descriptor: one method an ioctl, named as the kernel names it. Every method throws {@link KvmError}
 * `IOCTL_FAILED` where the kernel refuses, `BAD_ARGUMENT` for what it need not be asked, and `CLOSED` after `close()`.
 */
export interface Vcpu extends VcpuRegisters, VcpuState, VcpuControl {
  /**
   * `kvm_valid_regs`: which registers KVM is to leave in the shared pages whenever `KVM_RUN` ends, for {@link getSyncRegs};
   * none at first (`KVM_CAP_SYNC_REGS`).
   */
  setSyncRegs(parts: readonly SyncPart[]): void;
  /**
   * The registers as they were when `KVM_RUN` ended last, without an ioctl: the parts that {@link setSyncRegs} asked for before.
   * What was set since by other calls is not in them.
   */
  getSyncRegs(): SyncRegisters;
  /**
   * `kvm_dirty_regs`: leaves registers for the next `KVM_RUN` to take, without an ioctl; at once, by ioctls, while the vCPU is
   * debugged, since KVM would lose a step else.
   */
  putSyncRegs(registers: SyncRegisters): void;
  /**
   * `request_interrupt_window`: whether the vCPU is to exit as `irq-window-open` as soon as it can take an interrupt; not at
   * first. Without an irqchip.
   */
  requestInterruptWindow(isWanted: boolean): void;
  /** What the last `KVM_RUN` told of interrupts, without an ioctl. */
  getInterruptState(): InterruptState;
  /**
   * The pages that this vCPU wrote to since it was last asked, where `Vm.enableDirtyRing` was called before it was made. Give
   * the ring its room back with `Vm.resetDirtyRings`, which also begins to watch those pages anew.
   */
  reapDirtyRing(): readonly DirtyPage[];
  /** `KVM_SET_GUEST_DEBUG`. */
  setGuestDebug(debug: GuestDebug): void;
  /**
   * `KVM_RUN`: until the next exit. There is no deadline here: a guest that spins holds the thread for ever, and only a
   * signal ends it, as `interrupted`. `Machine.run` has one.
   */
  run(): Exit;
  /** Closes it and gives the shared pages back. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

const KVM_RUN = ioctlNumber("KVM_RUN");
const { EFAULT, EINTR } = constants.errno;
/** "Memory page has hardware error" (asm-generic/errno.h); Node has no name for it. */
const EHWPOISON = 133;

/** What a VM knows of the vCPUs that it makes. */
export interface VcpuTraits {
  readonly kind: KvmKind;
  /** The size of the shared pages, in bytes. */
  readonly runSize: number;
  /** The size of an XSAVE area, in bytes. */
  readonly xsaveSize: number;
  /** The size of the ring of dirty pages, in bytes; 0 where there is none. */
  readonly dirtyRingSize: number;
  /** Whether KVM shares all registers. */
  readonly hasSyncRegs: boolean;
}

/** Makes a vCPU of its descriptor, which the vCPU then owns; closes it where the shared pages cannot be mapped. */
export function createVcpu(descriptor: Descriptor, traits: VcpuTraits): VcpuHandle {
  const { libc, fd } = descriptor;
  const { PROT_READ, PROT_WRITE, MAP_SHARED } = linuxConstants;
  const { runSize, dirtyRingSize } = traits;
  let host: HostAddress | undefined;
  try {
    host = libc.mmap(runSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    if (host === undefined) throw callFailed("mmap of the vCPU", libc.errno());
    const ring = dirtyRingSize === 0 ? undefined : new DirtyRing(libc, fd, dirtyRingSize);
    return new VcpuHandle(descriptor, host, traits, ring);
  } catch (error) {
    if (host !== undefined) libc.munmap(host, runSize);
    descriptor.close();
    throw error;
  }
}

/** What stands for the shared pages after the end: nothing may touch what was unmapped. */
const noPage: RunPage = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), kind: "other" };

/** A vCPU, with what a machine asks of it. */
export class VcpuHandle extends VcpuControlCalls implements Vcpu {
  readonly #host: HostAddress;
  readonly #traits: VcpuTraits;
  readonly #ring: DirtyRing | undefined;
  #page: RunPage;
  /** The exit whose answer KVM still waits for. */
  #open: AnswerableExit | undefined;
  #signalMask: Uint8Array | undefined;
  /** Whether the last exit may have stopped in the middle of an instruction. */
  #isIncomplete = false;
  /** Whether registers wait in the shared page for the next `KVM_RUN`. */
  #isDeferred = false;
  #isDebugged = false;
  /** The parts of the registers that KVM is asked to share, and those that it shared last. */
  #wantedSync = 0;
  #validSync = 0;

  constructor(descriptor: Descriptor, host: HostAddress, traits: VcpuTraits, ring: DirtyRing | undefined) {
    super(descriptor, traits.xsaveSize);
    this.#host = host;
    this.#traits = traits;
    this.#ring = ring;
    const shared = descriptor.libc.view(host, traits.runSize);
    this.#page = { bytes: new Uint8Array(shared), view: new DataView(shared), kind: traits.kind };
  }

  /** Whether the last exit may have stopped in the middle of an instruction: {@link complete} then completes it. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  get isOpen(): boolean {
    return this.descriptor.isOpen;
  }

  /** The number of its file descriptor, for another thread to run it by. Throws {@link KvmError} `CLOSED`. */
  get fd(): number {
    return this.descriptor.fd;
  }

  setSyncRegs(parts: readonly SyncPart[]): void {
    const flags = syncFlags(parts);
    this.descriptor.requireOpen();
    if (flags !== 0 && !this.#traits.hasSyncRegs) {
      throw badArgument("this KVM does not share registers", parts, "it has no KVM_CAP_SYNC_REGS, or not all of it");
    }
    requestSync(this.#page, flags);
    this.#wantedSync = flags;
  }

  getSyncRegs(): SyncRegisters {
    this.descriptor.requireOpen();
    if (this.#validSync === 0) {
      throw badArgument("KVM has shared no registers yet", undefined, "call setSyncRegs before the guest runs");
    }
    return readSync(this.#page, this.#validSync);
  }

  putSyncRegs(registers: SyncRegisters): void {
    const encoded = encodeSync(registers);
    if (this.#defer(encoded)) return;
    const { regs, sregs, events } = registers;
    if (sregs !== undefined) this.setSregs(sregs);
    if (regs !== undefined) this.setRegs(regs);
    if (events !== undefined) this.setVcpuEvents(events);
  }

  requestInterruptWindow(isWanted: boolean): void {
    this.descriptor.requireOpen();
    this.#page.view.setUint8(kvmRun.fields.request_interrupt_window[0], isWanted ? 1 : 0);
  }

  getInterruptState(): InterruptState {
    this.descriptor.requireOpen();
    const { view } = this.#page;
    return {
      isReady: readNumber(view, kvmRun.fields.ready_for_interrupt_injection) !== 0,
      interruptFlag: readNumber(view, kvmRun.fields.if_flag) !== 0,
      cr8: readBigint(view, kvmRun.fields.cr8),
      apicBase: readBigint(view, kvmRun.fields.apic_base),
    };
  }

  reapDirtyRing(): readonly DirtyPage[] {
    this.descriptor.requireOpen();
    if (this.#ring !== undefined) return this.#ring.reap();
    throw badArgument("the vCPU has no dirty ring", undefined, "call enableDirtyRing of the VM before createVcpu");
  }

  setGuestDebug({ control, debugreg = [] }: GuestDebug): void {
    const { bytes, view } = newStruct(kvmGuestDebug.size);
    writeField(view, kvmGuestDebug.fields.control, control, "control");
    const [at, size] = kvmGuestDebug.fields["arch.debugreg"];
    if (debugreg.length > size / 8) throw badArgument(`there are 8 debug registers, not ${debugreg.length}`, debugreg);
    for (const [number, value] of debugreg.entries())
      writeField(view, [at + 8 * number, 8], value, `debugreg[${number}]`);
    this.set("KVM_SET_GUEST_DEBUG", bytes, control);
    this.#isDebugged = control !== 0;
  }

  run(): Exit {
    return this.enter() ? this.exit() : { kind: "interrupted" };
  }

  /**
   * `KVM_RUN`, with the answer to the exit before it. `false` where a signal ended it before the guest did: then there is no
   * exit to read. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`.
   */
  enter(): boolean {
    const { fd, libc } = this.descriptor;
    if (this.#open !== undefined) this.#answer(this.#open);
    this.#isDeferred = false;
    this.#validSync = this.#wantedSync;
    if (libc.ioctl(fd, KVM_RUN, 0) >= 0) return true;
    const errno = libc.errno();
    if (errno === EINTR) return false;
    // Registers that KVM refuses would stay there, and be refused again.
    forgetSync(this.#page);
    if ((errno === EFAULT || errno === EHWPOISON) && isMemoryFault(this.#page)) return true;
    throw ioctlFailed("KVM_RUN", errno);
  }

  /** The exit that the last {@link enter} ended with. To be asked for once. */
  exit(): Exit {
    const exit = decodeExit(this.#page);
    if (isAnswerable(exit)) this.#open = exit;
    this.#isIncomplete = exit.kind !== "hlt" && exit.kind !== "debug";
    return exit;
  }

  /**
   * Completes the instruction that the last exit stopped in, without running the guest on: the answer is taken, RIP moves. The
   * next exit where the instruction has another one, as a `rep ins` may; else `undefined`.
   */
  complete(): Exit | undefined {
    const { view } = this.#page;
    const [immediateExit] = kvmRun.fields.immediate_exit;
    if (view.byteLength > 0) view.setUint8(immediateExit, 1);
    try {
      if (this.enter()) return this.exit();
      this.#isIncomplete = false;
      return undefined;
    } finally {
      if (view.byteLength > 0) view.setUint8(immediateExit, 0);
    }
  }

  /** Takes out what the guest wrote to coalesced zones since it was last asked for, in order. @param page the ring's page */
  drainCoalesced(page: number): readonly Exit[] {
    return drainCoalesced(this.#page, page * Number(PAGE_SIZE));
  }

  /** Its state, and that of the controllers of its VM. */
  snapshot(source: Omit<CpuSource, "vcpu">, omit: ReadonlySet<SnapshotPart>): CpuSnapshot {
    this.beforeCall();
    return new CpuSnapshot({ ...source, vcpu: this.descriptor }, omit);
  }

  /** Goes back to a state. An instruction that waits for its answer is completed with 0 first, and then undone. */
  restore(snapshot: CpuSnapshot): void {
    this.#open = undefined;
    if (this.#isIncomplete) {
      while (this.complete() !== undefined) this.#open = undefined;
    }
    snapshot.restore((registers) => this.#defer(registers));
  }

  /** `KVM_SET_SIGNAL_MASK`: the signals that are blocked while in the guest, as the kernel's set; it must not change. */
  setSignalMask(signals: Uint8Array): void {
    const known = this.#signalMask;
    if (signals === known) return;
    if (known?.every((byte, index) => byte === signals[index]) === true) {
      this.#signalMask = signals;
      return;
    }
    const { bytes, view } = newStruct(kvmSignalMask.size + SIGNAL_SET_SIZE);
    writeField(view, kvmSignalMask.fields.len, SIGNAL_SET_SIZE, "len");
    bytes.set(signals, kvmSignalMask.size);
    this.descriptor.ioctlBytes("KVM_SET_SIGNAL_MASK", bytes);
    this.#signalMask = signals;
  }

  close(): void {
    if (!this.descriptor.isOpen) return;
    this.#page = noPage;
    this.#open = undefined;
    this.#ring?.close();
    this.descriptor.libc.munmap(this.#host, this.#traits.runSize);
    this.descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What waits in the shared page is taken before anything is read or set. */
  protected override beforeCall(): void {
    if (this.#isDeferred) this.complete();
  }

  /**
   * Leaves registers in the shared page, for the next `KVM_RUN` to take. `false` where KVM has no such way, or where the vCPU
   * is debugged: a step would be lost.
   */
  #defer(encoded: EncodedSync): boolean {
    this.descriptor.requireOpen();
    if (!this.#traits.hasSyncRegs || this.#isDebugged) return false;
    writeSync(this.#page, encoded);
    this.#isDeferred = true;
    return true;
  }

  /** KVM takes an answer once, whatever ends the `KVM_RUN` that follows. */
  #answer(exit: AnswerableExit): void {
    this.#open = undefined;
    answerExit(exit, this.#page);
  }
}
