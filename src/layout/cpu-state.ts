/**
 * The state of the CPU when the guest's first instruction runs: what `KVM_SET_REGS` and `KVM_SET_SREGS` are given.
 */
import type { PhysAddr, VirtAddr } from "../core/address.ts";

/** The names of the segment registers, the task register and the LDT register, as `struct kvm_sregs` orders them. */
export type SegmentName = "cs" | "ds" | "es" | "fs" | "gs" | "ss" | "tr" | "ldt";

/**
 * A segment register with its hidden part. Field for field `struct kvm_segment` of `linux/kvm.h`; the meaning of each
 * field is that of the descriptor's (SDM vol. 3A, 3.4.5).
 */
export interface SegmentState {
  /** 0 to 2^64 - 1. */
  readonly base: bigint;
  /** The last byte of the segment, in bytes, whatever the granularity: with `g` set it ends in 0xfff. */
  readonly limit: number;
  /** Index, table indicator and RPL: 0 to 0xffff. */
  readonly selector: number;
  /** The descriptor's four type bits (SDM vol. 3A, table 3-1 for code and data, 3-2 for system segments). */
  readonly type: number;
  readonly present: 0 | 1;
  readonly dpl: 0 | 1 | 2 | 3;
  readonly db: 0 | 1;
  readonly s: 0 | 1;
  readonly l: 0 | 1;
  readonly g: 0 | 1;
  readonly avl: 0 | 1;
  readonly unusable: 0 | 1;
}

/** GDTR or IDTR: `struct kvm_dtable`. */
export interface DescriptorTableRegister {
  readonly base: VirtAddr;
  /** The offset of the table's last byte: size - 1. 0 to 0xffff. */
  readonly limit: number;
}

/** The general registers at entry. Each 64 bits wide; in 16- and 32-bit modes the upper bits are 0. */
export interface GeneralRegisters {
  readonly rax: bigint;
  readonly rbx: bigint;
  readonly rcx: bigint;
  readonly rdx: bigint;
  readonly rsi: bigint;
  readonly rdi: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly r8: bigint;
  readonly r9: bigint;
  readonly r10: bigint;
  readonly r11: bigint;
  readonly r12: bigint;
  readonly r13: bigint;
  readonly r14: bigint;
  readonly r15: bigint;
  readonly rip: bigint;
  readonly rflags: bigint;
}

/** Everything that `KVM_SET_REGS` and `KVM_SET_SREGS` take for the first instruction. */
export interface CpuState {
  readonly regs: GeneralRegisters;
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  readonly gdt: DescriptorTableRegister;
  readonly idt: DescriptorTableRegister;
  readonly cr0: bigint;
  readonly cr2: VirtAddr;
  readonly cr3: PhysAddr;
  readonly cr4: bigint;
  readonly cr8: bigint;
  readonly efer: bigint;
}
