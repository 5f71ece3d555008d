/** A machine's debugger: breakpoints, watchpoints and single steps. */
import type { VirtAddr } from "../../core/address.ts";
import { loadDisassembler, type Disassembler } from "../../disasm/disassemble.ts";
import { badArgument } from "../kvm-error.ts";
import type { Runnable } from "../machine/run-loop.ts";
import { planRun, type RunOptions } from "../machine/run-options.ts";
import { DebugEntry } from "./debug-entry.ts";
import {
  requireLinear,
  requireWatchable,
  type Breakpoint,
  type DebugPoint,
  type WatchedAccess,
  type Watchpoint,
} from "./debug-point.ts";
import { lookAt, type Sight } from "./guest-code.ts";
import { probeDebugging, type DebugSupport } from "./probe.ts";
import { requireSupport } from "./support-error.ts";
import { symbolAddress, type SymbolSource } from "./symbols.ts";
import { traceEvents, type TraceEvent } from "./trace.ts";

/** What a watchpoint watches. */
export interface WatchOptions {
  /** In bytes; the address must be a multiple of it. 1 unless given. */
  readonly size?: Watchpoint["size"];
  /** Which accesses; writes unless given. A write of the same value counts. */
  readonly on?: WatchedAccess;
}

/** How a guest is to be traced: as `run` would run it, and for how long. */
export interface TraceOptions extends RunOptions {
  /** After so many steps the trace is over. No limit unless given. */
  readonly maxSteps?: number;
}

/**
 * A machine's debugger. There are four debug registers, for breakpoints and watchpoints together; while any is in use, the
 * guest's own debug registers are not, and its own #DB become debug exits. Methods throw {@link KvmError} `NOT_SUPPORTED`
 * where the host's KVM cannot do it, and `CLOSED` after the machine's `close()`.
 *
 * @example
 * ```ts
 * const debug = await machine.debug();
 * const atLoop = debug.breakAt("guest.loop");
 * for (const exit of machine.run()) {
 *   if (exit.kind === "debug" && exit.hits.includes(atLoop)) console.log(machine.registers().rcx);
 * }
 * ```
 */
export interface Debugger {
  /** What this host's KVM can do: see {@link probeDebugging}. */
  readonly support: DebugSupport;
  /** The breakpoints and watchpoints that are set, by debug register. */
  readonly points: readonly DebugPoint[];
  /**
   * Stops the guest before it executes an instruction: `run` and `stream` then give a `debug` exit. Going on executes it.
   * Throws {@link KvmError} `BAD_ARGUMENT` for a symbol that is not there or is ambiguous, and `NO_ROOM` where all debug
   * registers are taken.
   *
   * @param place a label, `program.label`, the name of a program for its first byte, or a linear address
   */
  breakAt(place: string | VirtAddr): Breakpoint;
  /**
   * Stops the guest after an instruction that accessed some bytes: `run` and `stream` then give a `debug` exit. Throws
   * {@link KvmError} `BAD_ARGUMENT` for what the CPU cannot watch, and `NO_ROOM` where all debug registers are taken.
   *
   * @param place a label, `program.label`, the name of a program for its first byte, or a linear address
   */
  watch(place: string | VirtAddr, options?: WatchOptions): Watchpoint;
  /** Takes a breakpoint or a watchpoint away. Throws {@link KvmError} `BAD_ARGUMENT` for one that is not set. */
  remove(point: DebugPoint): void;
  /** Takes all of them away. */
  clear(): void;
  /**
   * Runs the guest one instruction at a time. The trace gives what `run` gives, but for debug exits, and after each
   * instruction a `step`; it ends as `run` does. Exits that are answered are answered as in `run`; the step comes when the
   * instruction is complete. `break` leaves a machine that can go on.
   *
   * @example
   * ```ts
   * for (const event of debug.trace({ maxSteps: 100 })) {
   *   if (event.kind === "step") console.log(stepToText(event));
   * }
   * ```
   */
  trace(options?: TraceOptions): IterableIterator<TraceEvent, void, undefined>;
  /**
   * Executes one instruction: the first event of a trace. Where that is an exit that waits for an answer, the next call
   * gives the step.
   */
  step(options?: RunOptions): TraceEvent;
}

