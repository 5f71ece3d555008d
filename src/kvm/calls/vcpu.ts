/** A virtual CPU: its registers, and the way into the guest. */
import { constants } from "node:os";
import { newStruct, writeField } from "../abi/fields.ts";
import { ioctlNumber } from "../abi/ioctls.ts";
import { linuxConstants, SIGNAL_SET_SIZE } from "../abi/linux.ts";
import { kvmRun, kvmSignalMask } from "../abi/structs.ts";
import { answerExit, isAnswerable } from "../exits/answer-exit.ts";
import { decodeExit, isMemoryFault } from "../exits/decode-exit.ts";
import type { AnswerableExit, Exit } from "../exits/exits.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { callFailed, ioctlFailed } from "../host/host-error.ts";
import type { HostAddress } from "../host/libc.ts";
import type { SnapshotPart } from "../snapshot/snapshot-options.ts";
import { VcpuSnapshot, type VcpuSource } from "../snapshot/vcpu-snapshot.ts";
import { drainCoalesced } from "./coalesced.ts";
import { DirtyRing } from "./dirty-ring.ts";
import { PAGE_SIZE } from "./guest-memory.ts";
import { forgetSync, type EncodedSync } from "./sync-registers.ts";
import type { VcpuControl } from "./vcpu-control.ts";
import { VcpuPageCalls, type VcpuPages, type VcpuTraits } from "./vcpu-pages.ts";
import type { VcpuRegisters } from "./vcpu-registers.ts";
import type { VcpuState } from "./vcpu-state.ts";

/**
 * A vCPU, by its file descriptor: one method an ioctl, named as the kernel names it. Every method throws {@link KvmError}
 * `IOCTL_FAILED` where the kernel refuses, `BAD_ARGUMENT` for what it need not be asked, and `CLOSED` after `close()`.
 */
export interface Vcpu extends VcpuRegisters, VcpuState, VcpuControl, VcpuPages {
  /**
   * `KVM_RUN`: until the next exit. There is no deadline here: a guest that spins holds the thread for ever, and only a
   * signal ends it, as `interrupted`. `Machine.run` has one; the signal of its clock, too, can interrupt this method where
   * it is called between two exits of such a run.
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

/** A vCPU, with what a machine asks of it. */
export class VcpuHandle extends VcpuPageCalls implements Vcpu {
  /** The exit whose answer KVM still waits for. */
  #open: AnswerableExit | undefined;
  #signalMask: Uint8Array | undefined;
  /** Whether the last exit may have stopped in the middle of an instruction. */
  #isIncomplete = false;
  /** The exit that came while an instruction was completed for a call. */
  #early: Exit | undefined;

  /** What is to be over before it is closed: the thread that runs it, where it has one of its own. */
  beforeClose: () => void = () => undefined;

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

  run(): Exit {
    return this.enter() ? this.exit() : { kind: "interrupted" };
  }

  /**
   * `KVM_RUN`, with the answer to the exit before it. `false` where a signal ended it before the guest did: then there is no
   * exit to read. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`.
   */
  enter(): boolean {
    const { fd, libc } = this.descriptor;
    if (this.#early !== undefined) return true;
    if (this.#open !== undefined) this.#answer(this.#open);
    this.isDeferred = false;
    this.validSync = this.wantedSync;
    if (libc.ioctl(fd, KVM_RUN, 0) >= 0) return true;
    const errno = libc.errno();
    if (errno === EINTR) return false;
    // Registers that KVM refuses would stay there, and be refused again.
    forgetSync(this.page);
    if ((errno === EFAULT || errno === EHWPOISON) && isMemoryFault(this.page)) return true;
    throw ioctlFailed("KVM_RUN", errno);
  }

  /** The exit that the last {@link enter} ended with. To be asked for once. */
  exit(): Exit {
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) return early;
    const exit = decodeExit(this.page);
    if (isAnswerable(exit)) this.#open = exit;
    this.#isIncomplete = exit.kind !== "hlt" && exit.kind !== "debug";
    return exit;
  }

  /**
   * Completes the instruction that the last exit stopped in, without running the guest on: the answer is taken, RIP moves. The
   * next exit where the instruction has another one, as a `rep ins` may; else `undefined`.
   */
  complete(): Exit | undefined {
    const { view } = this.page;
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
    return drainCoalesced(this.page, page * Number(PAGE_SIZE));
  }

  /** Its state. */
  snapshot(source: VcpuSource, omit: ReadonlySet<SnapshotPart>): VcpuSnapshot {
    this.beforeCall();
    return new VcpuSnapshot(this.descriptor, source, omit);
  }

  /** Gives up the instruction that waits for its answer: it is completed with 0, for {@link restore} to undo. */
  abandon(): void {
    this.#open = undefined;
    if (this.#isIncomplete) {
      while (this.complete() !== undefined) this.#open = undefined;
    }
  }

  /** Goes back to a state. */
  restore(snapshot: VcpuSnapshot): void {
    snapshot.restore((registers) => this.defer(registers));
  }

  /**
   * `KVM_SET_SIGNAL_MASK`: the signals that are blocked while in the guest, as the kernel's set; it must not change.
   * `undefined` for those of the thread.
   */
  setSignalMask(signals: Uint8Array | undefined): void {
    const known = this.#signalMask;
    if (signals === known) return;
    if (signals === undefined) {
      this.descriptor.ioctl("KVM_SET_SIGNAL_MASK");
    } else if (known?.every((byte, index) => byte === signals[index]) !== true) {
      const { bytes, view } = newStruct(kvmSignalMask.size + SIGNAL_SET_SIZE);
      writeField(view, kvmSignalMask.fields.len, SIGNAL_SET_SIZE, "len");
      bytes.set(signals, kvmSignalMask.size);
      this.descriptor.ioctlBytes("KVM_SET_SIGNAL_MASK", bytes);
    }
    this.#signalMask = signals;
  }

  close(): void {
    if (!this.descriptor.isOpen) return;
    this.beforeClose();
    this.#open = undefined;
    this.unmap();
    this.descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * What waits in the shared page is taken before anything is read or set. Where the instruction that is completed with it has
   * another exit, that is the next one.
   */
  protected override beforeCall(): void {
    if (this.isDeferred) this.#early = this.complete();
  }

  /** Not while an exit waits to be taken: the guest is entered after that only, and calls see no deferred registers. */
  protected override defer(encoded: EncodedSync): boolean {
    this.descriptor.requireOpen();
    return this.#early === undefined && super.defer(encoded);
  }

  /** KVM takes an answer once, whatever ends the `KVM_RUN` that follows. */
  #answer(exit: AnswerableExit): void {
    this.#open = undefined;
    answerExit(exit, this.page);
  }
}
