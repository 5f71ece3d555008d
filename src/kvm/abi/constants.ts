/** The plain numbers of linux/kvm.h and asm/kvm.h that the module uses; the tests compare each with the C compiler's. */

/** The API version that `KVM_GET_API_VERSION` must answer: stable since Linux 2.6.22, and never to change. */
export const KVM_API_VERSION = 12;

/** `KVM_RUN` ended for this reason (`exit_reason` of `struct kvm_run`). */
export const exitReasons = {
  KVM_EXIT_UNKNOWN: 0,
  KVM_EXIT_EXCEPTION: 1,
  KVM_EXIT_IO: 2,
  KVM_EXIT_HYPERCALL: 3,
  KVM_EXIT_DEBUG: 4,
  KVM_EXIT_HLT: 5,
  KVM_EXIT_MMIO: 6,
  KVM_EXIT_IRQ_WINDOW_OPEN: 7,
  KVM_EXIT_SHUTDOWN: 8,
  KVM_EXIT_FAIL_ENTRY: 9,
  KVM_EXIT_INTR: 10,
  KVM_EXIT_SET_TPR: 11,
  KVM_EXIT_TPR_ACCESS: 12,
  KVM_EXIT_NMI: 16,
  KVM_EXIT_INTERNAL_ERROR: 17,
  KVM_EXIT_WATCHDOG: 21,
  KVM_EXIT_SYSTEM_EVENT: 24,
  KVM_EXIT_IOAPIC_EOI: 26,
  KVM_EXIT_HYPERV: 27,
  KVM_EXIT_X86_RDMSR: 29,
  KVM_EXIT_X86_WRMSR: 30,
  KVM_EXIT_DIRTY_RING_FULL: 31,
  KVM_EXIT_AP_RESET_HOLD: 32,
  KVM_EXIT_X86_BUS_LOCK: 33,
  KVM_EXIT_XEN: 34,
  KVM_EXIT_NOTIFY: 37,
  /** Linux 6.8. */
  KVM_EXIT_MEMORY_FAULT: 39,
  /** Linux 6.16. */
  KVM_EXIT_TDX: 40,
} as const;

/** The name of an exit reason, as `linux/kvm.h` spells it. */
export type ExitReasonName = keyof typeof exitReasons;

/** What went wrong inside KVM (`internal.suberror` of `struct kvm_run`). */
export const internalErrors = {
  /** An instruction that KVM had to emulate and cannot. */
  KVM_INTERNAL_ERROR_EMULATION: 1,
  /** Exceptions at the same time that KVM did not expect. */
  KVM_INTERNAL_ERROR_SIMUL_EX: 2,
  /** A VM exit while an event was being delivered. */
  KVM_INTERNAL_ERROR_DELIVERY_EV: 3,
  /** A VM exit with a reason that KVM does not know. */
  KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: 4,
} as const;

/** The name of an internal error, as `linux/kvm.h` spells it. */
export type InternalErrorName = keyof typeof internalErrors;

/** Directions of a port access (`io.direction` of `struct kvm_run`). */
export const ioDirections = { KVM_EXIT_IO_IN: 0, KVM_EXIT_IO_OUT: 1 } as const;

/** `emulation_failure.flags`, bit 0: the instruction's bytes are there. */
export const KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

/** What the guest, or its firmware, asks for (`system_event.type` of `struct kvm_run`). */
export const systemEvents = {
  KVM_SYSTEM_EVENT_SHUTDOWN: 1,
  KVM_SYSTEM_EVENT_RESET: 2,
  KVM_SYSTEM_EVENT_CRASH: 3,
  KVM_SYSTEM_EVENT_WAKEUP: 4,
  KVM_SYSTEM_EVENT_SUSPEND: 5,
  KVM_SYSTEM_EVENT_SEV_TERM: 6,
  /** Linux 6.16. */
  KVM_SYSTEM_EVENT_TDX_FATAL: 7,
} as const;

/** The name of a system event, as `linux/kvm.h` spells it. */
export type SystemEventName = keyof typeof systemEvents;

/** Why an access to a model-specific register exits: asked for by `KVM_CAP_X86_USER_SPACE_MSR`, told in `msr.reason`. */
export const msrExitReasons = {
  /** KVM refuses the access: the guest would get a #GP. */
  KVM_MSR_EXIT_REASON_INVAL: 1,
  /** KVM does not know the register. */
  KVM_MSR_EXIT_REASON_UNKNOWN: 2,
  /** The filter of `KVM_X86_SET_MSR_FILTER` denies the access. */
  KVM_MSR_EXIT_REASON_FILTER: 4,
} as const;

/** Kinds of `KVM_EXIT_HYPERV` (`hyperv.type` of `struct kvm_run`). */
export const hypervExits = {
  KVM_EXIT_HYPERV_SYNIC: 1,
  KVM_EXIT_HYPERV_HCALL: 2,
  KVM_EXIT_HYPERV_SYNDBG: 3,
} as const;

/** `xen.type` of `struct kvm_run`: the only kind of `KVM_EXIT_XEN`. */
export const KVM_EXIT_XEN_HCALL = 1;

/** `notify.flags`, bit 0: the guest cannot go on. */
export const KVM_NOTIFY_CONTEXT_INVALID = 1;

