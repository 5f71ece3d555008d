/** A virtual machine: its memory, its wiring, and the way to its vCPUs. */
import type { PhysAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import { newStruct } from "../abi/fields.ts";
import { kvmXsave } from "../abi/state-structs.ts";
import { Descriptor } from "../host/descriptor.ts";
import type { KvmKind } from "../host/platform.ts";
import { badArgument } from "../kvm-error.ts";
import type { SnapshotPart } from "../snapshot/snapshot-options.ts";
import type { VcpuSnapshot } from "../snapshot/vcpu-snapshot.ts";
import { VmSnapshot } from "../snapshot/vm-snapshot.ts";
import { requirePages } from "./guest-memory.ts";
import { ALL_SYNC_REGS } from "./sync-registers.ts";
import { createVcpu, type Vcpu, type VcpuHandle } from "./vcpu.ts";
import type { VmEvents } from "./vm-events.ts";
import type { VmInterrupts } from "./vm-interrupts.ts";
import { VmMemoryCalls, type VmMemory } from "./vm-memory.ts";
import type { VmState } from "./vm-state.ts";

/**
 * A VM, by its file descriptor: one method an ioctl, named as the kernel names it. Every method throws {@link KvmError}
 * `IOCTL_FAILED` where the kernel refuses, `BAD_ARGUMENT` for what it need not be asked, and `CLOSED` after `close()`.
 */
export interface Vm extends VmMemory, VmInterrupts, VmEvents, VmState {
  /**
   * `KVM_SET_TSS_ADDR`: three pages below 4 GiB, with no memory there, which KVM on Intel CPUs takes for itself to run
   * real mode on CPUs that cannot.
   */
  setTssAddr(at: PhysAddr): void;
  /** `KVM_SET_IDENTITY_MAP_ADDR`: one page of the same kind; before the first vCPU. */
  setIdentityMapAddr(at: PhysAddr): void;
  /** `KVM_SET_BOOT_CPU_ID`: the number of the vCPU that starts; 0 unless said otherwise. Before the first vCPU. */
  setBootCpuId(id: number): void;
  /** `KVM_SET_NR_MMU_PAGES`: how many pages KVM's own tables for the guest may take; at least 64. */
  setNrMmuPages(pages: number): void;
  /** `KVM_CREATE_VCPU`. @param id from 0 to `KVM_CAP_MAX_VCPU_ID` - 1 */
  createVcpu(id: number): Vcpu;
  /** Closes the VM and its vCPUs, then gives its memory back. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Makes a VM of its descriptor, which the VM then owns. @param runSize the size of a vCPU's shared pages, in bytes */
export function createVm(descriptor: Descriptor, runSize: number, kind: KvmKind = "other"): VmHandle {
  return new VmHandle(descriptor, runSize, kind);
}

const ABOVE_4_GIB = 1n << 32n;

/** A VM, with what a machine asks of it. */
export class VmHandle extends VmMemoryCalls implements Vm {
  readonly #runSize: number;
  readonly #kind: KvmKind;
  readonly #vcpus: VcpuHandle[] = [];

  constructor(descriptor: Descriptor, runSize: number, kind: KvmKind) {
    super(descriptor);
    this.#runSize = runSize;
    this.#kind = kind;
  }

  setTssAddr(at: PhysAddr): void {
    requirePages("the address of the TSS pages", at, ABOVE_4_GIB);
    this.descriptor.ioctl("KVM_SET_TSS_ADDR", Number(at));
  }

  setIdentityMapAddr(at: PhysAddr): void {
    requirePages("the address of the identity map", at, ABOVE_4_GIB);
    const { bytes, view } = newStruct(8);
    view.setBigUint64(0, at, true);
    this.descriptor.ioctlBytes("KVM_SET_IDENTITY_MAP_ADDR", bytes, at);
  }

  setBootCpuId(id: number): void {
    this.descriptor.ioctl("KVM_SET_BOOT_CPU_ID", requireCount("no number of a vCPU", id));
  }

  setNrMmuPages(pages: number): void {
    this.descriptor.ioctl("KVM_SET_NR_MMU_PAGES", requireCount("no number of pages", pages));
  }

  createVcpu(id: number): VcpuHandle {
    const { libc } = this.descriptor;
    const fd = this.descriptor.ioctl("KVM_CREATE_VCPU", requireCount("no number of a vCPU", id));
    const vcpu = createVcpu(new Descriptor(libc, fd, "the vCPU"), {
      kind: this.#kind,
      runSize: this.#runSize,
      xsaveSize: Math.max(this.checkExtension("KVM_CAP_XSAVE2"), kvmXsave.size),
      dirtyRingSize: this.dirtyRingSize,
      hasSyncRegs: (this.checkExtension("KVM_CAP_SYNC_REGS") & ALL_SYNC_REGS) === ALL_SYNC_REGS,
    });
    this.#vcpus.push(vcpu);
    return vcpu;
  }

  /** The state of a vCPU. @param msrs the model-specific registers that KVM offers */
  snapshotVcpu(vcpu: VcpuHandle, msrs: readonly number[], omit: ReadonlySet<SnapshotPart>): VcpuSnapshot {
    return vcpu.snapshot({ msrs, xsave2Size: this.checkExtension("KVM_CAP_XSAVE2") }, omit);
  }

  /** The state of the interrupt controllers, the timer and the clock. */
  snapshotControllers(omit: ReadonlySet<SnapshotPart>): VmSnapshot {
    return new VmSnapshot(this.descriptor, omit);
  }

  close(): void {
    // A vCPU keeps its VM alive, and a living VM writes to its memory: so this order.
    for (const vcpu of this.#vcpus) vcpu.close();
    this.closeEventFds();
    this.descriptor.close();
    this.memory.free();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function requireCount(what: string, count: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= 0x7fff_ffff) return count;
  throw badArgument(`${what}: ${show(count)}`, count);
}
