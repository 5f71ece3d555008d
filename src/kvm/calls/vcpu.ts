/** A virtual CPU: its registers, and the way into the guest. */
import { constants } from "node:os";
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import { kvmGuestDebug, kvmRegs, kvmRun, kvmSignalMask, kvmSregs, kvmTranslation } from "../abi/structs.ts";
import { ioctlNumber } from "../abi/ioctls.ts";
import { linuxConstants, SIGNAL_SET_SIZE } from "../abi/linux.ts";
import { CpuSnapshot, type CpuSource, type SnapshotPart } from "../snapshot/cpu-snapshot.ts";
import { drainCoalesced } from "./coalesced.ts";
import { encodeCpuid, type CpuidEntry } from "./cpuid.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { answerExit, isAnswerable } from "../exits/answer-exit.ts";
import { decodeExit, isMemoryFault } from "../exits/decode-exit.ts";
import type { AnswerableExit, Exit } from "../exits/exits.ts";
import { newStruct, readBigint, readNumber, writeField } from "../abi/fields.ts";
import { VcpuStateCalls, type VcpuState } from "./vcpu-state.ts";
import { callFailed, ioctlFailed, msrRefused } from "../host/host-error.ts";
import { PAGE_SIZE } from "./guest-memory.ts";
import { badArgument, closed } from "../kvm-error.ts";
import type { HostAddress } from "../host/libc.ts";
import { encodeMsrs, msrValue, type Msr } from "./msrs.ts";
import type { KvmKind } from "../host/platform.ts";
import {
  decodeRegisters,
  decodeSpecialRegisters,
  encodeRegisters,
  encodeSpecialRegisters,
  type SpecialRegisters,
} from "./registers.ts";
import type { RunPage } from "./run-page.ts";

/** Where a linear address leads, by the guest's present paging mode and tables: `KVM_TRANSLATE`. */
export interface Translation {
  /** Meaningless unless `valid`. */
  readonly physicalAddress: PhysAddr;
  /** Whether the address leads anywhere. */
  readonly valid: boolean;
  /** KVM on x86 always says so. */
  readonly writeable: boolean;
  /** KVM on x86 never says so. */
  readonly usermode: boolean;
}

/** What `KVM_SET_GUEST_DEBUG` is to watch. */
export interface GuestDebug {
  /** Any of {@link guestDebugFlags}, joined with `|`; 0 switches all off. */
  readonly control: number;
  /** DR0 to DR7, for `KVM_GUESTDBG_USE_HW_BP`: eight numbers of 64 bits. All 0 unless given. */
  readonly debugreg?: readonly bigint[];
}

/**
 * A vCPU, by its file descriptor: one method an ioctl, named as the kernel names it. Every method throws {@link KvmError}
 * `IOCTL_FAILED` where the kernel refuses, `BAD_ARGUMENT` for what it need not be asked, and `CLOSED` after `close()`.
 */
export interface Vcpu extends VcpuState {
  /** `KVM_GET_REGS`. While an input exit waits for its answer, they are those before the instruction. */
  getRegs(): GeneralRegisters;
  /** `KVM_SET_REGS`. */
  setRegs(registers: GeneralRegisters): void;
  /** `KVM_GET_SREGS`. */
  getSregs(): SpecialRegisters;
  /** `KVM_SET_SREGS`. KVM may take less than it is given without a word: read them back. After `setCpuid2`. */
  setSregs(registers: SpecialRegisters): void;
  /** `KVM_SET_CPUID2`: what CPUID says in the guest, and so what its registers may hold. Before all else. */
  setCpuid2(entries: readonly CpuidEntry[]): void;
  /** `KVM_GET_MSRS`, in the order asked for. Throws {@link KvmError} `PARTLY_DONE` at the first that KVM does not have. */
  getMsrs(indices: readonly number[]): readonly bigint[];
  /** `KVM_SET_MSRS`. Throws {@link KvmError} `PARTLY_DONE` at the first that KVM refuses; those before it are set. */
  setMsrs(msrs: readonly Msr[]): void;
  /** `KVM_TRANSLATE`. */
  translate(address: VirtAddr): Translation;
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

/** Makes a vCPU of its descriptor, which the vCPU then owns; closes it where the shared pages cannot be mapped. */
export function createVcpu(descriptor: Descriptor, runSize: number, kind: KvmKind, hasSyncRegs: boolean): VcpuHandle {
  const { libc } = descriptor;
  const { PROT_READ, PROT_WRITE, MAP_SHARED } = linuxConstants;
  const host = libc.mmap(runSize, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.fd);
  if (host === undefined) {
    const error = callFailed("mmap of the vCPU", libc.errno());
    descriptor.close();
    throw error;
  }
  return new VcpuHandle(descriptor, host, runSize, kind, hasSyncRegs);
}

/** What stands for the shared pages after the end: nothing may touch what was unmapped. */
const noPage: RunPage = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), kind: "other" };