/** Numbers that linux/kvm.h of Linux 6.1 does not have yet, and the version that brought them. */
export const newerThan61: Readonly<Record<string, string>> = {
  KVM_EXIT_MEMORY_FAULT: "6.8",
  KVM_EXIT_TDX: "6.16",
  KVM_SYSTEM_EVENT_TDX_FATAL: "6.16",
};

/** What `KVM_SET_GUEST_DEBUG` may be asked for, to be joined with `|` (`kvm_guest_debug.control`). */
export const guestDebugFlags = {
  /** Without it nothing of the rest is in force. */
  KVM_GUESTDBG_ENABLE: 0x1,
  /** A debug exit after every instruction. */
  KVM_GUESTDBG_SINGLESTEP: 0x2,
  /** A debug exit on `int3`. */
  KVM_GUESTDBG_USE_SW_BP: 0x10000,
  /** The debug registers given are in force in the guest's place. */
  KVM_GUESTDBG_USE_HW_BP: 0x20000,
  /** Give the guest a #DB. */
  KVM_GUESTDBG_INJECT_DB: 0x40000,
  /** Give the guest a #BP. */
  KVM_GUESTDBG_INJECT_BP: 0x80000,
  /** No interrupts while stepping. */
  KVM_GUESTDBG_BLOCKIRQ: 0x100000,
} as const;

/** What a memory slot may be asked for, to be joined with `|` (`kvm_userspace_memory_region.flags`). */
export const memoryFlags = {
  /** Keep a log of the pages written to. */
  KVM_MEM_LOG_DIRTY_PAGES: 1,
  /** Writes do not reach the memory: they are MMIO exits (KVM_CAP_READONLY_MEM). */
  KVM_MEM_READONLY: 2,
} as const;

/** What an irqfd may be asked for (`kvm_irqfd.flags`). */
export const irqfdFlags = { KVM_IRQFD_FLAG_DEASSIGN: 1, KVM_IRQFD_FLAG_RESAMPLE: 2 } as const;

/** What an ioeventfd may be asked for (`kvm_ioeventfd.flags`). */
export const ioeventfdFlags = {
  KVM_IOEVENTFD_FLAG_DATAMATCH: 1,
  KVM_IOEVENTFD_FLAG_PIO: 2,
  KVM_IOEVENTFD_FLAG_DEASSIGN: 4,
} as const;

/** Where an interrupt line may lead (`kvm_irq_routing_entry.type`). */
export const routingTypes = { KVM_IRQ_ROUTING_IRQCHIP: 1, KVM_IRQ_ROUTING_MSI: 2 } as const;

/** Interrupt controllers in the kernel (`kvm_irqchip.chip_id`). */
export const irqchipIds = { KVM_IRQCHIP_PIC_MASTER: 0, KVM_IRQCHIP_PIC_SLAVE: 1, KVM_IRQCHIP_IOAPIC: 2 } as const;

/** The state of an entry of a dirty ring (`kvm_dirty_gfn.flags`). */
export const dirtyGfnFlags = { KVM_DIRTY_GFN_F_DIRTY: 1, KVM_DIRTY_GFN_F_RESET: 2 } as const;

/** The page of a vCPU's descriptor at which its dirty ring is mapped. */
export const KVM_DIRTY_LOG_PAGE_OFFSET = 64;

/** `kvm_sregs2.flags`: the page-directory-pointer table entries are there. */
export const KVM_SREGS2_FLAGS_PDPTRS_VALID = 1;

/** Parts of the registers that KVM shares in `kvm_run` (`kvm_valid_regs`, `kvm_dirty_regs`). */
export const syncRegisterFlags = { KVM_SYNC_X86_REGS: 1, KVM_SYNC_X86_SREGS: 2, KVM_SYNC_X86_EVENTS: 4 } as const;

/** `kvm_pmu_event_filter.action`. */
export const pmuEventActions = { KVM_PMU_EVENT_ALLOW: 0, KVM_PMU_EVENT_DENY: 1 } as const;

/** Parts of `kvm_stats_desc.flags`: what a statistic counts, in which unit, and to which base its exponent is. */
export const statisticMasks = {
  KVM_STATS_TYPE_MASK: 0xf,
  KVM_STATS_UNIT_MASK: 0xf0,
  KVM_STATS_BASE_MASK: 0xf00,
} as const;

/** The kinds of statistics. */
export const statisticTypes = {
  KVM_STATS_TYPE_CUMULATIVE: 0x0,
  KVM_STATS_TYPE_INSTANT: 0x1,
  KVM_STATS_TYPE_PEAK: 0x2,
  KVM_STATS_TYPE_LINEAR_HIST: 0x3,
  KVM_STATS_TYPE_LOG_HIST: 0x4,
} as const;

/** The units of statistics. */
export const statisticUnits = {
  KVM_STATS_UNIT_NONE: 0x00,
  KVM_STATS_UNIT_BYTES: 0x10,
  KVM_STATS_UNIT_SECONDS: 0x20,
  KVM_STATS_UNIT_CYCLES: 0x30,
  KVM_STATS_UNIT_BOOLEAN: 0x40,
} as const;

/** The bases of the exponents of statistics. */
export const statisticBases = { KVM_STATS_BASE_POW10: 0x000, KVM_STATS_BASE_POW2: 0x100 } as const;
