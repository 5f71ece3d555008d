/** Why the guest stopped, as a discriminated union: every exit that KVM on x86 has, with its whole payload. */
import type { VirtAddr } from "../../core/address.ts";
import type { ExitReasonName, InternalErrorName } from "../abi/constants.ts";
import type { DebugPoint } from "../debug/debug-point.ts";
import type { AccessExit, IoInExit, MmioReadExit, RdmsrExit, WrmsrExit } from "./exit-access.ts";
import type {
  HypercallExit,
  HypervHypercallExit,
  HypervSyndbgExit,
  InterfaceExit,
  TdxExit,
  XenHypercallExit,
} from "./exit-interface.ts";

/** The guest executed `hlt`. Corresponds to `KVM_EXIT_HLT`. */
export interface HltExit {
  readonly kind: "hlt";
}

/**
 * A breakpoint or a watchpoint of {@link Machine.debug}, or what `KVM_SET_GUEST_DEBUG` asked for. At a breakpoint the
 * instruction has not run yet; at a watchpoint the one before `pc` has. Corresponds to `KVM_EXIT_DEBUG`.
 */
export interface DebugExit {
  readonly kind: "debug";
  /** The exception's vector: 1 for #DB, 3 for #BP. */
  readonly exception: number;
  /** The linear address of the instruction: CS base and RIP. */
  readonly pc: VirtAddr;
  /** The breakpoints and watchpoints of {@link Machine.debug} that were hit. */
  readonly hits: readonly DebugPoint[];
  /** Whether a single step ended: DR6.BS. */
  readonly isStep: boolean;
  /** What happened, by the bits of DR6 (SDM vol. 3B, 18.2.3). */
  readonly dr6: bigint;
  /** The breakpoints in force, by the bits of DR7 (SDM vol. 3B, 18.2.4); 0 where KVM emulated the instruction. */
  readonly dr7: bigint;
}

/**
 * The CPU shut down: a triple fault. Corresponds to `KVM_EXIT_SHUTDOWN`. {@link Machine.explain} says what led there. On SVM the
 * registers may have been reset.
 */
export interface ShutdownExit {
  readonly kind: "shutdown";
}

/** KVM gave up. Corresponds to `KVM_EXIT_INTERNAL_ERROR`. */
export interface InternalErrorExit {
  readonly kind: "internal-error";
  /** The number of what went wrong, `internal.suberror`. */
  readonly suberror: number;
  /** Its name in linux/kvm.h; `undefined` for a number that has none there. */
  readonly name: InternalErrorName | undefined;
  /** What KVM says of it, in words. */
  readonly text: string;
  /** What KVM says of it, unread: up to 16 numbers of 64 bits. */
  readonly data: readonly bigint[];
  /** For an emulation failure: the bytes from the instruction on, up to 15, where KVM gives them. A copy. */
  readonly instruction: Uint8Array | undefined;
}

/** The CPU refused to enter the guest in its present state. Corresponds to `KVM_EXIT_FAIL_ENTRY`. */
export interface FailEntryExit {
  readonly kind: "fail-entry";
  /**
   * The hardware's reason: on VT-x the exit reason with bit 31 set (SDM vol. 3C, 26.8) or a VM-instruction error (30.4), on
   * SVM the exit code (APM vol. 2, appendix C).
   */
  readonly reason: bigint;
  /** The reason in words. */
  readonly text: string;
  /** The host's CPU that refused. */
  readonly cpu: number;
}

/** The host's hardware gave KVM an exception that it did not expect. Corresponds to `KVM_EXIT_EXCEPTION`. */
export interface ExceptionExit {
  readonly kind: "exception";
  /** The vector: 0 to 31. */
  readonly exception: number;
  readonly errorCode: number;
}

/** A non-maskable interrupt of the host. Corresponds to `KVM_EXIT_NMI`, which today's KVM on x86 handles itself. */
export interface NmiExit {
  readonly kind: "nmi";
}

/** KVM does not know why the hardware left the guest. Corresponds to `KVM_EXIT_UNKNOWN`. */
export interface HardwareExit {
  readonly kind: "hardware";
  /** The hardware's exit reason. */
  readonly reason: bigint;
  /** The reason in words. */
  readonly text: string;
}

/** The guest had its time; it is stopped between two instructions and can go on. No counterpart in KVM. */
export interface TimeoutExit {
  readonly kind: "timeout";
  /** How long the guest ran in this call, in milliseconds. */
  readonly elapsed: number;
}

/**
 * A signal came in, such as Ctrl-C's. The run ends, so that its JavaScript handler can be called. Corresponds to `EINTR` of
 * `KVM_RUN`, and to `KVM_EXIT_INTR`.
 */
export interface InterruptedExit {
  readonly kind: "interrupted";
}

/** The guest had as many exits as it was given; it can go on. No counterpart in KVM. */
export interface ExitLimitExit {
  readonly kind: "exit-limit";
  /** How many there were, also those that devices handled. */
  readonly exits: number;
}

/** A device ended the run, since the guest asked it to. No counterpart in KVM. */
export interface GuestExit {
  readonly kind: "guest-exit";
  /** The device's name. */
  readonly device: string;
  /** What the guest wants to tell its host by ending. */
  readonly code: number;
}

/** Any other reason. The guest can go on where it makes sense. */
export interface UnknownExit {
  readonly kind: "unknown";
  /** The number, `exit_reason` of `struct kvm_run`. */
  readonly reason: number;
  /** Its name in linux/kvm.h; `undefined` for a number that has none there. */
  readonly name: ExitReasonName | undefined;
  /** The 256 bytes of the union in `struct kvm_run`, unread. A copy. */
  readonly data: Uint8Array;
}

/** Why the guest stopped. `switch` on `kind`: the compiler then says which case is missing. */
export type Exit =
  | AccessExit
  | HltExit
  | DebugExit
  | ShutdownExit
  | InternalErrorExit
  | FailEntryExit
  | TimeoutExit
  | InterruptedExit
  | ExitLimitExit
  | GuestExit
  | InterfaceExit
  | ExceptionExit
  | NmiExit
  | HardwareExit
  | UnknownExit;

/** Exits that the consumer answers by writing to them; the answer is taken when the guest goes on. */
export type AnswerableExit =
  | IoInExit
  | MmioReadExit
  | RdmsrExit
  | WrmsrExit
  | HypercallExit
  | HypervHypercallExit
  | HypervSyndbgExit
  | XenHypercallExit
  | TdxExit;
