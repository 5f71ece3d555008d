/** A machine's debugger: breakpoints, watchpoints and single steps. */
import { show } from "../../core/show.ts";
import { loadDisassembler } from "../../disasm/disassemble.ts";
import { badArgument } from "../kvm-error.ts";
import type { Runnable } from "../machine/run-loop.ts";
import { planRun, runOptionNames, type RunOptions } from "../machine/run-options.ts";
import { DebugEntry } from "./debug-entry.ts";
import { PointSetter, type DebugPoints, type PointParts } from "./debug-points.ts";
import { DebugSlots } from "./debug-slots.ts";
import { lookAt, type Sight } from "./guest-code.ts";
import { probeDebugging } from "./probe.ts";
import type { SymbolSource } from "./symbols.ts";
import { traceEvents, type TraceEvent, type TraceParts } from "./trace.ts";

/** How a guest is to be traced: as `run` would run it, and for how long. */
export interface TraceOptions extends RunOptions {
  /** After so many steps the trace is over. No limit unless given. */
  readonly maxSteps?: number;
}

const traceOptionNames: readonly (keyof TraceOptions)[] = [...runOptionNames, "maxSteps"];

/**
 * A machine's debugger: its breakpoints and watchpoints, which `run` and `stream` stop at, and single steps.
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
export interface Debugger extends DebugPoints {
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
  const { machine, symbols } = parts;
  const { vm, vcpu } = machine;
  const slots = new DebugSlots();
  const look = (): Sight => lookAt({ vm, vcpu, programs: symbols.programs, disassembler });
  const entry = new DebugEntry(vcpu, slots, look);
  machine.entry = entry;
  return new AttachedDebugger({ ...parts, slots, support, entry, look, pointsChanged: () => entry.pointsChanged() });
}

class AttachedDebugger extends PointSetter implements Debugger {
  readonly #parts: TraceParts;

  constructor(parts: PointParts & TraceParts) {
    super(parts);
    this.#parts = parts;
  }

  trace(options: TraceOptions = {}): IterableIterator<TraceEvent, void, undefined> {
    const plan = planRun("trace", traceOptionNames, options);
    const { maxSteps = Number.POSITIVE_INFINITY } = options;
    requireSteps(maxSteps);
    this.#parts.requireOpen();
    return traceEvents(this.#parts, plan, maxSteps);
  }

  step(options: RunOptions = {}): TraceEvent {
    const [event] = this.trace(options);
    return event!;
  }
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what is no number of steps. */
export function requireSteps(maxSteps: number): void {
  if (maxSteps === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxSteps) && maxSteps > 0)) return;
  throw badArgument(`maxSteps is no whole number above 0: ${show(maxSteps)}`, maxSteps);
}
