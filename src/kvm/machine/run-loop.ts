/** One run of a guest: exit after exit until its time is over, on the calling thread. */
import { isMainThread } from "node:worker_threads";
import type { Exit } from "../exits/exits.ts";
import { GuestClock } from "./guest-clock.ts";
import { LateAnswer } from "./late-answer.ts";
import type { Libc } from "../host/libc.ts";
import { closed } from "../kvm-error.ts";
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
  /** Whether it may still be run; `false` once it was closed. */
  isOpen: boolean;
  /** Exits that KVM gave and nobody took yet, oldest first: they outlive the run that was left. */
  readonly queue: Exit[];
  /** The exit that a device has not answered yet. */
  readonly late: LateAnswer<Exit>;
}

/** A machine that was not run yet. */
export function newRunnable({ libc, vm, vcpu }: Pick<Runnable, "libc" | "vm" | "vcpu">): Runnable {
  return { libc, vm, vcpu, entry: vcpu, isOpen: true, queue: [], late: new LateAnswer() };
}

/** Throws {@link KvmError} `CLOSED` where the machine was closed. */
export function requireOpen({ isOpen }: Runnable): void {
  if (!isOpen) throw closed("the machine");
}

/** How long an asynchronous run keeps the thread at a time, in milliseconds. */
const SLICE = 2;

/** Longer than any process lives, in milliseconds, yet a time that a timer takes. */
const NEVER = 1e12;

/**
 * How often the ticker calls the thread back from the guest, in milliseconds: a few times before the deadline, so that the
 * guest's clock is right. A worker thread comes back often whatever its deadline, since it may be told to terminate; other
 * threads come back seldom, since a signal that arrives together with a tick is seen no earlier than the end of the run.
 */
function syncPeriod(limit: number): number {
  const period = Math.min(Math.max(limit / 8, Math.min(limit, 1)), NEVER);
  return isMainThread ? period : Math.min(period, 100);
}

/** One run, with its clock. Whoever steps through it disarms it in the end. */
export class RunLoop {
  readonly #machine: Runnable;
  readonly #limit: number;
  readonly #period: number;
  readonly #isSliced: boolean;
  readonly #ticker: Ticker;
  readonly #clock: GuestClock;

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
    this.#clock = new GuestClock(limit);
  }

  /**
   * The next exit; `undefined` at the end of an asynchronous run's slice. Throws {@link KvmError} `BAD_ARGUMENT` where a device
   * has not answered yet, which another run or stream may have asked meanwhile.
   */
  step(): Exit | undefined {
    const { vm, queue, entry, late } = this.#machine;
    late.requireNone();
    if (queue.length > 0) return queue.shift();
    const clock = this.#clock;
    // What seldom happens stands in functions of its own, so that the compiler takes the rest into the consumer's loop.
    while (!clock.isOver) {
      if (!this.#ticker.isArmed) this.#arm();
      clock.enter();
      const hasExit = entry.enter();
      clock.leave();
      // The guest wrote to coalesced zones before it exited: what comes first goes first.
      if (vm.ringPage !== 0) this.#drainCoalesced();
      const exit = hasExit ? entry.exit() : this.#interruption();
      if (queue.length > 0) return this.#after(exit);
      if (exit !== undefined || this.#isSliced) return exit;
    }
    return { kind: "timeout", elapsed: clock.elapsed };
  }

  /** At the end of a run, or of a slice: the clock may be put out. The next step takes it again. */
  disarm(): void {
    this.#ticker.disarm();
  }

  /** How long the guest may stay before the clock calls the thread back, in milliseconds; at the deadline, as after it. */
  get #timeToTick(): number {
    const left = this.#limit - this.#clock.elapsed;
    return left > 0 ? Math.min(left, this.#period) : this.#period;
  }

  #arm(): void {
    this.#machine.vcpu.setSignalMask(this.#ticker.arm(this.#timeToTick));
  }

  #drainCoalesced(): void {
    const { vcpu, vm, queue } = this.#machine;
    queue.push(...vcpu.drainCoalesced(vm.ringPage));
  }

  /** What a signal means that ended the guest's stay: nothing where it was the clock's, which is set again. */
  #interruption(): Exit | undefined {
    if (!this.#ticker.ticked()) return { kind: "interrupted" };
    this.#clock.tick();
    this.#ticker.set(this.#timeToTick);
    return undefined;
  }

  /** The exit that comes next, where others wait. */
  #after(exit: Exit | undefined): Exit {
    const { queue } = this.#machine;
    if (exit !== undefined) queue.push(exit);
    return queue.shift()!;
  }
}
