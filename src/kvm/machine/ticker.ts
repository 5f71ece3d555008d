/**
 * A clock that calls this thread back from the guest: a kernel timer that sends the stop signal to this thread, again and
 * again, so that a tick that comes too early for `KVM_RUN` costs a period and no more.
 *
 * A ticker is armed while a run is under way, also while the consumer handles an exit: arming for every exit would cost more
 * than the exit. A consumer may leave and never come back; so all tickers are put out once the code that steps through the
 * run has given the thread away, and armed again by the next step.
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

/** The tickers that a kind of run left armed, and when they are put out. */
interface Sweep {
  readonly armed: Set<Ticker>;
  isDue: boolean;
  readonly schedule: (sweep: () => void) => void;
}

/**
 * When tickers are put out that their run left armed: those of a synchronous run as soon as its consumer waits for anything,
 * those of an asynchronous one, whose consumer waits for every exit, when the event loop has turned.
 */
const sweeps: Readonly<Record<"sync" | "async", Sweep>> = {
  sync: { armed: new Set<Ticker>(), isDue: false, schedule: queueMicrotask },
  async: { armed: new Set<Ticker>(), isDue: false, schedule: (sweep: () => void) => void setImmediate(sweep) },
};

/** A clock for one run. */
export class Ticker {
  readonly #libc: Libc;
  readonly #sweep: (typeof sweeps)[keyof typeof sweeps];
  #timer = 0;
  #signal: StopSignal | undefined;

  constructor(libc: Libc, pace: keyof typeof sweeps) {
    this.#libc = libc;
    this.#sweep = sweeps[pace];
  }

  /**
   * Arms the clock where it is not: a tick every `period` ms, the first after `left` ms where that is less. Returns the
   * signals to block while in the guest.
   */
  arm(left: number, period: number): Uint8Array {
    if (this.#signal !== undefined) return this.#signal.guestMask;
    const signal = acquireStopSignal(this.#libc);
    try {
      this.#timer = createTimer(this.#libc, signal.number);
    } catch (error) {
      releaseStopSignal(this.#libc);
      throw error;
    }
    this.#signal = signal;
    this.#sweep.armed.add(this);
    this.#scheduleSweep();
    this.set(Math.min(left, period), period);
    return signal.guestMask;
  }

  /** Whether the clock has ticked since it was last asked; a signal that is not the clock's is left alone. */
  ticked(): boolean {
    return this.#signal !== undefined && takeStopSignal(this.#libc, this.#signal);
  }

  /** Moves the next tick of a clock that is armed. */
  set(first: number, period: number): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    const { bytes, view } = newStruct(itimerspec.size);
    setTime(view, itimerspec.fields["it_value.tv_sec"][0], first);
    setTime(view, itimerspec.fields["it_interval.tv_sec"][0], period);
    if (this.#libc.syscall("SYS_timer_settime", this.#timer, null, bytes, 0) >= 0) {
      drainStopSignal(this.#libc, signal);
      return;
    }
    const error = callFailed("timer_settime", this.#libc.errno());
    this.disarm();
    throw error;
  }

  /** Deletes the timer and gives the signal back; nothing happens where it is not armed. */
  disarm(): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    this.#signal = undefined;
    this.#sweep.armed.delete(this);
    this.#libc.syscall("SYS_timer_delete", this.#timer, null, null, 0);
    drainStopSignal(this.#libc, signal);
    releaseStopSignal(this.#libc);
  }

  #scheduleSweep(): void {
    const sweep = this.#sweep;
    if (sweep.isDue) return;
    sweep.isDue = true;
    sweep.schedule(() => {
      sweep.isDue = false;
      for (const ticker of sweep.armed) ticker.disarm();
    });
  }
}

function createTimer(libc: Libc, signal: number): number {
  const event = newStruct(sigevent.size);
  event.view.setInt32(sigevent.fields.sigev_signo[0], signal, true);
  event.view.setInt32(sigevent.fields.sigev_notify[0], linuxConstants.SIGEV_THREAD_ID, true);
  event.view.setInt32(sigevent.fields["_sigev_un._tid"][0], libc.syscall("SYS_gettid", 0, null, null, 0), true);
  const id = newStruct(4);
  if (libc.syscall("SYS_timer_create", linuxConstants.CLOCK_MONOTONIC, event.bytes, id.bytes, 0) >= 0) {
    return id.view.getInt32(0, true);
  }
  throw callFailed("timer_create", libc.errno(), "the limit of pending signals (ulimit -i) counts timers, too");
}

/** A `struct timespec` in the struct at `at`. */
function setTime(view: DataView, at: number, milliseconds: number): void {
  const nanoseconds = Math.round(Math.max(milliseconds, SHORTEST) * 1e6);
  view.setBigInt64(at, BigInt(Math.floor(nanoseconds / 1e9)), true);
  view.setBigInt64(at + 8, BigInt(nanoseconds % 1e9), true);
}
