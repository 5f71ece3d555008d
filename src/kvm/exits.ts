/**
 * Why the guest stopped: `struct kvm_run` read into a discriminated union, by a table of decoders. Pure over the bytes of
 * the page that KVM shares for one vCPU.
 */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import {
  exitReasons,
  internalErrors,
  ioDirections,
  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
  type ExitReasonName,
  type InternalErrorName,
} from "./abi-constant.ts";
import { kvmRun } from "./abi-struct.ts";
import { readBigint, readNumber } from "./fields.ts";

/** The guest executed `hlt`. Corresponds to `KVM_EXIT_HLT`. */
export interface HltExit {
  readonly kind: "hlt";
}

/** The guest wrote to a port. Corresponds to `KVM_EXIT_IO` with `KVM_EXIT_IO_OUT`. */
export interface IoOutExit {
  readonly kind: "io-out";
  /** 0 to 0xffff. */
  readonly port: number;
  /** Of one access, in bytes: 1, 2 or 4. */
  readonly size: number;
  /** How many accesses: more than 1 where KVM joins those of `rep outs`. */
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
  /** In bytes, 1 to 8. An access that crosses a page gives several exits. */
  readonly size: number;
  /** The answer, to be filled in: `size` bytes, all 0 unless written to. */
  readonly data: Uint8Array;
}

/** The guest wrote where no memory is, or to memory that is read-only. Corresponds to `KVM_EXIT_MMIO`. */
export interface MmioWriteExit {
  readonly kind: "mmio-write";
  readonly address: PhysAddr;
  /** In bytes, 1 to 8. An access that crosses a page gives several exits. */
  readonly size: number;
  /** What was written: `size` bytes, a copy. */
  readonly data: Uint8Array;
}

/** A breakpoint, a watchpoint or a single step of `KVM_SET_GUEST_DEBUG`. Corresponds to `KVM_EXIT_DEBUG`. */
export interface DebugExit {
  readonly kind: "debug";
  /** The exception's vector: 1 for #DB, 3 for #BP. */
  readonly exception: number;
  /** The linear address of the instruction: CS base and RIP. */
  readonly pc: VirtAddr;
  /** What happened, by the bits of DR6 (SDM vol. 3B, 18.2.3). */
  readonly dr6: bigint;
  /** The breakpoints in force, by the bits of DR7 (SDM vol. 3B, 18.2.4). */
  readonly dr7: bigint;
}

/** The CPU shut down: a triple fault. Corresponds to `KVM_EXIT_SHUTDOWN`. */
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
  /** What KVM says of it, unread: up to 16 numbers of 64 bits. */
  readonly data: readonly bigint[];
  /** For an emulation failure: the bytes from the instruction on, up to 15, where KVM gives them. A copy. */
  readonly instruction: Uint8Array | undefined;
}

