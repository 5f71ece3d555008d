/** A guest, loaded and ready to run: one VM, one vCPU, and the stream of exits. */
import { isMainThread } from "node:worker_threads";
import type { PhysAddr } from "../core/address.ts";
import type { GeneralRegisters } from "../layout/cpu-state.ts";
import type { Image } from "../layout/image.ts";
import { toMilliseconds, type Duration } from "./duration.ts";
import type { Exit } from "./exits.ts";
import { GuestClock } from "./guest-clock.ts";
import { closed } from "./kvm-error.ts";
import type { Libc } from "./libc.ts";
import { locate, type GuestLocation } from "./location.ts";
import type { KvmKind } from "./platform.ts";
import type { SpecialRegisters } from "./registers.ts";
import { Ticker } from "./ticker.ts";
import type { Vcpu, VcpuHandle } from "./vcpu.ts";
import type { Vm } from "./vm.ts";

/**
 * What of an image KVM needs: a guest that was not made by `layout` has it as well. With its programs, the machine can say
 * where in them the guest is.
 */
export type LoadableImage = Pick<Image, "memory" | "chunks" | "cpu"> & Partial<Pick<Image, "programs">>;

/** How a guest is to be run. */
export interface RunOptions {
  /**
   * How long the guest may run in this call: a number of milliseconds or text such as `"50ms"`; {@link DEFAULT_TIMEOUT}
   * unless given, `Infinity` for no deadline. The guest's time counts, not the consumer's: while an exit is handled, the
   * clock stands still. Where exits are many and short, it is measured by samples.
   */
  readonly timeout?: Duration;
}

/** The deadline of a run that is given none. */
export const DEFAULT_TIMEOUT: Duration = "10s";

/**
 * A guest on KVM. Every method throws {@link KvmError}: `CLOSED` after `close()`, `BAD_ARGUMENT` for an argument that makes
 * no sense, `IOCTL_FAILED` where the kernel refuses. What the guest does wrong is an exit, never an error.
 *
 * Close it: nothing else does. A machine that is only dropped keeps its memory and three file descriptors until the process
 * ends.
 */
export interface Machine {
  /** What it was booted from. */
  readonly image: LoadableImage;
  /** Which KVM runs it. */
  readonly kind: KvmKind;
  /** The VM below. */
  readonly vm: Vm;
  /** The vCPU below. */
  readonly vcpu: Vcpu;
  /**
   * Runs the guest, exit by exit, on the calling thread. The stream ends after `hlt`, `shutdown`, `internal-error`,
   * `fail-entry`, `timeout` and `interrupted`; calling again goes on from there, and so it does after `break`. To answer
   * `io-in` and `mmio-read`, write to their `data` before the next step.
   *
   * While the guest runs, no other JavaScript of this thread does. A signal ends the run as `interrupted`: return to the
   * event loop, and its handler is called. Signals that ask nobody to stop (SIGCHLD, SIGPROF, SIGURG, SIGWINCH) wait.
   *
   * @example
   * ```ts
   * for (const exit of machine.run({ timeout: "1s" })) {
   *   if (exit.kind === "io-out") process.stdout.write(exit.data);
   *   else if (exit.kind === "io-in") exit.data.fill(0xaa);
   * }
   * ```
   */
  run(options?: RunOptions): IterableIterator<Exit, void, undefined>;
  /** The general registers. While an input exit waits for its answer, they are those before the instruction. */
  registers(): GeneralRegisters;
  /** Segments, descriptor tables, control registers and EFER. */
  specialRegisters(): SpecialRegisters;
  /**
   * Where the guest is: RIP, and what of the image's programs lies there. At an exit it is the instruction that exited, or
   * the one after it, as the kind of exit and KVM have it.
   *
   * @example
   * ```ts
   * locationToText(machine.where()); // "boot+0x12 (examples/long-mode.ts:14)"
   * ```
   */
  where(): GuestLocation;
  /** A copy of `size` bytes of guest-physical memory from `at` on; all of them must be memory. */
  readMemory(at: PhysAddr, size: number): Uint8Array;
  /** Copies bytes into guest-physical memory; all of them must be memory, or none is written. */
  writeMemory(at: PhysAddr, bytes: Uint8Array): void;
  /** Gives back its memory, its file descriptors and its clock. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** After these the stream ends. */
const lastKinds: ReadonlySet<Exit["kind"]> = new Set<Exit["kind"]>([
  "hlt",
  "shutdown",
  "internal-error",
  "fail-entry",
  "timeout",
  "interrupted",
]);

/**
 * How often the ticker calls the thread back from the guest, in milliseconds: a few times before the deadline, so that the
 * guest's clock is right. A worker thread comes back often whatever its deadline, since it may be told to terminate; other
 * threads come back seldom, since a signal that arrives together with a tick is seen no earlier than the end of the run.
 */
function tickerPeriod(limit: number): number {
  const period = Math.min(Math.max(limit / 8, Math.min(limit, 1)), NEVER);
  return isMainThread ? period : Math.min(period, 100);
}

/** Longer than any process lives, in milliseconds, yet a time that a timer takes. */
const NEVER = 1e12;

/** What a machine is made of; it then owns the VM. */
export interface MachineParts {
  readonly libc: Libc;
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly vm: Vm;
  readonly vcpu: VcpuHandle;
}

/** A machine of its parts. */
export function createMachine(parts: MachineParts): Machine {
  return new RunningMachine(parts);
}

class RunningMachine implements Machine {
  readonly image: LoadableImage;
  readonly kind: KvmKind;
  readonly vm: Vm;
  readonly #vcpu: VcpuHandle;
  readonly #libc: Libc;
  #isOpen = true;

