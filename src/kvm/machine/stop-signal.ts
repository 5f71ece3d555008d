/**
 * The signal that calls a thread back from the guest, in one of two ways.
 *
 * Mostly it is let through always, to a handler that does nothing: it ends `KVM_RUN` with `EINTR`, and nothing else. One that
 * arrives just before `KVM_RUN` is lost; whoever sends it sends it again. What asks nobody to stop, as a child's end, is blocked
 * on the thread meanwhile: other threads of the process take it. `KVM_RUN` needs no signal mask then: to switch masks, and
 * back, takes 1 to 2% of an exit.
 *
 * A profiler sends its signals to this very thread, and wants them to arrive. Then the stop signal is held: blocked on the
 * thread, and let through only inside `KVM_RUN` by `KVM_SET_SIGNAL_MASK`, which keeps the others out for as long. It ends
 * `KVM_RUN`, stays pending, and no handler runs.
 *
 * Who blocks a signal owns it: one that is blocked already, by another copy of this package or by the application, is left
 * alone, and so is one that has a handler. State is per thread, as modules are; handlers are the process's, and stay.
 */
import { libcSigaction, linuxConstants, SIGNAL_SET_SIZE, timespec } from "../abi/linux.ts";
import { newStruct } from "../abi/fields.ts";
import { callFailed } from "../host/host-error.ts";
import { KvmError } from "../kvm-error.ts";
import type { Libc } from "../host/libc.ts";
import {
  block,
  handlerOf,
  has,
  isHandled,
  setOf,
  SIG_DFL,
  unblock,
  without,
  withSignals,
  type SignalSet,
} from "./signal-state.ts";

/** The signal in use on this thread. */
export interface StopSignal {
  readonly number: number;
  /** What is blocked on the thread for its sake, and was not before. */
  readonly blocked: SignalSet;
}

/** One that is blocked on the thread, outside of the guest. */
export interface HeldSignal extends StopSignal {
  /** What to block while in the guest: all that the thread blocks, and what can wait until the guest stops. */
  readonly guestMask: SignalSet;
}

/** Real-time signals, from the last down: the first few belong to glibc and musl (signal(7), nptl(7)). */
const LAST_SIGNAL = 64;
const FIRST_SIGNAL = 36;

const { SIGCHLD, SIGURG, SIGPROF, SIGWINCH } = linuxConstants;

/** They are sent to the process, and ask nobody to stop: a child's end, a resized terminal. */
const forProcess = [SIGCHLD, SIGURG, SIGWINCH];

/** They ask nobody to stop, and reach their handlers later: those, and a profiler's clock. */
const deferred = [...forProcess, SIGPROF];

/** Nor do these, for which JavaScript has no handlers; the clock of another copy of this package is one of them. */
const realTime = Array.from({ length: LAST_SIGNAL - FIRST_SIGNAL + 1 }, (_, index) => LAST_SIGNAL - index);

/** A wait of no time. */
const noTime = new Uint8Array(timespec.size);

/** Takes a signal for this thread. To be paired with {@link releaseStopSignal}. */
export function acquireStopSignal(libc: Libc): StopSignal | HeldSignal {
  if (!mustHold && !isHandled(libc, SIGPROF)) {
    const signal = acquirePassing(libc);
    if (signal !== undefined) return signal;
  }
  return acquireHeldSignal(libc);
}

/** Takes a signal that is held, whatever has handlers. To be paired with {@link releaseStopSignal}. */
export function acquireHeldSignal(libc: Libc): HeldSignal {
  return holdAgain(libc) ?? holdFree(libc);
}

/** Gives the signal back. No timer may send it any more: one that was held would kill the process. */
export function releaseStopSignal(libc: Libc, signal: StopSignal): void {
  drainStopSignal(libc, signal);
  unblock(libc, signal.blocked);
}

/** Whether the signal is blocked outside of the guest. */
export function isHeld(signal: StopSignal): signal is HeldSignal {
  return "guestMask" in signal;
}

/**
 * Takes back all that is pending. To be called when a timer was deleted or set anew: what it sent before would still end
 * `KVM_RUN`, but since Linux 6.13 it vanishes when it is waited for, and would look like somebody else's signal.
 */
export function drainStopSignal(libc: Libc, signal: StopSignal): void {
  while (isHeld(signal) && takeStopSignal(libc, signal)) {
    // One may be pending for each timer.
  }
}

