/**
 * The ioctl requests of KVM as data, and the encoding that makes numbers of them. Pure: no system call is made here.
 */

/** The letter of all KVM requests (`KVMIO`, linux/kvm.h). */
export const KVMIO = 0xae;

/**
 * One row a request: which way the argument goes, its number, and the size in bytes of what the argument points to, as
 * the macros `_IO`, `_IOR`, `_IOW` and `_IOWR` of linux/kvm.h give them.
 */
export const ioctls = {
  // /dev/kvm
  KVM_GET_API_VERSION: { direction: "none", nr: 0x00, size: 0 },
  KVM_CREATE_VM: { direction: "none", nr: 0x01, size: 0 },
  KVM_CHECK_EXTENSION: { direction: "none", nr: 0x03, size: 0 },
  KVM_GET_VCPU_MMAP_SIZE: { direction: "none", nr: 0x04, size: 0 },
  KVM_GET_SUPPORTED_CPUID: { direction: "both", nr: 0x05, size: 8 },
  KVM_GET_MSR_INDEX_LIST: { direction: "both", nr: 0x02, size: 4 },
  KVM_GET_MSR_FEATURE_INDEX_LIST: { direction: "both", nr: 0x0a, size: 4 },
  KVM_GET_EMULATED_CPUID: { direction: "both", nr: 0x09, size: 8 },
  KVM_X86_GET_MCE_CAP_SUPPORTED: { direction: "read", nr: 0x9d, size: 8 },
  // a VM
  KVM_CREATE_VCPU: { direction: "none", nr: 0x41, size: 0 },
  KVM_SET_USER_MEMORY_REGION: { direction: "write", nr: 0x46, size: 32 },
  KVM_SET_TSS_ADDR: { direction: "none", nr: 0x47, size: 0 },
  KVM_SET_IDENTITY_MAP_ADDR: { direction: "write", nr: 0x48, size: 8 },
  KVM_REGISTER_COALESCED_MMIO: { direction: "write", nr: 0x67, size: 16 },
  KVM_UNREGISTER_COALESCED_MMIO: { direction: "write", nr: 0x68, size: 16 },
  KVM_SET_NR_MMU_PAGES: { direction: "none", nr: 0x44, size: 0 },
  KVM_SET_BOOT_CPU_ID: { direction: "none", nr: 0x78, size: 0 },
  KVM_CLEAR_DIRTY_LOG: { direction: "both", nr: 0xc0, size: 24 },
  KVM_RESET_DIRTY_RINGS: { direction: "none", nr: 0xc7, size: 0 },
  KVM_GET_DIRTY_LOG: { direction: "write", nr: 0x42, size: 16 },
  KVM_CREATE_IRQCHIP: { direction: "none", nr: 0x60, size: 0 },
  KVM_IRQ_LINE: { direction: "write", nr: 0x61, size: 8 },
  KVM_IRQ_LINE_STATUS: { direction: "both", nr: 0x67, size: 8 },
  KVM_SET_GSI_ROUTING: { direction: "write", nr: 0x6a, size: 8 },
  KVM_REINJECT_CONTROL: { direction: "none", nr: 0x71, size: 0 },
  KVM_GET_IRQCHIP: { direction: "both", nr: 0x62, size: 520 },
  KVM_SET_IRQCHIP: { direction: "read", nr: 0x63, size: 520 },
  KVM_IRQFD: { direction: "write", nr: 0x76, size: 32 },
  KVM_CREATE_PIT2: { direction: "write", nr: 0x77, size: 64 },
  KVM_IOEVENTFD: { direction: "write", nr: 0x79, size: 64 },
  KVM_SET_CLOCK: { direction: "write", nr: 0x7b, size: 48 },
  KVM_GET_CLOCK: { direction: "read", nr: 0x7c, size: 48 },
  KVM_GET_PIT2: { direction: "read", nr: 0x9f, size: 112 },
  KVM_SET_PIT2: { direction: "write", nr: 0xa0, size: 112 },
  KVM_ENABLE_CAP: { direction: "write", nr: 0xa3, size: 104 },
  KVM_SIGNAL_MSI: { direction: "write", nr: 0xa5, size: 32 },
  KVM_SET_PMU_EVENT_FILTER: { direction: "write", nr: 0xb2, size: 32 },
  KVM_X86_SET_MSR_FILTER: { direction: "write", nr: 0xc6, size: 392 },
  // a VM or a vCPU
  KVM_GET_STATS_FD: { direction: "none", nr: 0xce, size: 0 },
  KVM_SET_DEVICE_ATTR: { direction: "write", nr: 0xe1, size: 24 },
  KVM_GET_DEVICE_ATTR: { direction: "write", nr: 0xe2, size: 24 },
  KVM_HAS_DEVICE_ATTR: { direction: "write", nr: 0xe3, size: 24 },
  // a vCPU
  KVM_INTERRUPT: { direction: "write", nr: 0x86, size: 4 },
  KVM_GET_FPU: { direction: "read", nr: 0x8c, size: 416 },
  KVM_SET_FPU: { direction: "write", nr: 0x8d, size: 416 },
  KVM_GET_LAPIC: { direction: "read", nr: 0x8e, size: 1024 },
  KVM_SET_LAPIC: { direction: "write", nr: 0x8f, size: 1024 },
  KVM_GET_MP_STATE: { direction: "read", nr: 0x98, size: 4 },
  KVM_SET_MP_STATE: { direction: "write", nr: 0x99, size: 4 },
  KVM_NMI: { direction: "none", nr: 0x9a, size: 0 },
  KVM_GET_VCPU_EVENTS: { direction: "read", nr: 0x9f, size: 64 },
  KVM_SET_VCPU_EVENTS: { direction: "write", nr: 0xa0, size: 64 },
  KVM_GET_DEBUGREGS: { direction: "read", nr: 0xa1, size: 128 },
  KVM_SET_DEBUGREGS: { direction: "write", nr: 0xa2, size: 128 },
  KVM_SET_TSC_KHZ: { direction: "none", nr: 0xa2, size: 0 },
  KVM_GET_TSC_KHZ: { direction: "none", nr: 0xa3, size: 0 },
  KVM_GET_XSAVE: { direction: "read", nr: 0xa4, size: 4096 },
  KVM_SET_XSAVE: { direction: "write", nr: 0xa5, size: 4096 },
  KVM_GET_XSAVE2: { direction: "read", nr: 0xcf, size: 4096 },
  KVM_GET_XCRS: { direction: "read", nr: 0xa6, size: 392 },
  KVM_SET_XCRS: { direction: "write", nr: 0xa7, size: 392 },
  KVM_RUN: { direction: "none", nr: 0x80, size: 0 },
  KVM_GET_REGS: { direction: "read", nr: 0x81, size: 144 },
  KVM_SET_REGS: { direction: "write", nr: 0x82, size: 144 },
  KVM_GET_SREGS: { direction: "read", nr: 0x83, size: 312 },
  KVM_SET_SREGS: { direction: "write", nr: 0x84, size: 312 },
  KVM_GET_SREGS2: { direction: "read", nr: 0xcc, size: 320 },
  KVM_SET_SREGS2: { direction: "write", nr: 0xcd, size: 320 },
  KVM_TRANSLATE: { direction: "both", nr: 0x85, size: 24 },
  KVM_GET_MSRS: { direction: "both", nr: 0x88, size: 8 },
  KVM_SET_MSRS: { direction: "write", nr: 0x89, size: 8 },
  KVM_SET_SIGNAL_MASK: { direction: "write", nr: 0x8b, size: 4 },
  KVM_SET_CPUID2: { direction: "write", nr: 0x90, size: 8 },
  KVM_GET_CPUID2: { direction: "both", nr: 0x91, size: 8 },
  KVM_TPR_ACCESS_REPORTING: { direction: "both", nr: 0x92, size: 40 },
  KVM_SET_VAPIC_ADDR: { direction: "write", nr: 0x93, size: 8 },
  KVM_X86_SETUP_MCE: { direction: "write", nr: 0x9c, size: 8 },
  KVM_X86_SET_MCE: { direction: "write", nr: 0x9e, size: 64 },
  KVM_KVMCLOCK_CTRL: { direction: "none", nr: 0xad, size: 0 },
  KVM_SMI: { direction: "none", nr: 0xb7, size: 0 },
  KVM_GET_NESTED_STATE: { direction: "both", nr: 0xbe, size: 128 },
  KVM_SET_NESTED_STATE: { direction: "write", nr: 0xbf, size: 128 },
  KVM_SET_GUEST_DEBUG: { direction: "write", nr: 0x9b, size: 72 },
} as const;

/** The name of a request in the table. */
export type IoctlName = keyof typeof ioctls;

/** The direction bits (`_IOC_NONE`, `_IOC_READ`, `_IOC_WRITE`, asm-generic/ioctl.h); user space reads with `_IOC_READ`. */
const directionBits = { none: 0, write: 1, read: 2, both: 3 } as const;

/** Direction in bits 31:30, size in 29:16, letter in 15:8, number in 7:0 (asm-generic/ioctl.h). */
const numbers = Object.fromEntries(
  Object.entries(ioctls).map(([name, { direction, nr, size }]) => [
    name,
    ((directionBits[direction] << 30) | (size << 16) | (KVMIO << 8) | nr) >>> 0,
  ]),
) as Readonly<Record<IoctlName, number>>;

/** The number that `ioctl(2)` takes for a request. */
export function ioctlNumber(name: IoctlName): number {
  return numbers[name];
}
