/**
 * The layouts of the structs that hold the rest of a machine's state, and of those that wire it up, as data: linux/kvm.h and
 * asm/kvm.h for x86-64. Every field is `[offset, size]`, in bytes. Pure; the tests compare each row with the C compiler's.
 */
import type { StructLayout } from "./structs.ts";

/** `struct kvm_fpu`: x87 and SSE registers. */
export const kvmFpu = {
  size: 416,
  fields: {
    fpr: [0, 128],
    fcw: [128, 2],
    fsw: [130, 2],
    ftwx: [132, 1],
    last_opcode: [134, 2],
    last_ip: [136, 8],
    last_dp: [144, 8],
    xmm: [152, 256],
    mxcsr: [408, 4],
  },
} as const;

/** `struct kvm_xsave`: an XSAVE area in the layout of CPUID leaf 0xd of the host. */
export const kvmXsave = { size: 4096, fields: { region: [0, 4096] } } as const;

/** `struct kvm_xcrs`: extended control registers. */
export const kvmXcrs = { size: 392, fields: { nr_xcrs: [0, 4], flags: [4, 4], xcrs: [8, 256] } } as const;

/** `struct kvm_xcr`: one of them. */
export const kvmXcr = { size: 16, fields: { xcr: [0, 4], value: [8, 8] } } as const;

/** `struct kvm_debugregs`: DR0 to DR3, DR6 and DR7. */
export const kvmDebugregs = {
  size: 128,
  fields: { db: [0, 32], dr6: [32, 8], dr7: [40, 8], flags: [48, 8] },
} as const;

/** `struct kvm_vcpu_events`: exceptions, interrupts and NMIs on their way. */
export const kvmVcpuEvents = {
  size: 64,
  fields: {
    "exception.injected": [0, 1],
    "exception.nr": [1, 1],
    "exception.has_error_code": [2, 1],
    "exception.pending": [3, 1],
    "exception.error_code": [4, 4],
    "interrupt.injected": [8, 1],
    "interrupt.nr": [9, 1],
    "interrupt.soft": [10, 1],
    "interrupt.shadow": [11, 1],
    "nmi.injected": [12, 1],
    "nmi.pending": [13, 1],
    "nmi.masked": [14, 1],
    sipi_vector: [16, 4],
    flags: [20, 4],
    "smi.smm": [24, 1],
    "smi.pending": [25, 1],
    "smi.smm_inside_nmi": [26, 1],
    "smi.latched_init": [27, 1],
    "triple_fault.pending": [28, 1],
    exception_has_payload: [55, 1],
    exception_payload: [56, 8],
  },
} as const;

/** `struct kvm_mp_state`: whether the vCPU runs, waits or was never started. */
export const kvmMpState = { size: 4, fields: { mp_state: [0, 4] } } as const;

/** `struct kvm_lapic_state`: the registers of the local APIC. */
export const kvmLapicState = { size: 1024, fields: { regs: [0, 1024] } } as const;

/** `struct kvm_irqchip`: one of the interrupt controllers in the kernel. */
export const kvmIrqchip = { size: 520, fields: { chip_id: [0, 4], chip: [8, 512] } } as const;

/** `struct kvm_irq_level`: a line of an interrupt controller. */
export const kvmIrqLevel = { size: 8, fields: { irq: [0, 4], level: [4, 4] } } as const;

/** `struct kvm_pit_config`. */
export const kvmPitConfig = { size: 64, fields: { flags: [0, 4] } } as const;

/** `struct kvm_pit_state2`: the three channels of the timer in the kernel. */
export const kvmPitState2 = { size: 112, fields: { channels: [0, 72], flags: [72, 4] } } as const;

/** `struct kvm_clock_data`: the clock that KVM gives to guests. */
export const kvmClockData = {
  size: 48,
  fields: { clock: [0, 8], flags: [8, 4], realtime: [16, 8], host_tsc: [24, 8] },
} as const;

/** `struct kvm_msi`: a message-signalled interrupt. */
export const kvmMsi = {
  size: 32,
  fields: { address_lo: [0, 4], address_hi: [4, 4], data: [8, 4], flags: [12, 4], devid: [16, 4] },
} as const;

/** `struct kvm_x86_mce`: a machine check. */
export const kvmX86Mce = {
  size: 64,
  fields: { status: [0, 8], addr: [8, 8], misc: [16, 8], mcg_status: [24, 8], bank: [32, 1] },
} as const;

/** `struct kvm_tpr_access_ctl`. */
export const kvmTprAccessCtl = { size: 40, fields: { enabled: [0, 4], flags: [4, 4] } } as const;

/** `struct kvm_vapic_addr`. */
export const kvmVapicAddr = { size: 8, fields: { vapic_addr: [0, 8] } } as const;

/** `struct kvm_nested_state`: a header of 128 bytes, then what the vendor's virtualisation needs. */
export const kvmNestedState = { size: 128, fields: { flags: [0, 2], format: [2, 2], size: [4, 4] } } as const;

/** `struct kvm_interrupt`. */
export const kvmInterrupt = { size: 4, fields: { irq: [0, 4] } } as const;

/** `struct kvm_enable_cap`. */
export const kvmEnableCap = { size: 104, fields: { cap: [0, 4], flags: [4, 4], args: [8, 32] } } as const;

/** `struct kvm_dirty_log`: a slot, and the address of a bitmap with a bit for each page. */
export const kvmDirtyLog = { size: 16, fields: { slot: [0, 4], dirty_bitmap: [8, 8] } } as const;

/** `struct kvm_msr_list`: a header of 4 bytes, then `nmsrs` numbers of 32 bits. */
export const kvmMsrList = { size: 4, fields: { nmsrs: [0, 4] } } as const;

/** `struct kvm_msr_filter`, with its 16 ranges. */
export const kvmMsrFilter = { size: 392, fields: { flags: [0, 4], ranges: [8, 384] } } as const;

/** `struct kvm_msr_filter_range`: model-specific registers, and the address of a bitmap with a bit for each. */
export const kvmMsrFilterRange = {
  size: 24,
  fields: { flags: [0, 4], nmsrs: [4, 4], base: [8, 4], bitmap: [16, 8] },
} as const;

/** Every struct of this file by its C name, for the tests. */
export const stateLayouts: Readonly<Record<string, StructLayout>> = {
  kvm_fpu: kvmFpu,
  kvm_xsave: kvmXsave,
  kvm_xcrs: kvmXcrs,
  kvm_xcr: kvmXcr,
  kvm_debugregs: kvmDebugregs,
  kvm_vcpu_events: kvmVcpuEvents,
  kvm_mp_state: kvmMpState,
  kvm_lapic_state: kvmLapicState,
  kvm_irqchip: kvmIrqchip,
  kvm_irq_level: kvmIrqLevel,
  kvm_pit_config: kvmPitConfig,
  kvm_pit_state2: kvmPitState2,
  kvm_clock_data: kvmClockData,
  kvm_msi: kvmMsi,
  kvm_x86_mce: kvmX86Mce,
  kvm_tpr_access_ctl: kvmTprAccessCtl,
  kvm_vapic_addr: kvmVapicAddr,
  kvm_nested_state: kvmNestedState,
  kvm_interrupt: kvmInterrupt,
  kvm_enable_cap: kvmEnableCap,
  kvm_dirty_log: kvmDirtyLog,
  kvm_msr_list: kvmMsrList,
  kvm_msr_filter: kvmMsrFilter,
  kvm_msr_filter_range: kvmMsrFilterRange,
};