/** Takes the signal back where it is pending; `false` where it is not. */
export function takeStopSignal(libc: Libc, { blocked, number }: HeldSignal): boolean {
  return libc.sigtimedwait(blocked, noTime) === number;
}

/** Whether others send this thread real-time signals: from then on the stop signal is held. */
let mustHold = false;

/**
 * Whether what ended `KVM_RUN` may ask nobody to stop: a profiler was started since this signal was acquired, or somebody handles
 * a real-time signal. The next signal that is acquired is held.
 */
export function isDisturbed(libc: Libc, signal: StopSignal): boolean {
  if (isHeld(signal)) return false;
  mustHold ||= realTime.some((other) => isHandled(libc, other) && handlerOf(libc, other) !== libc.harmless);
  return mustHold || isHandled(libc, SIGPROF);
}

/** The signal that was let through last. */
let lastPassing: StopSignal | undefined;
const blockedBefore = setOf();

/** Lets a signal through; `undefined` where another copy of this package, or the application, has to do with it. */
function acquirePassing(libc: Libc): StopSignal | undefined {
  const isOurs = lastPassing !== undefined && handlerOf(libc, lastPassing.number) === libc.harmless;
  const signal = isOurs ? lastPassing : passFree(libc);
  if (signal === undefined) return undefined;
  lastPassing = signal;
  block(libc, signal.blocked, blockedBefore);
  const { number } = signal;
  const taken = signal.blocked.some((byte, index) => (byte & blockedBefore[index]!) !== 0)
    ? { number, blocked: without(signal.blocked, blockedBefore) }
    : signal;
  if (has(taken.blocked, markOf(number)) && !has(blockedBefore, number)) return taken;
  unblock(libc, taken.blocked);
  return undefined;
}

/** The signal that is blocked on a thread while the other one is taken, so that two copies of this package see each other. */
const markOf = (signal: number): number => signal - 1;

/** A signal that goes to the handler that does nothing, as another copy of this package may have seen to already. */
function passFree(libc: Libc): StopSignal | undefined {
  const number = realTime.find((signal) => {
    const handler = signal > FIRST_SIGNAL && handlerOf(libc, signal);
    return handler === SIG_DFL || handler === libc.harmless;
  });
  if (number === undefined) return undefined;
  const { bytes, view } = newStruct(libcSigaction.size);
  view.setBigUint64(libcSigaction.fields.sa_handler[0], libc.harmless, true);
  // Calls that wait for anything else go on.
  view.setInt32(libcSigaction.fields.sa_flags[0], linuxConstants.SA_RESTART, true);
  if (libc.sigaction(number, bytes) < 0) throw callFailed("sigaction", libc.errno());
  return { number, blocked: setOf(markOf(number), ...forProcess) };
}

/** The signal that was held last, and what else was blocked then: mostly it is free again, and all is as it was. */
let lastHeld: { readonly signal: HeldSignal; readonly blocked: SignalSet } | undefined;

/** Blocks the last signal in one call, where nobody took it or changed what is blocked. */
function holdAgain(libc: Libc): HeldSignal | undefined {
  if (lastHeld === undefined) return undefined;
  const { signal, blocked } = lastHeld;
  if (handlerOf(libc, signal.number) !== SIG_DFL) return undefined;
  block(libc, signal.blocked, blockedBefore);
  if (blocked.every((byte, index) => byte === blockedBefore[index])) return signal;
  // What was blocked before is somebody else's.
  if (!has(blockedBefore, signal.number)) unblock(libc, signal.blocked);
  return undefined;
}

function holdFree(libc: Libc): HeldSignal {
  const before = new Uint8Array(SIGNAL_SET_SIZE);
  block(libc, null, before);
  const number = realTime.find((signal) => !has(before, signal) && handlerOf(libc, signal) === SIG_DFL);
  if (number === undefined) {
    throw new KvmError("no real-time signal is free on this thread, and the deadline needs one", {
      code: "CALL_FAILED",
      hint: "the application blocks or handles all of them",
    });
  }
  const others = realTime.filter((other) => other !== number);
  const signal = { number, blocked: setOf(number), guestMask: withSignals(before, ...deferred, ...others) };
  block(libc, signal.blocked, blockedBefore);
  lastHeld = { signal, blocked: before };
  return signal;
}