/** A vCPU, with what a machine asks of it. */
export class VcpuHandle extends VcpuStateCalls implements Vcpu {
  readonly #host: HostAddress;
  readonly #runSize: number;
  #page: RunPage;
  /** The exit whose answer KVM still waits for. */
  #open: AnswerableExit | undefined;
  #signalMask: Uint8Array | undefined;
  /** Whether the last exit may have stopped in the middle of an instruction. */
  #isIncomplete = false;
  /** Whether registers wait in the shared page for the next `KVM_RUN`. */
  #isDeferred = false;
  #isDebugged = false;
  readonly #syncRegs: boolean;

  constructor(descriptor: Descriptor, host: HostAddress, runSize: number, kind: KvmKind, hasSyncRegs: boolean) {
    super(descriptor);
    this.#host = host;
    this.#runSize = runSize;
    this.#syncRegs = hasSyncRegs;
    const shared = descriptor.libc.view(host, runSize);
    this.#page = { bytes: new Uint8Array(shared), view: new DataView(shared), kind };
  }

  /** Whether the last exit may have stopped in the middle of an instruction: {@link complete} then completes it. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  get isOpen(): boolean {
    return this.descriptor.isOpen;
  }

  getRegs(): GeneralRegisters {
    return decodeRegisters(this.get("KVM_GET_REGS", kvmRegs.size).view);
  }

  setRegs(registers: GeneralRegisters): void {
    this.set("KVM_SET_REGS", encodeRegisters(registers), registers);
  }

  getSregs(): SpecialRegisters {
    return decodeSpecialRegisters(this.get("KVM_GET_SREGS", kvmSregs.size).view);
  }

  setSregs(registers: SpecialRegisters): void {
    this.set("KVM_SET_SREGS", encodeSpecialRegisters(registers), registers);
  }

  setCpuid2(entries: readonly CpuidEntry[]): void {
    this.set("KVM_SET_CPUID2", encodeCpuid(entries), entries);
  }

  getMsrs(indices: readonly number[]): readonly bigint[] {
    const { bytes, view } = encodeMsrs(indices.map((index) => ({ index, data: 0n })));
    const done = this.set("KVM_GET_MSRS", bytes, indices);
    if (done < indices.length) throw msrRefused("KVM_GET_MSRS", indices[done]!, done);
    return indices.map((_, number) => msrValue(view, number));
  }

  setMsrs(msrs: readonly Msr[]): void {
    const done = this.set("KVM_SET_MSRS", encodeMsrs(msrs).bytes, msrs);
    if (done < msrs.length) throw msrRefused("KVM_SET_MSRS", msrs[done]!.index, done);
  }

  translate(address: VirtAddr): Translation {
    const { bytes, view } = newStruct(kvmTranslation.size);
    writeField(view, kvmTranslation.fields.linear_address, address, "the linear address");
    this.set("KVM_TRANSLATE", bytes, address);
    return {
      physicalAddress: readBigint(view, kvmTranslation.fields.physical_address),
      valid: readNumber(view, kvmTranslation.fields.valid) !== 0,
      writeable: readNumber(view, kvmTranslation.fields.writeable) !== 0,
      usermode: readNumber(view, kvmTranslation.fields.usermode) !== 0,
    };
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
    if (libc.ioctl(fd, KVM_RUN, 0) >= 0) return true;
    const errno = libc.errno();
    if (errno === EINTR) return false;
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
    snapshot.restore((regs, sregs, events) => this.#setBySync(regs, sregs, events));
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
    this.descriptor.libc.munmap(this.#host, this.#runSize);
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
  #setBySync(regs: Uint8Array, sregs: Uint8Array, events: Uint8Array): boolean {
    if (!this.descriptor.isOpen) throw closed("the vCPU");
    if (!this.#syncRegs || this.#isDebugged) return false;
    const { bytes, view } = this.#page;
    bytes.set(regs, kvmRun.fields["s.regs.regs"][0]);
    bytes.set(sregs, kvmRun.fields["s.regs.sregs"][0]);
    bytes.set(events, kvmRun.fields["s.regs.events"][0]);
    view.setUint32(kvmRun.fields.kvm_dirty_regs[0], ALL_SYNC_REGS, true);
    this.#isDeferred = true;
    return true;
  }

  /** KVM takes an answer once, whatever ends the `KVM_RUN` that follows. */
  #answer(exit: AnswerableExit): void {
    this.#open = undefined;
    answerExit(exit, this.#page);
  }
}

/** `KVM_SYNC_X86_REGS`, `KVM_SYNC_X86_SREGS` and `KVM_SYNC_X86_EVENTS` (asm/kvm.h). */
export const ALL_SYNC_REGS = 7;
