/** Exits of interfaces that a guest knows itself to be virtual by: hypercalls, Hyper-V, Xen, TDX, and of the interrupt controller. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { SystemEventName } from "../abi/constants.ts";

/**
 * A hypercall that KVM leaves to user space. Corresponds to `KVM_EXIT_HYPERCALL`; only those that
 * `KVM_CAP_EXIT_HYPERCALL` asks for.
 */
export interface HypercallExit {
  readonly kind: "hypercall";
  /** The hypercall: RAX (Documentation/virt/kvm/x86/hypercalls.rst). */
  readonly number: bigint;
  /** Six arguments of 64 bits. */
  readonly args: readonly bigint[];
  /** Bit 0: the guest was in long mode (`KVM_EXIT_HYPERCALL_LONG_MODE`, asm/kvm.h of Linux 6.6). */
  readonly flags: number;
  /** The answer, to be filled in: RAX after the hypercall; 64 bits, 0 unless set. */
  result: bigint;
}

/** The guest set up Hyper-V's synthetic interrupt controller. Corresponds to `KVM_EXIT_HYPERV` with `KVM_EXIT_HYPERV_SYNIC`. */
export interface HypervSynicExit {
  readonly kind: "hyperv-synic";
  /** The register that was written. */
  readonly msr: number;
  readonly control: bigint;
  readonly eventPage: bigint;
  readonly messagePage: bigint;
}

/** A Hyper-V hypercall. Corresponds to `KVM_EXIT_HYPERV` with `KVM_EXIT_HYPERV_HCALL`. */
export interface HypervHypercallExit {
  readonly kind: "hyperv-hypercall";
  readonly input: bigint;
  /** Two parameters of 64 bits. */
  readonly params: readonly bigint[];
  /** The answer, to be filled in: 64 bits, 0 unless set. */
  result: bigint;
}

/** The guest uses Hyper-V's synthetic debugger. Corresponds to `KVM_EXIT_HYPERV` with `KVM_EXIT_HYPERV_SYNDBG`. */
export interface HypervSyndbgExit {
  readonly kind: "hyperv-syndbg";
  /** The register that was accessed. */
  readonly msr: number;
  readonly control: bigint;
  readonly sendPage: bigint;
  readonly receivePage: bigint;
  readonly pendingPage: bigint;
  /** The answer to a control write, to be filled in: 64 bits; what it was unless set. */
  result: bigint;
}

/** A Xen hypercall. Corresponds to `KVM_EXIT_XEN` with `KVM_EXIT_XEN_HCALL`. */
export interface XenHypercallExit {
  readonly kind: "xen-hypercall";
  readonly longMode: boolean;
  /** The guest's privilege level: 0 to 3. */
  readonly cpl: number;
  readonly input: bigint;
  /** Six parameters of 64 bits. */
  readonly params: readonly bigint[];
  /** The answer, to be filled in: 64 bits, 0 unless set. */
  result: bigint;
}

/** A TDVMCALL that KVM leaves to user space. Corresponds to `KVM_EXIT_TDX` (linux/kvm.h of Linux 6.16). */
export interface TdxExit {
  readonly kind: "tdx";
  readonly flags: bigint;
  /** The leaf of TDVMCALL. */
  readonly number: bigint;
  /** Five numbers of 64 bits: the leaf's arguments, in the order of `struct kvm_run`. */
  readonly data: readonly bigint[];
  /** The answer, to be filled in: 64 bits; as KVM set it unless set. */
  result: bigint;
}

/** The guest, or firmware in its place, asks for the whole system. Corresponds to `KVM_EXIT_SYSTEM_EVENT`. */
export interface SystemEventExit {
  readonly kind: "system-event";
  /** The number of the event, `system_event.type`. */
  readonly type: number;
  /** Its name in linux/kvm.h; `undefined` for a number that has none there. */
  readonly name: SystemEventName | undefined;
  /** Up to 16 numbers of 64 bits; what they mean is the event's. */
  readonly data: readonly bigint[];
}

/** The guest ended a level-triggered interrupt. Corresponds to `KVM_EXIT_IOAPIC_EOI`; with a split irqchip only. */
export interface IoapicEoiExit {
  readonly kind: "ioapic-eoi";
  /** 0 to 255. */
  readonly vector: number;
}

/** The guest can take an interrupt now, as was asked for. Corresponds to `KVM_EXIT_IRQ_WINDOW_OPEN`. */
export interface IrqWindowOpenExit {
  readonly kind: "irq-window-open";
}

/** The guest lowered its task priority. Corresponds to `KVM_EXIT_SET_TPR`; without an irqchip in the kernel only. */
export interface SetTprExit {
  readonly kind: "set-tpr";
  /** The new priority, as CR8 has it: 0 to 15. */
  readonly cr8: bigint;
}

/** The guest accessed the task priority register in memory. Corresponds to `KVM_EXIT_TPR_ACCESS`. */
export interface TprAccessExit {
  readonly kind: "tpr-access";
  /** Where the instruction is. */
  readonly rip: VirtAddr;
  readonly isWrite: boolean;
}

/** The ring of dirty pages is almost full: collect and reset it. Corresponds to `KVM_EXIT_DIRTY_RING_FULL`. */
export interface DirtyRingFullExit {
  readonly kind: "dirty-ring-full";
}

/** A vCPU of an encrypted guest waits to be reset. Corresponds to `KVM_EXIT_AP_RESET_HOLD`. */
export interface ApResetHoldExit {
  readonly kind: "ap-reset-hold";
}

/** The guest locked the bus. Corresponds to `KVM_EXIT_X86_BUS_LOCK`; after `KVM_CAP_X86_BUS_LOCK_EXIT` only. */
export interface BusLockExit {
  readonly kind: "bus-lock";
}

/** No event could be given to the guest for too long. Corresponds to `KVM_EXIT_NOTIFY`; after `KVM_CAP_X86_NOTIFY_VMEXIT`. */
export interface NotifyExit {
  readonly kind: "notify";
  /** `KVM_NOTIFY_CONTEXT_INVALID`: the guest's state is corrupted, and it cannot go on. */
  readonly contextInvalid: boolean;
}

/**
 * The guest accessed memory in a way that KVM cannot resolve: private where it is shared, or the other way round. Corresponds
 * to `KVM_EXIT_MEMORY_FAULT` (linux/kvm.h of Linux 6.8), with which `KVM_RUN` fails.
 */
export interface MemoryFaultExit {
  readonly kind: "memory-fault";
  /** Bit 3, `KVM_MEMORY_EXIT_FLAG_PRIVATE`: the access was to private memory. */
  readonly flags: bigint;
  readonly address: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
}

/** Exits of the interfaces between a guest and its hypervisor. */
export type InterfaceExit =
  | HypercallExit
  | HypervSynicExit
  | HypervHypercallExit
  | HypervSyndbgExit
  | XenHypercallExit
  | TdxExit
  | SystemEventExit
  | IoapicEoiExit
  | IrqWindowOpenExit
  | SetTprExit
  | TprAccessExit
  | DirtyRingFullExit
  | ApResetHoldExit
  | BusLockExit
  | NotifyExit
  | MemoryFaultExit;
