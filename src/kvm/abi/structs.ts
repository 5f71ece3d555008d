/**
 * The layouts of KVM's structs, as data: linux/kvm.h and asm/kvm.h for x86-64. Every field is `[offset, size]`, in bytes.
 * Pure; the tests compare each row with the C compiler's `offsetof` and `sizeof`.
 */

/** Where a field lies: its offset from the start of its struct and its size, both in bytes. */
export type Field = readonly [offset: number, size: number];

/** A struct: its size in bytes without any flexible array at its end, and its fields. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}

/** `struct kvm_userspace_memory_region`: one memory slot. */
export const kvmUserspaceMemoryRegion = {
  size: 32,
  fields: {
    slot: [0, 4],
    flags: [4, 4],
    guest_phys_addr: [8, 8],
    memory_size: [16, 8],
    userspace_addr: [24, 8],
  },
} as const;

/** `struct kvm_regs`: the general registers. */
export const kvmRegs = {
  size: 144,
  fields: {
    rax: [0, 8],
    rbx: [8, 8],
    rcx: [16, 8],
    rdx: [24, 8],
    rsi: [32, 8],
    rdi: [40, 8],
    rsp: [48, 8],
    rbp: [56, 8],
    r8: [64, 8],
    r9: [72, 8],
    r10: [80, 8],
    r11: [88, 8],
    r12: [96, 8],
    r13: [104, 8],
    r14: [112, 8],
    r15: [120, 8],
    rip: [128, 8],
    rflags: [136, 8],
  },
} as const;

/** `struct kvm_segment`: a segment register with its hidden part. */
export const kvmSegment = {
  size: 24,
  fields: {
    base: [0, 8],
    limit: [8, 4],
    selector: [12, 2],
    type: [14, 1],
    present: [15, 1],
    dpl: [16, 1],
    db: [17, 1],
    s: [18, 1],
    l: [19, 1],
    g: [20, 1],
    avl: [21, 1],
    unusable: [22, 1],
  },
} as const;

/** `struct kvm_dtable`: GDTR or IDTR. */
export const kvmDtable = { size: 16, fields: { base: [0, 8], limit: [8, 2] } } as const;

/** `struct kvm_sregs`: segment, table, control and model-specific registers that decide the CPU's mode. */
export const kvmSregs = {
  size: 312,
  fields: {
    cs: [0, 24],
    ds: [24, 24],
    es: [48, 24],
    fs: [72, 24],
    gs: [96, 24],
    ss: [120, 24],
    tr: [144, 24],
    ldt: [168, 24],
    gdt: [192, 16],
    idt: [208, 16],
    cr0: [224, 8],
    cr2: [232, 8],
    cr3: [240, 8],
    cr4: [248, 8],
    cr8: [256, 8],
    efer: [264, 8],
    apic_base: [272, 8],
    interrupt_bitmap: [280, 32],
  },
} as const;

/** `struct kvm_sregs2`: as `struct kvm_sregs` up to `apic_base`, then the entries that PAE paging loads with CR3. */
export const kvmSregs2 = {
  size: 320,
  fields: { apic_base: [272, 8], flags: [280, 8], pdptrs: [288, 32] },
} as const;

/** `struct kvm_cpuid2`: a header of 8 bytes, then `nent` entries. */
export const kvmCpuid2 = { size: 8, fields: { nent: [0, 4] } } as const;

/** `struct kvm_cpuid_entry2`: what CPUID answers for one leaf and subleaf. */
export const kvmCpuidEntry2 = {
  size: 40,
  fields: {
    function: [0, 4],
    index: [4, 4],
    flags: [8, 4],
    eax: [12, 4],
    ebx: [16, 4],
    ecx: [20, 4],
    edx: [24, 4],
  },
} as const;

/** `struct kvm_msrs`: a header of 8 bytes, then `nmsrs` entries. */
export const kvmMsrs = { size: 8, fields: { nmsrs: [0, 4] } } as const;

/** `struct kvm_msr_entry`: one model-specific register. */
export const kvmMsrEntry = { size: 16, fields: { index: [0, 4], data: [8, 8] } } as const;

/** `struct kvm_coalesced_mmio_zone`: addresses, or ports, whose writes KVM collects. */
export const kvmCoalescedMmioZone = { size: 16, fields: { addr: [0, 8], size: [8, 4], pio: [12, 4] } } as const;

/** `struct kvm_coalesced_mmio`: one write that KVM collected. */
export const kvmCoalescedMmio = {
  size: 24,
  fields: { phys_addr: [0, 8], len: [8, 4], pio: [12, 4], data: [16, 8] },
} as const;

/** `struct kvm_coalesced_mmio_ring`: a header of 8 bytes, then as many writes as fit its page. */
export const kvmCoalescedMmioRing = { size: 8, fields: { first: [0, 4], last: [4, 4] } } as const;

/** `struct kvm_translation`: a linear address and where it leads. */
export const kvmTranslation = {
  size: 24,
  fields: {
    linear_address: [0, 8],
    physical_address: [8, 8],
    valid: [16, 1],
    writeable: [17, 1],
    usermode: [18, 1],
  },
} as const;

/** `struct kvm_signal_mask`: a header of 4 bytes, then the kernel's signal set of `len` = 8 bytes. */
export const kvmSignalMask = { size: 4, fields: { len: [0, 4] } } as const;