/** The CPU refused to enter the guest in its present state. Corresponds to `KVM_EXIT_FAIL_ENTRY`. */
export interface FailEntryExit {
  readonly kind: "fail-entry";
  /** The hardware's reason: on VT-x the exit reason with bit 31 set (SDM vol. 3C, 26.8), on SVM the exit code. */
  readonly reason: bigint;
  /** The host's CPU that refused. */
  readonly cpu: number;
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
  | HltExit
  | IoOutExit
  | IoInExit
  | MmioReadExit
  | MmioWriteExit
  | DebugExit
  | ShutdownExit
  | InternalErrorExit
  | FailEntryExit
  | TimeoutExit
  | InterruptedExit
  | UnknownExit;

/** The bytes that KVM shares for a vCPU: `struct kvm_run` and what its offsets lead to. */
export interface RunPage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const { fields } = kvmRun;

/** One decoder for each exit reason that has a kind of its own. */
const decoders: Readonly<Record<number, (page: RunPage) => Exit>> = {
  [exitReasons.KVM_EXIT_IO]: decodeIo,
  [exitReasons.KVM_EXIT_MMIO]: decodeMmio,
  [exitReasons.KVM_EXIT_HLT]: () => ({ kind: "hlt" }),
  [exitReasons.KVM_EXIT_SHUTDOWN]: () => ({ kind: "shutdown" }),
  [exitReasons.KVM_EXIT_INTR]: () => ({ kind: "interrupted" }),
  [exitReasons.KVM_EXIT_DEBUG]: ({ view }) => ({
    kind: "debug",
    exception: readNumber(view, fields["debug.arch.exception"]),
    pc: readBigint(view, fields["debug.arch.pc"]),
    dr6: readBigint(view, fields["debug.arch.dr6"]),
    dr7: readBigint(view, fields["debug.arch.dr7"]),
  }),
  [exitReasons.KVM_EXIT_FAIL_ENTRY]: ({ view }) => ({
    kind: "fail-entry",
    reason: readBigint(view, fields["fail_entry.hardware_entry_failure_reason"]),
    cpu: readNumber(view, fields["fail_entry.cpu"]),
  }),
  [exitReasons.KVM_EXIT_INTERNAL_ERROR]: decodeInternalError,
};

const reasonNames = namesOf<ExitReasonName>(exitReasons);
const internalErrorNames = namesOf<InternalErrorName>(internalErrors);

/** The exit that the page tells of. What it holds is its own: the page may be overwritten. */
export function decodeExit(page: RunPage): Exit {
  const reason = page.view.getUint32(fields.exit_reason[0], true);
  const decode = decoders[reason];
  if (decode !== undefined) return decode(page);
  return { kind: "unknown", reason, name: reasonNames.get(reason), data: copy(page, ...fields.padding) };
}

/** Where in the page KVM takes the answer to an input exit from: an offset in bytes. */
export function answerOffset(exit: IoInExit | MmioReadExit, { view }: RunPage): number {
  return exit.kind === "io-in" ? view.getUint32(fields["io.data_offset"][0], true) : fields["mmio.data"][0];
}

function decodeIo(page: RunPage): IoInExit | IoOutExit {
  const { view } = page;
  const size = view.getUint8(fields["io.size"][0]);
  const port = view.getUint16(fields["io.port"][0], true);
  const count = view.getUint32(fields["io.count"][0], true);
  if (view.getUint8(fields["io.direction"][0]) === ioDirections.KVM_EXIT_IO_IN) {
    return { kind: "io-in", port, size, count, data: new Uint8Array(size * count) };
  }
  // The offset has 64 bits, but the page is small: the lower half says it all, and costs no bigint.
  const data = copy(page, view.getUint32(fields["io.data_offset"][0], true), size * count);
  return { kind: "io-out", port, size, count, data };
}

function decodeMmio(page: RunPage): MmioReadExit | MmioWriteExit {
  const { view } = page;
  const address = readBigint(view, fields["mmio.phys_addr"]);
  const size = view.getUint32(fields["mmio.len"][0], true);
  if (view.getUint8(fields["mmio.is_write"][0]) === 0) {
    return { kind: "mmio-read", address, size, data: new Uint8Array(size) };
  }
  return { kind: "mmio-write", address, size, data: copy(page, fields["mmio.data"][0], size) };
}

function decodeInternalError(page: RunPage): InternalErrorExit {
  const { view } = page;
  const suberror = readNumber(view, fields["internal.suberror"]);
  const [dataAt, dataSize] = fields["internal.data"];
  const count = Math.min(readNumber(view, fields["internal.ndata"]), dataSize / 8);
  return {
    kind: "internal-error",
    suberror,
    name: internalErrorNames.get(suberror),
    data: Array.from({ length: count }, (_, word) => view.getBigUint64(dataAt + 8 * word, true)),
    instruction: suberror === internalErrors.KVM_INTERNAL_ERROR_EMULATION ? instructionBytes(page, count) : undefined,
  };
}

/** The flags are there from one word of data on, the bytes (a length, then 15) from three (linux/kvm.h). */
function instructionBytes(page: RunPage, dataWords: number): Uint8Array | undefined {
  const flags = page.view.getUint32(fields["emulation_failure.flags"][0], true);
  if (dataWords < 3 || (flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) === 0) return undefined;
  const [at, room] = fields["emulation_failure.insn_bytes"];
  return copy(page, at, Math.min(readNumber(page.view, fields["emulation_failure.insn_size"]), room));
}

function copy({ bytes }: RunPage, at: number, size: number): Uint8Array {
  const data = new Uint8Array(size);
  // Most exits carry a byte or a few: a loop is then cheaper than a view to copy from.
  if (size <= 16) for (let index = 0; index < size; index++) data[index] = bytes[at + index]!;
  else data.set(bytes.subarray(at, at + size));
  return data;
}

function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map((Object.entries(numbers) as [Name, number][]).map(([name, number]) => [number, name]));
}
