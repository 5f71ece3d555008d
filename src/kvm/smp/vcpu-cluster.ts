/** The vCPUs of one machine: which of them runs, which waits, and what they exited with. */
import type { VmHandle } from "../calls/vm.ts";
import type { Exit } from "../exits/exits.ts";
import type { VcpuRunner } from "./vcpu-runner.ts";

/** An exit, and whose it is. */
export interface VcpuExit {
  /** The number of the vCPU; `undefined` for what ended the stream of all of them. */
  readonly vcpu: number | undefined;
  readonly exit: Exit;
}

/** How often the vCPUs are looked at while nothing happens, in milliseconds: whether any is left that could do something. */
const LOOK = 10;

/** RFLAGS.IF (SDM vol. 1, 3.4.3). */
const RFLAGS_IF = 1n << 9n;

/** The vCPUs of a machine. */
export class VcpuCluster {
  readonly #vm: VmHandle;
  readonly runners: VcpuRunner[] = [];
  readonly #queue: VcpuExit[] = [];
  #wake: () => void = () => undefined;

  constructor(vm: VmHandle) {
    this.#vm = vm;
  }

  /** To be called when a vCPU has left the guest. */
  stopped(runner: VcpuRunner): void {
    if (runner.status === "stopped") this.#push(runner.id, runner.vcpu.exit());
    this.#wake();
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
    const failure = this.runners.find((runner) => runner.failure !== undefined)?.failure;
    if (failure !== undefined) throw failure;
    return this.#queue.shift();
  }

  /** The consumer is done with an exit: its vCPU goes on with the next {@link next}. */
  handled({ vcpu }: VcpuExit): void {
    const runner = this.runners.find(({ id }) => id === vcpu);
    if (runner?.status === "stopped" && !this.#queue.some((each) => each.vcpu === vcpu)) runner.status = "handled";
  }

  /** Waits until no vCPU is in the guest. Exits that came meanwhile are the next ones. */
  async pause(): Promise<void> {
    for (const runner of this.runners) runner.pause();
    while (this.runners.some(({ status }) => status === "running")) await this.#wait(LOOK);
  }

  /** Ends all threads, and waits until none is in the guest. */
  quit(): void {
    for (const runner of this.runners) runner.quit();
    this.#wake();
  }

  #goOn(): void {
    for (const runner of this.runners) {
      if (runner.status === "handled") this.#complete(runner);
      if (runner.status === "ready" && runner.failure === undefined) runner.run();
    }
  }

  /** The answer is taken here, so that the vCPU's thread need not know of any. */
  #complete(runner: VcpuRunner): void {
    const exit = runner.vcpu.complete();
    runner.status = exit === undefined ? "ready" : "stopped";
    if (exit !== undefined) this.#push(runner.id, exit);
  }

  /** Where every vCPU is halted with interrupts off, or was never started, nothing happens any more. */
  async #endIfHalted(): Promise<void> {
    await this.pause();
    const isOver = this.runners.every(({ vcpu, status }) => {
      if (status !== "ready") return false;
      const state = vcpu.getMpState();
      return state !== "runnable" && (state !== "halted" || (vcpu.getRegs().rflags & RFLAGS_IF) === 0n);
    });
    if (isOver && this.#queue.length === 0) this.#queue.push({ vcpu: undefined, exit: { kind: "hlt" } });
  }

  /** What the guest wrote to coalesced zones before it exited goes first. */
  #push(vcpu: number, exit: Exit): void {
    const { ringPage } = this.#vm;
    const { vcpu: handle } = this.runners.find(({ id }) => id === vcpu)!;
    const collected = ringPage === 0 ? [] : handle.drainCoalesced(ringPage);
    this.#queue.push(...collected.map((each) => ({ vcpu, exit: each })), { vcpu, exit });
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
