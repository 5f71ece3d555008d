/** The vCPUs of one machine: which of them runs, which waits, and what they exited with. */
import { show } from "../../core/show.ts";
import type { VirtAddr } from "../../core/address.ts";
import type { VmHandle } from "../calls/vm.ts";
import { isAnswerable } from "../exits/answer-exit.ts";
import type { Exit } from "../exits/exits.ts";
import { badArgument, closed, type KvmError } from "../kvm-error.ts";
import { LateAnswer } from "../machine/late-answer.ts";
import { isHaltedForGood } from "./halted.ts";
import type { VcpuRunner } from "./vcpu-runner.ts";

/** An exit, and whose it is. */
export interface VcpuExit {
  /** The number of the vCPU; `undefined` for what ended the stream of all of them. */
  readonly vcpu: number | undefined;
  readonly exit: Exit;
}

/** What of a machine is neither the kernel's nor the guest's. */
export interface ClusterState {
  /** The exits that nobody had taken. */
  readonly exits: readonly VcpuExit[];
  /** At which breakpoint each vCPU stood that its consumer knew of, by the vCPUs' numbers. */
  readonly told: readonly (VirtAddr | undefined)[];
}

/** How often the vCPUs are looked at while nothing happens, in milliseconds: whether any is left that could do something. */
const LOOK = 10;

/** The vCPUs of a machine. */
export class VcpuCluster {
  readonly #vm: VmHandle;
  readonly runners: VcpuRunner[] = [];
  readonly #queue: VcpuExit[] = [];
  /** The exit that a device has not answered yet. Its vCPU is stopped. */
  readonly late: LateAnswer<VcpuExit> = new LateAnswer();
  #wake: () => void = () => undefined;
  #isRunning = false;

  constructor(vm: VmHandle) {
    this.#vm = vm;
  }

  /** One of them, by its number. Throws {@link KvmError} `BAD_ARGUMENT` where there is none. */
  runner(vcpu: number): VcpuRunner {
    const runner = typeof vcpu === "number" ? this.runners[vcpu] : undefined;
    if (runner !== undefined) return runner;
    throw badArgument(`there is no vCPU ${show(vcpu)}`, vcpu, `they are numbered from 0 to ${this.runners.length - 1}`);
  }

  /** To be called when a vCPU has left the guest. */
  stopped(runner: VcpuRunner): void {
    runner.isRepeated = false;
    try {
      if (runner.status === "stopped") this.#take(runner, runner.vcpu.exit());
    } catch (error) {
      // For whoever waits for the exit: nobody else is there to be told.
      runner.failure = error as KvmError;
    }
    this.#wake();
  }

