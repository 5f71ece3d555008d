/** The debugger of a machine with several vCPUs. */
import { loadDisassembler } from "../../disasm/disassemble.ts";
import type { VmHandle } from "../calls/vm.ts";
import { requireSteps } from "../debug/debugger.ts";
import { PointSetter, type DebugPoints } from "../debug/debug-points.ts";
import { DebugSlots } from "../debug/debug-slots.ts";
import { lookAt } from "../debug/guest-code.ts";
import { probeDebugging, type DebugSupport } from "../debug/probe.ts";
import type { SymbolSource } from "../debug/symbols.ts";
import type { TraceEvent } from "../debug/trace.ts";
import { leavable } from "../machine/leaving.ts";
import { planRun, streamOptionNames, type StreamOptions } from "../machine/run-options.ts";
import { smpTraceEvents } from "./smp-trace.ts";
import type { VcpuCluster } from "./vcpu-cluster.ts";
import { VcpuDebug } from "./vcpu-debug.ts";

/** How one vCPU of several is to be traced: as `stream` would run it, and for how long. */
export interface SmpTraceOptions extends StreamOptions {
  /** After so many steps the trace is over. No limit unless given. */
  readonly maxSteps?: number;
}

const traceOptionNames: readonly (keyof SmpTraceOptions)[] = [...streamOptionNames, "maxSteps"];

/**
 * The debugger of a machine with several vCPUs. Breakpoints and watchpoints are those of all vCPUs: `stream` gives a `debug`
 * exit with the number of the vCPU that came there, and that one waits while the others go on.
 *
 * @example
 * ```ts
 * const debug = await machine.debug();
 * debug.breakAt("second");
 * for await (const { vcpu, exit } of machine.stream()) {
 *   if (exit.kind === "debug") console.log(vcpu, machine.registers(vcpu!).rip);
 * }
 * ```
 */
export interface SmpDebugger extends DebugPoints {
  /**
   * Runs one vCPU, one instruction at a time, while the others stand still. The trace gives its exits, but for debug exits, and
   * after each instruction a `step`. It ends as `stream` does, and with `hlt` where the vCPU is halted with interrupts off; one
   * that is halted with interrupts on is waited for up to the deadline. Throws {@link KvmError} `BAD_ARGUMENT` for a vCPU that is
   * not there or was not started, and while a stream or another trace is under way.
   *
   * @example
   * ```ts
   * for await (const event of debug.trace(1, { maxSteps: 100 })) {
   *   if (event.kind === "step") console.log(stepToText(event));
   * }
   * ```
   */
  trace(vcpu: number, options?: SmpTraceOptions): AsyncIterableIterator<TraceEvent, void, undefined>;
  /**
   * Executes one instruction of a vCPU: the first event of a trace. Where that is an exit that waits for an answer, the next
   * call gives the step.
   */
  step(vcpu: number, options?: StreamOptions): Promise<TraceEvent>;
}

/** What it is made of. */
export interface SmpDebuggerParts {
  readonly vm: VmHandle;
  readonly cluster: VcpuCluster;
  readonly symbols: SymbolSource;
  /** The path of KVM's device; `undefined` for the usual one. */
  readonly device: string | undefined;
  /** Throws where the machine was closed. */
  readonly requireOpen: () => void;
}

/** A debugger for all vCPUs. The disassembler is loaded, and the host probed. Throws what {@link probeDebugging} throws. */
export async function attachSmpDebugger(parts: SmpDebuggerParts): Promise<SmpDebugger> {
  const disassembler = await loadDisassembler();
  const support = await probeDebugging(parts.device === undefined ? {} : { device: parts.device });
  const { vm, cluster, symbols, requireOpen } = parts;
  requireOpen();
  const slots = new DebugSlots();
  for (const runner of cluster.runners) {
    const { vcpu } = runner;
    runner.debug = new VcpuDebug(vcpu, slots, () => lookAt({ vm, vcpu, programs: symbols.programs, disassembler }));
  }
  return new AttachedSmpDebugger(parts, slots, support);
}

class AttachedSmpDebugger extends PointSetter implements SmpDebugger {
  readonly #parts: SmpDebuggerParts;

  constructor(parts: SmpDebuggerParts, slots: DebugSlots, support: DebugSupport) {
    const pointsChanged = (): void => {
      for (const { debug } of parts.cluster.runners) debug?.pointsChanged();
    };
    super({ ...parts, slots, support, pointsChanged });
    this.#parts = parts;
  }

  trace(vcpu: number, options: SmpTraceOptions = {}): AsyncIterableIterator<TraceEvent, void, undefined> {
    const { cluster, requireOpen } = this.#parts;
    const plan = planRun("trace", traceOptionNames, options);
    const { maxSteps = Number.POSITIVE_INFINITY, signal } = options;
    requireSteps(maxSteps);
    requireOpen();
    const runner = cluster.runner(vcpu);
    const parts = { cluster, runner, debug: runner.debug!, support: this.support, requireOpen };
    return leavable(signal, (either) => smpTraceEvents({ ...parts, signal: either }, plan, maxSteps));
  }

  async step(vcpu: number, options: StreamOptions = {}): Promise<TraceEvent> {
    const trace = this.trace(vcpu, options);
    const event = await trace.next();
    await trace.return?.();
    return event.value!;
  }
}