/** `struct kvm_guest_debug`: what is to be watched, and the eight debug registers. */
export const kvmGuestDebug = { size: 72, fields: { control: [0, 4], "arch.debugreg": [8, 64] } } as const;

/** `struct kvm_run`: the page that KVM and user space share for one vCPU. What follows offset 32 is a union. */
export const kvmRun = {
  size: 2352,
  fields: {
    request_interrupt_window: [0, 1],
    immediate_exit: [1, 1],
    exit_reason: [8, 4],
    ready_for_interrupt_injection: [12, 1],
    if_flag: [13, 1],
    flags: [14, 2],
    cr8: [16, 8],
    apic_base: [24, 8],
    padding: [32, 256],
    "hw.hardware_exit_reason": [32, 8],
    "fail_entry.hardware_entry_failure_reason": [32, 8],
    "fail_entry.cpu": [40, 4],
    "ex.exception": [32, 4],
    "ex.error_code": [36, 4],
    "io.direction": [32, 1],
    "io.size": [33, 1],
    "io.port": [34, 2],
    "io.count": [36, 4],
    "io.data_offset": [40, 8],
    "debug.arch.exception": [32, 4],
    "debug.arch.pc": [40, 8],
    "debug.arch.dr6": [48, 8],
    "debug.arch.dr7": [56, 8],
    "mmio.phys_addr": [32, 8],
    "mmio.data": [40, 8],
    "mmio.len": [48, 4],
    "mmio.is_write": [52, 1],
    "hypercall.nr": [32, 8],
    "hypercall.args": [40, 48],
    "hypercall.ret": [88, 8],
    "hypercall.longmode": [96, 4],
    "tpr_access.rip": [32, 8],
    "tpr_access.is_write": [40, 4],
    "internal.suberror": [32, 4],
    "internal.ndata": [36, 4],
    "internal.data": [40, 128],
    "emulation_failure.flags": [40, 8],
    "emulation_failure.insn_size": [48, 1],
    "emulation_failure.insn_bytes": [49, 15],
    "system_event.type": [32, 4],
    "system_event.ndata": [36, 4],
    "system_event.data": [40, 128],
    "eoi.vector": [32, 1],
    "hyperv.type": [32, 4],
    "hyperv.u.synic.msr": [40, 4],
    "hyperv.u.synic.control": [48, 8],
    "hyperv.u.synic.evt_page": [56, 8],
    "hyperv.u.synic.msg_page": [64, 8],
    "hyperv.u.hcall.input": [40, 8],
    "hyperv.u.hcall.result": [48, 8],
    "hyperv.u.hcall.params": [56, 16],
    "hyperv.u.syndbg.msr": [40, 4],
    "hyperv.u.syndbg.control": [48, 8],
    "hyperv.u.syndbg.status": [56, 8],
    "hyperv.u.syndbg.send_page": [64, 8],
    "hyperv.u.syndbg.recv_page": [72, 8],
    "hyperv.u.syndbg.pending_page": [80, 8],
    "msr.error": [32, 1],
    "msr.reason": [40, 4],
    "msr.index": [44, 4],
    "msr.data": [48, 8],
    "xen.type": [32, 4],
    "xen.u.hcall.longmode": [40, 4],
    "xen.u.hcall.cpl": [44, 4],
    "xen.u.hcall.input": [48, 8],
    "xen.u.hcall.result": [56, 8],
    "xen.u.hcall.params": [64, 48],
    "notify.flags": [32, 4],
    kvm_valid_regs: [288, 8],
    kvm_dirty_regs: [296, 8],
    "s.regs.regs": [304, 144],
    "s.regs.sregs": [448, 312],
    "s.regs.events": [760, 64],
  },
} as const;

/** What later kernels added to the union of {@link kvmRun}: `memory_fault` in Linux 6.8, `tdx` in Linux 6.16. */
export const newerKvmRun = {
  size: 2352,
  fields: {
    "memory_fault.flags": [32, 8],
    "memory_fault.gpa": [40, 8],
    "memory_fault.size": [48, 8],
    "tdx.flags": [32, 8],
    "tdx.nr": [40, 8],
    "tdx.unknown.ret": [48, 8],
    "tdx.unknown.data": [56, 40],
  },
} as const;

/** Every struct of this file by its C name, for the tests. */
export const structLayouts: Readonly<Record<string, StructLayout>> = {
  kvm_userspace_memory_region: kvmUserspaceMemoryRegion,
  kvm_regs: kvmRegs,
  kvm_segment: kvmSegment,
  kvm_dtable: kvmDtable,
  kvm_sregs: kvmSregs,
  kvm_sregs2: kvmSregs2,
  kvm_cpuid2: kvmCpuid2,
  kvm_cpuid_entry2: kvmCpuidEntry2,
  kvm_msrs: kvmMsrs,
  kvm_msr_entry: kvmMsrEntry,
  kvm_coalesced_mmio_zone: kvmCoalescedMmioZone,
  kvm_coalesced_mmio: kvmCoalescedMmio,
  kvm_coalesced_mmio_ring: kvmCoalescedMmioRing,
  kvm_translation: kvmTranslation,
  kvm_signal_mask: kvmSignalMask,
  kvm_guest_debug: kvmGuestDebug,
  kvm_run: kvmRun,
};
