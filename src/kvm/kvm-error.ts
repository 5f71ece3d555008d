import { optionsProblem } from "../core/options.ts";
import { GuestwrightError, type ErrorDetails } from "../core/error.ts";

/** What can be wrong on the host's side of a virtual machine. */
export type KvmErrorCode =
  /** Not Linux, or not x86-64. */
  | "UNSUPPORTED_PLATFORM"
  /** koffi, or the C library through it, cannot be loaded. */
  | "NO_NATIVE_LIBRARY"
  /** There is no `/dev/kvm`. */
  | "NO_DEVICE"
  /** `/dev/kvm` is there, but this user may not open it. */
  | "NO_PERMISSION"
  /** The file opened is not KVM's device. */
  | "NOT_KVM"
  /** KVM speaks another API version than 12. */
  | "WRONG_API_VERSION"
  /** An ioctl failed: the message names it and the errno. */
  | "IOCTL_FAILED"
  /** A system call other than an ioctl failed: the message names it and the errno. */
  | "CALL_FAILED"
  /** KVM took fewer of the values than it was given. */
  | "PARTLY_DONE"
  /** KVM took the state of the CPU, but what it reads back is something else. */
  | "STATE_NOT_ACCEPTED"
  /** A value is of the wrong type, out of its range, misaligned, or outside guest memory. */
  | "BAD_ARGUMENT"
  /** The host's KVM cannot do it, as a probe showed. */
  | "NOT_SUPPORTED"
  /** All debug registers are taken. */
  | "NO_ROOM"
  /** The object was closed before. */
  | "CLOSED";

/** What a {@link KvmError} carries besides its message. */
export interface KvmErrorDetails extends ErrorDetails<KvmErrorCode> {
  /** The name of the errno, where a system call failed: `"ENOENT"`. */
  readonly errno?: string;
}

/** Trouble on the host's side: no KVM, a refused call, a bad argument, a closed machine. Never the guest's trouble. */
export class KvmError extends GuestwrightError<KvmErrorCode> {
  /** The name of the errno, where a system call failed: `"ENOENT"`; else `undefined`. */
  readonly errno: string | undefined;

  constructor(message: string, details: KvmErrorDetails) {
    super(message, details);
    this.errno = details.errno;
  }
}

/** A {@link KvmError} for an argument that no system call may see. */
export function badArgument(message: string, value: unknown, hint?: string): KvmError {
  return new KvmError(message, { code: "BAD_ARGUMENT", value, ...(hint === undefined ? {} : { hint }) });
}

/** Throws {@link KvmError} `BAD_ARGUMENT` unless options are an object that has none but these; `taker` takes them. */
export function requireOptions(taker: string, known: readonly string[], options: unknown): void {
  const problem = optionsProblem(taker, known, options);
  if (problem !== undefined) throw badArgument(problem.message, problem.value, problem.hint);
}

/** A {@link KvmError} for the use of something that was closed. */
export function closed(what: string): KvmError {
  return new KvmError(`${what} is closed`, {
    code: "CLOSED",
    hint: "with `using` it is closed at the end of the block; keep it open as long as it is used",
  });
}
