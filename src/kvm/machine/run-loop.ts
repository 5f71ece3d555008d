/** One run of a guest: exit after exit until its time is over, on the calling thread. */
import { isMainThread } from "node:worker_threads";
import type { Exit } from "../exits/exits.ts";
import { GuestClock } from "./guest-clock.ts";
import { LateAnswer } from "./late-answer.ts";
import type { Libc } from "../host/libc.ts";
import { Ticker } from "./ticker.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { VmHandle } from "../calls/vm.ts";

/** How a run enters the guest: by the vCPU itself, or by a debugger in front of it. */
export interface GuestEntry {
  /** Runs the guest up to an exit; `false` where a signal ended it before, and there is no exit to read. */
  enter(): boolean;
  /** The exit that the last {@link enter} ended with. To be asked for once. */
  exit(): Exit;
}

/** What a machine is made of, as far as running goes. */
export interface Runnable {
  readonly libc: Libc;
  readonly vm: VmHandle;
  readonly vcpu: VcpuHandle;
  entry: GuestEntry;
  /** Exits that KVM gave and nobody took yet, oldest first: they outlive the run that was left. */
  readonly queue: Exit[];
  /** The exit that a device has not answered yet. */
  readonly late: LateAnswer<Exit>;
}

/** A machine that was not run yet. */
export function newRunnable({ libc, vm, vcpu }: Pick<Runnable, "libc" | "vm" | "vcpu">): Runnable {
  return { libc, vm, vcpu, entry: vcpu, queue: [], late: new LateAnswer() };
}

/** How long an asynchronous run keeps the thread at a time, in milliseconds. */
const SLICE = 2;

/** Longer than any process lives, in milliseconds, yet a time that a timer takes. */
const NEVER = 1e12;

/**
 * The ticker's shortest period, in milliseconds. The signals of one that ticks every few microseconds come faster than they
 * can be taken back, and the thread would do nothing else.
 */
const SHORTEST_PERIOD = 0.1;

/**
 * How often the ticker calls the thread back from the guest, in milliseconds: a few times before the deadline, so that the
 * guest's clock is right. A worker thread comes back often whatever its deadline, since it may be told to terminate; other
 * threads come back seldom, since a signal that arrives together with a tick is seen no earlier than the end of the run.
 */
function syncPeriod(limit: number): number {
  const period = Math.min(Math.max(limit / 8, Math.min(limit, 1), SHORTEST_PERIOD), NEVER);
  return isMainThread ? period : Math.min(period, 100);
}

/** One run, with its clock. Whoever steps through it disarms it in the end. */
export class RunLoop {
  readonly #machine: Runnable;
  readonly #limit: number;
  readonly #period: number;
  readonly #isSliced: boolean;
  readonly #ticker: Ticker;
  readonly #clock = new GuestClock();

  /**
   * Throws {@link KvmError} `BAD_ARGUMENT` where a device has not answered yet, which a run on this thread cannot wait for.
   *
   * @param limit how long the guest may run, in milliseconds
   */
  constructor(machine: Runnable, limit: number, pace: "sync" | "async") {
    if (pace === "sync") machine.late.requireNone();
    this.#machine = machine;
    this.#limit = limit;
    this.#isSliced = pace === "async";
    this.#period = this.#isSliced ? SLICE : syncPeriod(limit);
    this.#ticker = new Ticker(machine.libc, pace);
  }

  /**
   * The next exit; `undefined` at the end of an asynchronous run's slice. Throws {@link KvmError} `BAD_ARGUMENT` where a device
   * has not answered yet, which another run or stream may have asked meanwhile.
   */
  step(): Exit | undefined {
    const { vcpu, vm, queue, entry, late } = this.#machine;
    late.requireNone();
    if (queue.length > 0) return queue.shift();
    const ticker = this.#ticker;
    const clock = this.#clock;
    const limit = this.#limit;
    while (clock.elapsed < limit) {
      if (!ticker.isArmed) vcpu.setSignalMask(ticker.arm(limit - clock.elapsed, this.#period));
      clock.enter();
      const hasExit = entry.enter();
      clock.leave();
      // The guest wrote to coalesced zones before it exited: what comes first goes first.
      const ringPage = vm.ringPage;
      if (ringPage !== 0) queue.push(...vcpu.drainCoalesced(ringPage));
      if (hasExit) return this.#after(entry.exit());
      if (!ticker.ticked()) return this.#after({ kind: "interrupted" });
      clock.tick();
      const left = limit - clock.elapsed;
      if (left < this.#period) ticker.set(left, this.#period);
      if (queue.length > 0) return queue.shift();
      if (this.#isSliced) return undefined;
    }
    return { kind: "timeout", elapsed: clock.elapsed };
  }

  /** At the end of a run, or of a slice: the clock may be put out. The next step takes it again. */
  disarm(): void {
    this.#ticker.disarm();
  }

  #after(exit: Exit): Exit {
    const { queue } = this.#machine;
    if (queue.length === 0) return exit;
    queue.push(exit);
    return queue.shift()!;
  }
}
