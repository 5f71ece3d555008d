/** A vCPU that runs on a thread of its own, as the thread that made the machine sees it. */
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { VcpuHandle } from "../calls/vcpu.ts";
import { ioctlFailed } from "../host/host-error.ts";
import type { Libc } from "../host/libc.ts";
import { closed, KvmError } from "../kvm-error.ts";
import { acquireHeldSignal, releaseStopSignal } from "../machine/stop-signal.ts";
import { holdExit } from "./thread-loading.ts";
import type { VcpuDebug } from "./vcpu-debug.ts";
import { addonIn, threadPlan } from "./thread-plan.ts";
import { commands, controlWords, vcpuThread } from "./vcpu-thread.ts";

/** The thread's program. */
const program = (): string => `
  const { parentPort, workerData: { addon: path, plan } } = require("node:worker_threads");
  const { words: { phase }, phases: { fresh, loading, loaded } } = plan;
  const control = new Int32Array(plan.control);
  if (Atomics.compareExchange(control, phase, fresh, loading) === fresh) {
    try {
      const addon = { exports: {} };
      process.dlopen(addon, path);
      (${vcpuThread.toString()})(addon.exports, plan, () => parentPort.postMessage(null));
    } finally {
      Atomics.store(control, phase, loaded);
      Atomics.notify(control, phase);
    }
  }
`;

/** How long a thread may take to leave the guest, in milliseconds: a thousand times what it should. */
const PATIENCE = 5000;

/** What a vCPU is about. */
export type VcpuStatus =
  /** It can go on. */
  | "ready"
  /** It is in the guest. */
  | "running"
  /** It stopped at an exit that nobody has handled yet. */
  | "stopped"
  /** Its exit was handled, and its instruction is to be completed. */
  | "handled";

/** What a vCPU with its thread is made of. */
export interface RunnerParts {
  readonly libc: Libc;
  readonly id: number;
  readonly vcpu: VcpuHandle;
  /** Called when the vCPU left the guest. */
  readonly onStop: (runner: VcpuRunner) => void;
}

/** A vCPU with its thread. */
export class VcpuRunner {
  readonly id: number;
  readonly vcpu: VcpuHandle;
  status: VcpuStatus = "ready";
  /** Whether its last exit was one more of an instruction that had one before. */
  isRepeated = false;
  /** What a debugger does about it, where the machine has one. */
  debug: VcpuDebug | undefined;
  /** Why it cannot run any more. */
  failure: KvmError | undefined;
  readonly #libc: Libc;
  readonly #control: Int32Array;
  readonly #worker: Worker;
  readonly #onStop: (runner: VcpuRunner) => void;
  #isQuitting = false;

  /** Fulfilled when the thread waits for its first command. */
  static async start(parts: RunnerParts): Promise<VcpuRunner> {
    const runner = new VcpuRunner(parts);
    await runner.#isReady;
    return runner;
  }

  readonly #isReady: Promise<void>;

  private constructor({ libc, id, vcpu, onStop }: RunnerParts) {
    this.id = id;
    this.vcpu = vcpu;
    this.#libc = libc;
    this.#onStop = onStop;
    // Taken for a moment, to find one that is free; the thread blocks it for itself.
    const signal = acquireHeldSignal(libc);
    releaseStopSignal(libc, signal);
    vcpu.setSignalMask(signal.guestMask);
    // The number of its descriptor may soon be another's, and its memory may go.
    vcpu.beforeClose = () => this.quit(closed(`vCPU ${id}`));
    const plan = threadPlan(vcpu.fd, signal);
    this.#control = new Int32Array(plan.control);
    this.#worker = new Worker(program(), {
      eval: true,
      execArgv: [],
      name: `guestwright vCPU ${id}`,
      workerData: { addon: addonIn(readFileSync("/proc/self/maps", "utf8")), plan },
    });
    const letExit = holdExit(this.#control);
    this.#isReady = new Promise((resolve, reject) => {
      this.#worker.once("exit", letExit);
      this.#worker.once("message", () => {
        letExit();
        this.#worker.on("message", () => this.#left());
        this.#worker.unref();
        resolve();
      });
      this.#worker.on("error", (cause) => this.#fail(cause, reject));
      this.#worker.on("exit", () => this.#fail(undefined, reject));
    });
  }

  /** Whether the vCPU is halted, or was never started; as of a few milliseconds ago. */
  get isIdle(): boolean {
    return this.status === "running" && Atomics.load(this.#control, controlWords.idle) === 1;
  }

  /** Enters the guest. The thread does not keep the process alive: whoever waits for its exits does. */
  run(): void {
    this.status = "running";
    this.#command(commands.wait, commands.run);
  }

  /** Asks the vCPU to leave the guest, within a few milliseconds. */
  pause(): void {
    this.#command(commands.run, commands.pause);
  }

  /**
   * Ends the thread, and waits until it has left the guest: until then its memory must stay. Nothing happens the second time.
   * Throws {@link KvmError} `CALL_FAILED` where it does not leave.
   *
   * @param reason why the vCPU cannot run any more
   */
  quit(reason: KvmError): void {
    this.#isQuitting = true;
    const { command, timer } = controlWords;
    Atomics.store(this.#control, command, commands.quit);
    Atomics.notify(this.#control, command);
    const until = performance.now() + PATIENCE;
    for (;;) {
      const id = Atomics.load(this.#control, timer);
      if (id === 0 || this.failure !== undefined) break;
      if (Atomics.wait(this.#control, timer, id, until - performance.now()) !== "timed-out") continue;
      throw new KvmError(`vCPU ${this.id} does not leave the guest`, {
        code: "CALL_FAILED",
        hint: "its memory is kept for as long; close the machine again",
      });
    }
    this.status = "ready";
    this.failure ??= reason;
  }

  #command(from: number, to: number): void {
    const { command } = controlWords;
    if (Atomics.compareExchange(this.#control, command, from, to) === from) Atomics.notify(this.#control, command);
  }

  #left(): void {
    if (this.#isQuitting) return;
    const outcome = Atomics.load(this.#control, controlWords.outcome);
    this.status = outcome === -1 ? "stopped" : "ready";
    if (outcome > 0) this.failure = ioctlFailed("KVM_RUN", outcome, this.id);
    this.#onStop(this);
  }

  /** The thread is over, and nobody asked for it. */
  #fail(cause: unknown, reject: (error: KvmError) => void): void {
    if (this.#isQuitting || this.failure !== undefined) return;
    this.failure = new KvmError(`the thread of vCPU ${this.id} ended`, { code: "CALL_FAILED", cause });
    this.status = "ready";
    // Its timer outlives it.
    const timer = Atomics.load(this.#control, controlWords.timer);
    if (timer !== 0) this.#libc.syscall("SYS_timer_delete", timer - 1, null, null, 0);
    reject(this.failure);
    this.#onStop(this);
  }
}
