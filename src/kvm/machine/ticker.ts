/**
 * A clock that calls this thread back from the guest: a kernel timer that sends the stop signal to this thread, again and
 * again, so that a tick that comes too early for `KVM_RUN` costs a period and no more.
 *
 * There is one timer a thread. It stays armed while runs follow one another, and while a consumer handles an exit: arming it
 * costs as much as a short run. A run that finds it armed leaves it alone where it ticks often enough; a tick that comes
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
  releaseStopSignal,
  takeStopSignal,
  type StopSignal,
} from "./stop-signal.ts";

/** The shortest time to the first tick, in ms: a timer of 0 would never tick. */
const SHORTEST = 0.001;

/** The timer of this thread. Times are in milliseconds, as `performance.now()` has them. */
interface ThreadTimer {
  readonly libc: Libc;
  readonly id: number;
  readonly signal: StopSignal;
  /** Whose ticks it gives: the run that looked last whether they are right for it. */
  owner: Ticker | undefined;
  /** When it ticked, or ticks, first after it was set: to within the microseconds that setting it took. */
  due: number;
  period: number;
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
  readonly #libc: Libc;
  readonly pace: "sync" | "async";

  constructor(libc: Libc, pace: "sync" | "async") {
    this.#libc = libc;
    this.pace = pace;
  }

  /** Whether the clock ticks as this run wants it; else it is to be armed. */
  get isArmed(): boolean {
    return timer !== undefined && timer.owner === this;
  }

  /**
   * Makes the clock tick every `period` ms or more often, the first time after `left` ms where that is less, or before. Returns
   * the signals to block while in the guest.
   */
  arm(left: number, period: number): Uint8Array {
    timer ??= createTimer(this.#libc);
    timer.owner = this;
    this.#scheduleSweep();
    const first = Math.min(left, period);
    if (timer.period > period || timeToTick(timer) > first) this.set(first, period);
    return timer.signal.guestMask;
  }

  /** Whether the clock has ticked since it was last asked; a signal that is not the clock's is left alone. */
  ticked(): boolean {
    return timer !== undefined && takeStopSignal(timer.libc, timer.signal);
  }

  /** Moves the next tick of a clock that is armed. */
  set(first: number, period: number): void {
    if (timer === undefined) return;
    const { libc, id, signal } = timer;
    const { bytes, view } = newStruct(itimerspec.size);
    setTime(view, itimerspec.fields["it_value.tv_sec"][0], first);
    setTime(view, itimerspec.fields["it_interval.tv_sec"][0], period);
    const now = performance.now();
    if (libc.syscall("SYS_timer_settime", id, null, bytes, 0) < 0) {
      const error = callFailed("timer_settime", libc.errno());
      putOutTicker();
      throw error;
    }
    drainStopSignal(libc, signal);
    timer.due = now + first;
    timer.period = period;
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

/** How long it is to the next tick, in ms. */
function timeToTick({ due, period }: ThreadTimer): number {
  const late = performance.now() - due;
  return late < 0 ? -late : period - (late % period);
}

/** Deletes the timer and gives the signal back, where it is armed; the next step of any run takes them again. */
export function putOutTicker(): void {
  if (timer === undefined) return;
  const { libc, id, signal } = timer;
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
  const never = Number.POSITIVE_INFINITY;
  return { libc, id: id.view.getInt32(0, true), signal, owner: undefined, due: never, period: never };
}

/** A `struct timespec` in the struct at `at`. */
function setTime(view: DataView, at: number, milliseconds: number): void {
  const nanoseconds = Math.round(Math.max(milliseconds, SHORTEST) * 1e6);
  view.setBigInt64(at, BigInt(Math.floor(nanoseconds / 1e9)), true);
  view.setBigInt64(at + 8, BigInt(nanoseconds % 1e9), true);
}