/** What a debugger is made of. */
export interface DebuggerParts {
  readonly machine: Runnable;
  readonly symbols: SymbolSource;
  /** The path of KVM's device; `undefined` for the usual one. */
  readonly device: string | undefined;
  /** Throws where the machine was closed. */
  readonly requireOpen: () => void;
}

/**
 * A debugger for a machine, which enters its guest through it from now on. The disassembler is loaded, and the host probed.
 * Throws what {@link probeDebugging} throws.
 */
export async function attachDebugger(parts: DebuggerParts): Promise<Debugger> {
  const disassembler = await loadDisassembler();
  const support = await probeDebugging(parts.device === undefined ? {} : { device: parts.device });
  parts.requireOpen();
  return new AttachedDebugger(parts, disassembler, support);
}

class AttachedDebugger implements Debugger {
  readonly support: DebugSupport;
  readonly #parts: DebuggerParts;
  readonly #entry: DebugEntry;
  readonly #look: () => Sight;
  #lastId = 0;

  constructor(parts: DebuggerParts, disassembler: Disassembler, support: DebugSupport) {
    const { machine, symbols } = parts;
    const { vm, vcpu } = machine;
    this.#parts = parts;
    this.support = support;
    this.#look = () => lookAt({ vm, vcpu, programs: symbols.programs, disassembler });
    this.#entry = new DebugEntry(vcpu, this.#look);
    machine.entry = this.#entry;
  }

  get points(): readonly DebugPoint[] {
    return this.#entry.points;
  }

  breakAt(place: string | VirtAddr): Breakpoint {
    this.#parts.requireOpen();
    const address = this.#addressOf(place);
    requireSupport(this.support, "breakpoints");
    const symbol = typeof place === "string" ? place : undefined;
    return this.#add({ kind: "breakpoint", id: this.#lastId + 1, address, symbol });
  }

  watch(place: string | VirtAddr, { size = 1, on = "write" }: WatchOptions = {}): Watchpoint {
    this.#parts.requireOpen();
    const address = this.#addressOf(place);
    requireWatchable(address, size, on);
    requireSupport(this.support, "watchpoints");
    return this.#add({ kind: "watchpoint", id: this.#lastId + 1, address, size, on });
  }

  remove(point: DebugPoint): void {
    this.#parts.requireOpen();
    if (!this.#entry.remove(point)) throw badArgument("no breakpoint or watchpoint of this machine", point);
  }

  clear(): void {
    this.#parts.requireOpen();
    for (const point of this.points) this.#entry.remove(point);
  }

  trace(options: TraceOptions = {}): IterableIterator<TraceEvent, void, undefined> {
    const { maxSteps = Number.POSITIVE_INFINITY } = options;
    if (maxSteps !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxSteps) && maxSteps > 0)) {
      throw badArgument(`maxSteps is no whole number above 0: ${String(maxSteps)}`, maxSteps);
    }
    const plan = planRun(options);
    const { machine, requireOpen } = this.#parts;
    requireOpen();
    const parts = { machine, entry: this.#entry, support: this.support, look: this.#look, requireOpen };
    return traceEvents(parts, plan, maxSteps);
  }

  step(options: RunOptions = {}): TraceEvent {
    const [event] = this.trace(options);
    return event!;
  }

  #addressOf(place: string | VirtAddr): VirtAddr {
    if (typeof place === "string") return symbolAddress(this.#parts.symbols, place);
    requireLinear(place, "the address");
    return place;
  }

  #add<Point extends DebugPoint>(point: Point): Point {
    Object.freeze(point);
    this.#entry.add(point);
    this.#lastId = point.id;
    return point;
  }
}