  constructor({ libc, image, kind, vm, vcpu }: MachineParts) {
    this.image = image;
    this.kind = kind;
    this.vm = vm;
    this.#vcpu = vcpu;
    this.#libc = libc;
  }

  get vcpu(): Vcpu {
    return this.#vcpu;
  }

  run(options: RunOptions = {}): IterableIterator<Exit, void, undefined> {
    const limit = toMilliseconds(options.timeout ?? DEFAULT_TIMEOUT);
    this.#requireOpen();
    return this.#exits(limit);
  }

  registers(): GeneralRegisters {
    this.#requireOpen();
    return this.#vcpu.getRegs();
  }

  specialRegisters(): SpecialRegisters {
    this.#requireOpen();
    return this.#vcpu.getSregs();
  }

  where(): GuestLocation {
    this.#requireOpen();
    return locate(this.#vcpu, this.image.programs ?? []);
  }

  readMemory(at: PhysAddr, size: number): Uint8Array {
    this.#requireOpen();
    return this.vm.readMemory(at, size);
  }

  writeMemory(at: PhysAddr, bytes: Uint8Array): void {
    this.#requireOpen();
    this.vm.writeMemory(at, bytes);
  }

  close(): void {
    this.#isOpen = false;
    this.vm.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  *#exits(limit: number): Generator<Exit, void, undefined> {
    const ticker = new Ticker(this.#libc);
    const period = tickerPeriod(limit);
    const clock = new GuestClock();
    try {
      for (;;) {
        const exit = this.#step(ticker, clock, limit, period);
        if (lastKinds.has(exit.kind)) {
          ticker.disarm();
          yield exit;
          return;
        }
        yield exit;
      }
    } finally {
      ticker.disarm();
    }
  }

  #step(ticker: Ticker, clock: GuestClock, limit: number, period: number): Exit {
    const vcpu = this.#vcpu;
    this.#requireOpen();
    while (clock.elapsed < limit) {
      vcpu.setSignalMask(ticker.arm(limit - clock.elapsed, period));
      clock.enter();
      const hasExit = vcpu.enter();
      clock.leave();
      if (hasExit) return vcpu.exit();
      if (!ticker.ticked()) return { kind: "interrupted" };
      clock.tick();
      const left = limit - clock.elapsed;
      if (left < period) ticker.set(left, period);
    }
    return { kind: "timeout", elapsed: clock.elapsed };
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw closed("the machine");
  }
}
