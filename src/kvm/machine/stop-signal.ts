/**
 * The signal that calls a thread back from the guest. It is blocked on the thread, and let through only inside `KVM_RUN`
 * by `KVM_SET_SIGNAL_MASK`: so it ends `KVM_RUN` with `EINTR`, stays pending, and no handler ever runs.
 *
 * Who blocks a signal owns it: one that is blocked already, by another copy of this package or by the application, is left
 * alone, and so is one that has a handler. State is per thread, as modules are.
 */
import { linuxConstants, kernelSigaction, SIGNAL_SET_SIZE, timespec } from "../abi/linux.ts";
import { callFailed } from "../host/host-error.ts";
import { KvmError } from "../kvm-error.ts";
import type { Libc } from "../host/libc.ts";

/** The signal in use on this thread. */
export interface StopSignal {
  readonly number: number;
  /** The kernel's set with this signal alone. */
  readonly set: Uint8Array;
  /** What to block while in the guest: all that the thread blocks, and what can wait until the guest stops. */
  readonly guestMask: Uint8Array;
}

/** Real-time signals, from the last down: the first few belong to glibc and musl (signal(7), nptl(7)). */
const LAST_SIGNAL = 64;
const FIRST_SIGNAL = 36;

/** They ask nobody to stop: a profiler's clock, a child's end, a resized terminal. They reach their handlers later. */
const deferred = [linuxConstants.SIGCHLD, linuxConstants.SIGURG, linuxConstants.SIGPROF, linuxConstants.SIGWINCH];

/** Nor do these, for which JavaScript has no handlers; the clock of another copy of this package is one of them. */
const realTime = Array.from({ length: LAST_SIGNAL - FIRST_SIGNAL + 1 }, (_, index) => FIRST_SIGNAL + index);

/** A wait of no time. */
const noTime = new Uint8Array(timespec.size);

/** Blocks the signal on this thread. To be paired with {@link releaseStopSignal}. */
export function acquireStopSignal(libc: Libc): StopSignal {
  return blockAgain(libc) ?? blockFree(libc);
}

/** Unblocks the signal on this thread. None may be pending: it would kill the process. */
export function releaseStopSignal(libc: Libc, signal: StopSignal): void {
  drainStopSignal(libc, signal);
  libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_UNBLOCK, signal.set, null, SIGNAL_SET_SIZE);
}

/**
 * Takes back all that is pending. To be called when a timer was deleted or set anew: what it sent before would still end
 * `KVM_RUN`, but since Linux 6.13 it vanishes when it is waited for, and would look like somebody else's signal.
 */
export function drainStopSignal(libc: Libc, signal: StopSignal): void {
  while (takeStopSignal(libc, signal)) {
    // One may be pending for each timer.
  }
}

/** Takes the signal back where it is pending; `false` where it is not. */
export function takeStopSignal(libc: Libc, signal: StopSignal): boolean {
  return libc.sigtimedwait(signal.set, noTime) === signal.number;
}

/** The signal that was used last, and what else was blocked then: mostly it is free again, and all is as it was. */
let last: { readonly signal: StopSignal; readonly blocked: Uint8Array } | undefined;
const blockedNow = new Uint8Array(SIGNAL_SET_SIZE);

/** Blocks the last signal in one call, where nobody took it or changed what is blocked. */
function blockAgain(libc: Libc): StopSignal | undefined {
  if (last === undefined) return undefined;
  const { signal, blocked } = last;
  if (!isDefault(libc, signal.number)) return undefined;
  if (libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_BLOCK, signal.set, blockedNow, SIGNAL_SET_SIZE) < 0) {
    throw callFailed("rt_sigprocmask", libc.errno());
  }
  if (blocked.every((byte, index) => byte === blockedNow[index])) return signal;
  // What was blocked before is somebody else's.
  if (!has(blockedNow, signal.number)) {
    libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_UNBLOCK, signal.set, null, SIGNAL_SET_SIZE);
  }
  return undefined;
}

function blockFree(libc: Libc): StopSignal {
  const blocked = new Uint8Array(SIGNAL_SET_SIZE);
  if (libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_BLOCK, null, blocked, SIGNAL_SET_SIZE) < 0) {
    throw callFailed("rt_sigprocmask", libc.errno());
  }
  for (let number = LAST_SIGNAL; number >= FIRST_SIGNAL; number--) {
    if (has(blocked, number) || !isDefault(libc, number)) continue;
    const set = add(new Uint8Array(SIGNAL_SET_SIZE), number);
    libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_BLOCK, set, null, SIGNAL_SET_SIZE);
    const signal = { number, set, guestMask: guestMask(blocked, number) };
    last = { signal, blocked };
    return signal;
  }
  throw new KvmError("no real-time signal is free on this thread, and the deadline needs one", {
    code: "CALL_FAILED",
    hint: "the application blocks or handles all of them",
  });
}

/** All that the thread blocks, and what can wait; but not the stop signal itself. */
function guestMask(blocked: Uint8Array, signal: number): Uint8Array {
  return add(blocked.slice(), ...deferred, ...realTime.filter((number) => number !== signal));
}

const action = new Uint8Array(kernelSigaction.size);

function isDefault(libc: Libc, signal: number): boolean {
  libc.syscall("SYS_rt_sigaction", signal, null, action, SIGNAL_SET_SIZE);
  const [at, size] = kernelSigaction.fields.sa_handler;
  for (let byte = at; byte < at + size; byte++) if (action[byte] !== 0) return false;
  return true;
}

function has(set: Uint8Array, signal: number): boolean {
  return (set[(signal - 1) >> 3]! & (1 << ((signal - 1) & 7))) !== 0;
}

function add(set: Uint8Array, ...signals: readonly number[]): Uint8Array {
  for (const signal of signals) set[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  return set;
}
