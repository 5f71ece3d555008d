/** The pages that KVM shares for a vCPU, as far as they hold more than exits: registers, interrupts, dirty pages; debugging. */
import { newStruct, readBigint, readNumber, writeField, writeWords } from "../abi/fields.ts";
import { kvmGuestDebug, kvmRun } from "../abi/structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import type { HostAddress } from "../host/libc.ts";
import type { KvmKind } from "../host/platform.ts";
import { badArgument } from "../kvm-error.ts";
import { requireList, requireObject } from "../shapes.ts";
import type { DirtyPage, DirtyRing } from "./dirty-ring.ts";
import type { RunPage } from "./run-page.ts";
import {
  encodeSync,
  readSync,
  requestSync,
  syncFlags,
  writeSync,
  type EncodedSync,
  type SyncPart,
  type SyncRegisters,
} from "./sync-registers.ts";
import { VcpuControlCalls } from "./vcpu-control.ts";

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

/** The part of a vCPU that lies in the shared pages. */
export interface VcpuPages {
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
   * debugged, since KVM would lose a step else. `regs` at an input exit are as those of `setRegs`.
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
}

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

/** What stands for the shared pages after the end: nothing may touch what was unmapped. */
const noPage: RunPage = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), kind: "other" };

/** The methods of {@link VcpuPages}, on a descriptor and its shared pages. */
export class VcpuPageCalls extends VcpuControlCalls implements VcpuPages {
  protected page: RunPage;
  /** Whether registers wait in the shared page for the next `KVM_RUN`. */
  protected isDeferred = false;
  /** The parts of the registers that KVM is asked to share, and those that it shared last. */
  protected wantedSync = 0;
  protected validSync = 0;
  readonly #host: HostAddress;
  readonly #traits: VcpuTraits;
  readonly #ring: DirtyRing | undefined;
  #isDebugged = false;

  constructor(descriptor: Descriptor, host: HostAddress, traits: VcpuTraits, ring: DirtyRing | undefined) {
    super(descriptor, traits.xsaveSize);
    this.#host = host;
    this.#traits = traits;
    this.#ring = ring;
    const shared = descriptor.libc.view(host, traits.runSize);
    this.page = { bytes: new Uint8Array(shared), view: new DataView(shared), kind: traits.kind };
  }

  setSyncRegs(parts: readonly SyncPart[]): void {
    const flags = syncFlags(parts);
    this.descriptor.requireOpen();
    if (flags !== 0 && !this.#traits.hasSyncRegs) {
      throw badArgument("this KVM does not share registers", parts, "it has no KVM_CAP_SYNC_REGS, or not all of it");
    }
    requestSync(this.page, flags);
    this.wantedSync = flags;
  }

  getSyncRegs(): SyncRegisters {
    this.descriptor.requireOpen();
    if (this.validSync === 0) {
      throw badArgument("KVM has shared no registers yet", undefined, "call setSyncRegs before the guest runs");
    }
    return readSync(this.page, this.validSync);
  }

  putSyncRegs(registers: SyncRegisters): void {
    const encoded = encodeSync(registers);
    if (this.defer(encoded)) return;
    const { regs, sregs, events } = registers;
    if (sregs !== undefined) this.setSregs(sregs);
    if (regs !== undefined) this.setRegs(regs);
    if (events !== undefined) this.setVcpuEvents(events);
  }

  requestInterruptWindow(isWanted: boolean): void {
    this.descriptor.requireOpen();
    this.page.view.setUint8(kvmRun.fields.request_interrupt_window[0], isWanted ? 1 : 0);
  }

  getInterruptState(): InterruptState {
    this.descriptor.requireOpen();
    const { view } = this.page;
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

  setGuestDebug(debug: GuestDebug): void {
    const { bytes, view } = newStruct(kvmGuestDebug.size);
    const { control, debugreg = [] } = requireObject("what setGuestDebug takes", debug);
    writeField(view, kvmGuestDebug.fields.control, control, "control");
    const [at, size] = kvmGuestDebug.fields["arch.debugreg"];
    const { length } = requireList("debugreg", debugreg);
    if (length > size / 8) throw badArgument(`there are 8 debug registers, not ${length}`, debugreg);
    writeWords(view, at, debugreg, "debugreg");
    this.set("KVM_SET_GUEST_DEBUG", bytes, control);
    this.#isDebugged = control !== 0;
  }

  /** Gives the pages back. To be called once. */
  protected unmap(): void {
    this.page = noPage;
    this.#ring?.close();
    this.descriptor.libc.munmap(this.#host, this.#traits.runSize);
  }

  /**
   * Leaves registers in the shared page, for the next `KVM_RUN` to take. `false` where KVM has no such way, or where the vCPU
   * is debugged: a step would be lost.
   */
  protected defer(encoded: EncodedSync): boolean {
    this.descriptor.requireOpen();
    if (!this.#traits.hasSyncRegs || this.#isDebugged) return false;
    writeSync(this.page, encoded);
    this.isDeferred = true;
    return true;
  }
}
