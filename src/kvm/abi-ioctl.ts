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
  // a VM
  KVM_CREATE_VCPU: { direction: "none", nr: 0x41, size: 0 },
  KVM_SET_USER_MEMORY_REGION: { direction: "write", nr: 0x46, size: 32 },
  KVM_SET_TSS_ADDR: { direction: "none", nr: 0x47, size: 0 },
  KVM_SET_IDENTITY_MAP_ADDR: { direction: "write", nr: 0x48, size: 8 },
  KVM_REGISTER_COALESCED_MMIO: { direction: "write", nr: 0x67, size: 16 },
  KVM_UNREGISTER_COALESCED_MMIO: { direction: "write", nr: 0x68, size: 16 },
  // a vCPU
  KVM_RUN: { direction: "none", nr: 0x80, size: 0 },
  KVM_GET_REGS: { direction: "read", nr: 0x81, size: 144 },
  KVM_SET_REGS: { direction: "write", nr: 0x82, size: 144 },
  KVM_GET_SREGS: { direction: "read", nr: 0x83, size: 312 },
  KVM_SET_SREGS: { direction: "write", nr: 0x84, size: 312 },
  KVM_TRANSLATE: { direction: "both", nr: 0x85, size: 24 },
  KVM_GET_MSRS: { direction: "both", nr: 0x88, size: 8 },
  KVM_SET_MSRS: { direction: "write", nr: 0x89, size: 8 },
  KVM_SET_SIGNAL_MASK: { direction: "write", nr: 0x8b, size: 4 },
  KVM_SET_CPUID2: { direction: "write", nr: 0x90, size: 8 },
  KVM_SET_GUEST_DEBUG: { direction: "write", nr: 0x9b, size: 72 },
} as const;

/** The name of a request in the table. */
export type IoctlName = keyof typeof ioctls;

/** The direction bits (`_IOC_NONE`, `_IOC_READ`, `_IOC_WRITE`, asm-generic/ioctl.h); user space reads with `_IOC_READ`. */
const directionBits = { none: 0, write: 1, read: 2, both: 3 } as const;

/**
 * The number that `ioctl(2)` takes for a request: direction in bits 31:30, size in 29:16, letter in 15:8, number in 7:0
 * (asm-generic/ioctl.h).
 */
export function ioctlNumber(name: IoctlName): number {
  const { direction, nr, size } = ioctls[name];
  return ((directionBits[direction] << 30) | (size << 16) | (KVMIO << 8) | nr) >>> 0;
}
