/** Exits on which the guest asks its host for something: ports, memory that is none, model-specific registers. */
import type { PhysAddr } from "../../core/address.ts";

/** The guest wrote to a port. Corresponds to `KVM_EXIT_IO` with `KVM_EXIT_IO_OUT`. */
export interface IoOutExit {
  readonly kind: "io-out";
  /** 0 to 0xffff. */
  readonly port: number;
  /** Of one access, in bytes: 1, 2 or 4. */
  readonly size: number;
  /** How many accesses: more than 1 where KVM joins those of `rep outs`, and for coalesced ports. */
  readonly count: number;
  /** What was written: `size * count` bytes, a copy. */
  readonly data: Uint8Array;
}

/**
 * The guest reads from a port. Corresponds to `KVM_EXIT_IO` with `KVM_EXIT_IO_IN`. Write the answer into `data`: it is
 * taken when the guest goes on, and only then is the instruction complete.
 */
export interface IoInExit {
  readonly kind: "io-in";
  /** 0 to 0xffff. */
  readonly port: number;
  /** Of one access, in bytes: 1, 2 or 4. */
  readonly size: number;
  /** How many accesses: more than 1 where KVM joins those of `rep ins`. */
  readonly count: number;
  /** The answer, to be filled in: `size * count` bytes, all 0 unless written to. */
  readonly data: Uint8Array;
}

/**
 * The guest reads where no memory is. Corresponds to `KVM_EXIT_MMIO`. Write the answer into `data`: it is taken when the
 * guest goes on, and only then is the instruction complete.
 */
export interface MmioReadExit {
  readonly kind: "mmio-read";
  readonly address: PhysAddr;
  /** In bytes, 1 to 8. An access that crosses a page, or is wider, gives several exits. */
  readonly size: number;
  /** The answer, to be filled in: `size` bytes, all 0 unless written to. */
  readonly data: Uint8Array;
}

/** The guest wrote where no memory is, or to memory that is read-only. Corresponds to `KVM_EXIT_MMIO`. */
export interface MmioWriteExit {
  readonly kind: "mmio-write";
  readonly address: PhysAddr;
  /** In bytes, 1 to 8. An access that crosses a page, or is wider, gives several exits. */
  readonly size: number;
  /** What was written: `size` bytes, a copy. */
  readonly data: Uint8Array;
}

/**
 * Why an access to a model-specific register came to user space (`msr.reason`, linux/kvm.h): KVM does not know the register,
 * refuses the access, or a filter denies it; `undefined` for a reason that this version does not know.
 */
export type MsrExitReason = "KVM_MSR_EXIT_REASON_INVAL" | "KVM_MSR_EXIT_REASON_UNKNOWN" | "KVM_MSR_EXIT_REASON_FILTER";

/**
 * The guest reads a model-specific register. Corresponds to `KVM_EXIT_X86_RDMSR`; only after
 * `KVM_CAP_X86_USER_SPACE_MSR`. Set `data`, or `error`: they are taken when the guest goes on.
 */
export interface RdmsrExit {
  readonly kind: "rdmsr";
  readonly reason: MsrExitReason | undefined;
  /** The number of the register: 32 bits (SDM vol. 4). */
  readonly index: number;
  /** The answer, to be filled in: 64 bits, 0 unless set. */
  data: bigint;
  /** Set it, and the guest gets a #GP instead. */
  error: boolean;
}

/**
 * The guest writes a model-specific register. Corresponds to `KVM_EXIT_X86_WRMSR`; only after
 * `KVM_CAP_X86_USER_SPACE_MSR`.
 */
export interface WrmsrExit {
  readonly kind: "wrmsr";
  readonly reason: MsrExitReason | undefined;
  /** The number of the register: 32 bits (SDM vol. 4). */
  readonly index: number;
  /** What was written: 64 bits. */
  readonly data: bigint;
  /** Set it, and the guest gets a #GP. */
  error: boolean;
}

/** Exits on which the guest accesses what its host must provide. */
export type AccessExit = IoOutExit | IoInExit | MmioReadExit | MmioWriteExit | RdmsrExit | WrmsrExit;