  /** One that only left its breakpoint goes on. */
  #take(runner: VcpuRunner, given: Exit): void {
    const exit = runner.debug === undefined ? given : runner.debug.read(given);
    if (exit === undefined) runner.status = "ready";
    else this.#push(runner, exit);
  }

  /** To be called before a run. Throws {@link KvmError} `BAD_ARGUMENT` where one is under way: one consumer takes the exits. */
  begin(): void {
    this.requireStill();
    this.#isRunning = true;
  }

  /** To be called after a run, when no vCPU is in the guest. */
  end(): void {
    this.#isRunning = false;
  }

  /** Throws {@link KvmError} `BAD_ARGUMENT` where a run is under way. */
  requireStill(): void {
    if (!this.#isRunning) return;
    throw badArgument(
      "a stream of the machine is under way",
      undefined,
      "leave it first: by break, or by its return()",
    );
  }

  /** Ends a wait of {@link next}. */
  wake(): void {
    this.#wake();
  }

  /**
   * Lets every vCPU run that can, and waits for an exit, for at most so many milliseconds. `undefined` where none came, which
   * it also gives when it was woken. Throws {@link KvmError} where a vCPU cannot run any more.
   */
  async next(left: number): Promise<VcpuExit | undefined> {
    this.#goOn();
    if (this.#queue.length === 0) {
      await this.#wait(Math.min(left, LOOK));
      if (this.#queue.length === 0 && this.runners.every(({ isIdle }) => isIdle)) await this.#endIfHalted();
    }
    for (const runner of this.runners) requireAble(runner);
    return this.#queue.shift();
  }

  /**
   * Lets one vCPU run alone, and waits for its exit, for at most so many milliseconds, and not for long. `undefined` where none
   * came; then it may run still. Throws {@link KvmError} where it cannot run any more.
   */
  async nextOf(runner: VcpuRunner, left: number): Promise<VcpuExit | undefined> {
    if (!this.#isQueued(runner)) {
      requireAble(runner);
      if (runner.status === "ready") runner.run();
      await this.#wait(Math.min(left, LOOK));
      requireAble(runner);
    }
    return this.#isQueued(runner) ? this.#queue.splice(this.#indexOf(runner), 1)[0] : undefined;
  }

  /** Completes the instruction of an exit that was handled. Whether it is complete, and has no more exits. */
  finish(runner: VcpuRunner): boolean {
    this.#complete(runner);
    return runner.status === "ready";
  }

  /** The consumer is done with an exit: its vCPU goes on with the next {@link next}. */
  handled({ vcpu }: Pick<VcpuExit, "vcpu">): void {
    const runner = this.runners.find(({ id }) => id === vcpu);
    if (runner?.status === "stopped" && !this.#isQueued(runner)) runner.status = "handled";
  }

  /** Waits until no vCPU is in the guest. Exits that came meanwhile are the next ones. */
  async pause(): Promise<void> {
    for (const runner of this.runners) runner.pause();
    while (this.runners.some(({ status }) => status === "running")) await this.#wait(LOOK);
  }

  /**
   * Brings every vCPU between two instructions, for a snapshot. A write that nobody has taken yet is completed, and stays. A
   * vCPU that waits for an answer that nobody was asked for stays as it is: its registers are those before the instruction, and
   * there it will exit again.
   *
   * Returns what a snapshot has to keep, for {@link comeBack}. Throws {@link KvmError} `BAD_ARGUMENT` where an
   * instruction of which an exit was taken has another one, and where a device has not answered yet.
   */
  settle(): ClusterState {
    this.late.requireNone();
    this.#queue.push(...this.#collected(this.runners[0]!));
    for (const runner of this.runners) {
      if (runner.status === "handled") this.#complete(runner);
      while (runner.status === "stopped" && !this.#isAsking(runner)) {
        const exit = runner.vcpu.complete();
        if (exit === undefined) break;
        this.#repeat(runner, exit);
      }
      if (!runner.isRepeated || !this.#isAsking(runner)) continue;
      const message = `vCPU ${runner.id} is in the middle of an instruction`;
      throw badArgument(message, undefined, "run on until it is complete");
    }
    return {
      exits: this.#queue.filter(({ exit }) => !isAnswerable(exit)).map(copyOf),
      told: this.runners.map(({ debug }) => debug?.told),
    };
  }

  /** The vCPUs were put back to where {@link settle} found them. */
  comeBack({ exits, told }: ClusterState): void {
    this.#collected(this.runners[0]!);
    this.late.drop();
    this.#queue.splice(0, this.#queue.length, ...exits.map(copyOf));
    for (const runner of this.runners) {
      runner.isRepeated = false;
      runner.status = this.#isQueued(runner) ? "stopped" : "ready";
      runner.debug?.comeBack(told[runner.id]);
    }
  }

  /** Whether the last exit of a vCPU waits for an answer, and nobody was asked for it. */
  #isAsking({ id }: VcpuRunner): boolean {
    const last = this.#queue.findLast(({ vcpu }) => vcpu === id);
    return last !== undefined && isAnswerable(last.exit);
  }

  #indexOf({ id }: VcpuRunner): number {
    return this.#queue.findIndex(({ vcpu }) => vcpu === id);
  }

  #isQueued(runner: VcpuRunner): boolean {
    return this.#indexOf(runner) >= 0;
  }

  /** Ends all threads, and waits until none is in the guest. */
  quit(): void {
    for (const runner of this.runners) runner.quit(closed("the machine"));
    this.#wake();
  }

  #goOn(): void {
    for (const runner of this.runners) {
      if (runner.status === "handled") this.#complete(runner);
      if (runner.status !== "ready" || runner.failure !== undefined) continue;
      runner.debug?.beforeRun();
      runner.run();
    }
  }

  /** The answer is taken here, so that the vCPU's thread need not know of any. */
  #complete(runner: VcpuRunner): void {
    const exit = runner.vcpu.complete();
    runner.status = exit === undefined ? "ready" : "stopped";
    if (exit !== undefined) this.#repeat(runner, exit);
  }

  #repeat(runner: VcpuRunner, exit: Exit): void {
    runner.isRepeated = true;
    this.#take(runner, exit);
  }

  /** Where every vCPU is halted with interrupts off, or was never started, nothing happens any more. */
  async #endIfHalted(): Promise<void> {
    await this.pause();
    const isOver = this.runners.every(({ vcpu, status }) => status === "ready" && isHaltedForGood(vcpu));
    if (isOver && this.#queue.length === 0) this.#queue.push({ vcpu: undefined, exit: { kind: "hlt" } });
  }

  /** What the guest wrote to coalesced zones before it exited goes first. */
  #push(runner: VcpuRunner, exit: Exit): void {
    this.#queue.push(...this.#collected(runner), { vcpu: runner.id, exit });
  }

  /** What was written to coalesced zones: KVM does not tell which vCPU wrote it. */
  #collected({ id, vcpu }: VcpuRunner): readonly VcpuExit[] {
    const { ringPage } = this.#vm;
    return ringPage === 0 ? [] : vcpu.drainCoalesced(ringPage).map((exit) => ({ vcpu: id, exit }));
  }

  async #wait(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(milliseconds, 0));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}

/** Throws {@link KvmError} where a vCPU cannot run any more. */
function requireAble({ failure }: VcpuRunner): void {
  if (failure !== undefined) throw failure;
}

/** An exit whose bytes nobody else has. */
function copyOf({ vcpu, exit }: VcpuExit): VcpuExit {
  const isWrite = exit.kind === "io-out" || exit.kind === "mmio-write";
  return isWrite ? { vcpu, exit: { ...exit, data: exit.data.slice() } } : { vcpu, exit };
}
