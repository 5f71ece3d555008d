/**
 * A clock that calls this thread back from the guest: a kernel timer that sends the stop signal to this thread when it is due,
 * and then again and again, so that a tick that comes too early for `KVM_RUN` costs {@link AGAIN} and no more.
 *
 * There is one timer a thread. It stays armed while runs follow one another, and while a consumer handles an exit: arming it
 * costs as much as a short run. A run that finds it armed leaves it alone where it ticks early enough; a tick that comes
 * before it is wanted sends the run back into the guest. A consumer may leave a run and never come back; so the timer is put
 * out once the code that steps through runs has closed a machine or given the thread away, and armed again by the next step.
 */
import { itimerspec, linuxConstants, sigevent } from "../abi/linux.ts";
import { newStruct } from "../abi/fields.ts";
import { callFailed } from "../host/host-error.ts";
import type { Libc } from "../host/libc.ts";
import {
  acquireStopSignal,
  drainStopSignal,
  isDisturbed,
  isHeld,
  releaseStopSignal,
  takeStopSignal,
  type StopSignal,
} from "./stop-signal.ts";

/** The shortest time to the first tick, in ms: a timer of 0 would never tick. */
const SHORTEST = 0.001;

/** How long after a tick that nobody has seen the next one comes, in ms. */
const AGAIN = 0.5;

/** The timer of this thread. Times are in milliseconds, as `performance.now()` has them. */
interface ThreadTimer {
  readonly libc: Libc;
  readonly id: number;
  readonly signal: StopSignal;
  /** Whose ticks it gives: the run that looked last whether they are right for it. */
  owner: Ticker | undefined;
  /** When it ticks first after it was set: not before, but up to the microseconds later that setting it took. */
  due: number;
}

let timer: ThreadTimer | undefined;

/** When the timer is put out for a kind of run. */
interface Sweep {
  isDue: boolean;
  readonly schedule: (sweep: () => void) => void;
}

/**
 * When the timer is put out that a run left armed: by a synchronous one as soon as its consumer waits for anything, by an
 * asynchronous one, whose consumer waits for every exit, when the event loop has turned.
 */
const sweeps: Readonly<Record<"sync" | "async", Sweep>> = {
  sync: { isDue: false, schedule: queueMicrotask },
  async: { isDue: false, schedule: (sweep: () => void) => void setImmediate(sweep) },
};

/** The thread's clock, as one run sees it. */
export class Ticker {
  /** Whether the clock ticks as this run wants it; else it is to be armed. */
  isArmed = false;
  readonly #libc: Libc;
  readonly pace: "sync" | "async";

  constructor(libc: Libc, pace: "sync" | "async") {
    this.#libc = libc;
    this.pace = pace;
  }

  /**
   * Makes the clock tick in `first` ms, or before. Returns the signals to block while in the guest; `undefined` for those that
   * the thread blocks.
   */
  arm(first: number): Uint8Array | undefined {
    timer ??= createTimer(this.#libc);
    ownTimer(timer, this);
    this.#scheduleSweep();
    if (timer.due - performance.now() > first) this.set(first);
    return isHeld(timer.signal) ? timer.signal.guestMask : undefined;
  }

  /**
   * Whether it was the clock that called the thread back, or a signal that asks nobody to stop. The clock is to be set again
   * then; it may be put out.
   */
  ticked(): boolean {
    if (timer === undefined) return false;
    const { libc, signal, due } = timer;
    if (isHeld(signal)) return takeStopSignal(libc, signal);
    if (performance.now() >= due) return true;
    if (!isDisturbed(libc, signal)) return false;
    putOutTicker();
    return true;
  }

  /** Moves the next tick of a clock that is armed to `first` ms from now. */
  set(first: number): void {
    if (timer === undefined) return;
    const { libc, id, signal } = timer;
    const { bytes, view } = newStruct(itimerspec.size);
    setTime(view, itimerspec.fields["it_value.tv_sec"][0], first);
    setTime(view, itimerspec.fields["it_interval.tv_sec"][0], AGAIN);
    const now = performance.now();
    if (libc.syscall("SYS_timer_settime", id, null, bytes, 0) < 0) {
      const error = callFailed("timer_settime", libc.errno());
      putOutTicker();
      throw error;
    }
    drainStopSignal(libc, signal);
    timer.due = now + first;
  }

  /** At the end of a run, or of a slice: an asynchronous run puts the clock out, a synchronous one leaves it to the next. */
  disarm(): void {
    if (this.pace === "async" && this.isArmed) putOutTicker();
  }

  #scheduleSweep(): void {
    const pace = this.pace;
    const sweep = sweeps[pace];
    if (sweep.isDue) return;
    sweep.isDue = true;
    sweep.schedule(() => {
      sweep.isDue = false;
      if (timer?.owner?.pace === pace) putOutTicker();
    });
  }
}

/** Gives the timer to a run, whose ticks it then gives. */
function ownTimer(timer: ThreadTimer, owner: Ticker | undefined): void {
  if (timer.owner !== undefined) timer.owner.isArmed = false;
  timer.owner = owner;
  if (owner !== undefined) owner.isArmed = true;
}

/** Deletes the timer and gives the signal back, where it is armed; the next step of any run takes them again. */
export function putOutTicker(): void {
  if (timer === undefined) return;
  const { libc, id, signal } = timer;
  ownTimer(timer, undefined);
  timer = undefined;
  libc.syscall("SYS_timer_delete", id, null, null, 0);
  releaseStopSignal(libc, signal);
}

function createTimer(libc: Libc): ThreadTimer {
  const signal = acquireStopSignal(libc);
  const event = newStruct(sigevent.size);
  event.view.setInt32(sigevent.fields.sigev_signo[0], signal.number, true);
  event.view.setInt32(sigevent.fields.sigev_notify[0], linuxConstants.SIGEV_THREAD_ID, true);
  event.view.setInt32(sigevent.fields["_sigev_un._tid"][0], libc.syscall("SYS_gettid", 0, null, null, 0), true);
  const id = newStruct(4);
  if (libc.syscall("SYS_timer_create", linuxConstants.CLOCK_MONOTONIC, event.bytes, id.bytes, 0) < 0) {
    const error = callFailed(
      "timer_create",
      libc.errno(),
      "the limit of pending signals (ulimit -i) counts timers, too",
    );
    releaseStopSignal(libc, signal);
    throw error;
  }
  return { libc, id: id.view.getInt32(0, true), signal, owner: undefined, due: Number.POSITIVE_INFINITY };
}

/** A `struct timespec` in the struct at `at`. */
function setTime(view: DataView, at: number, milliseconds: number): void {
  const nanoseconds = Math.round(Math.max(milliseconds, SHORTEST) * 1e6);
  view.setBigInt64(at, BigInt(Math.floor(nanoseconds / 1e9)), true);
  view.setBigInt64(at + 8, BigInt(nanoseconds % 1e9), true);
}
