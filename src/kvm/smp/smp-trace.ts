/** One vCPU of several, one instruction at a time. */
import type { DebugSupport } from "../debug/probe.ts";
import { isStepEnd, requireStepping, stepOf, type TraceEvent } from "../debug/trace.ts";
import type { Exit } from "../exits/exits.ts";
import { badArgument } from "../kvm-error.ts";
import { unlessLeft } from "../machine/leaving.ts";
import type { RunPlan } from "../machine/run-options.ts";
import { endsRun } from "../machine/streams.ts";
import { isHaltedForGood } from "./halted.ts";
import type { VcpuCluster } from "./vcpu-cluster.ts";
import type { VcpuDebug } from "./vcpu-debug.ts";
import type { VcpuRunner } from "./vcpu-runner.ts";

/** What a trace is made of. */
export interface SmpTraceParts {
  readonly cluster: VcpuCluster;
  readonly runner: VcpuRunner;
  readonly debug: VcpuDebug;
  readonly support: DebugSupport;
  /** Ends the trace where it is aborted. */
  readonly signal: AbortSignal;
  /** Throws where the machine was closed. */
  readonly requireOpen: () => void;
}

/** Steps through the code of a vCPU. @param maxSteps after so many it is over */
export async function* smpTraceEvents(
  parts: SmpTraceParts,
  { dispatch, includeHandled, limit, maxExits }: RunPlan,
  maxSteps: number,
): AsyncGenerator<TraceEvent, void, undefined> {
  const { cluster, runner, debug, signal, requireOpen } = parts;
  requireOpen();
  cluster.late.requireNone();
  cluster.begin();
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  const wake = (): void => cluster.wake();
  signal.addEventListener("abort", wake);
  let steps = 0;
  let exits = 0;
  try {
    while (steps < maxSteps) {
      signal.throwIfAborted();
      requireOpen();
      const exit = exits < maxExits ? await next(parts, limit, elapsed) : ({ kind: "exit-limit", exits } as const);
      const sight = debug.unfinished;
      if (sight !== undefined && (exit === undefined || isStepEnd(exit))) {
        debug.unfinished = undefined;
        steps++;
        cluster.handled({ vcpu: runner.id });
        yield stepOf({ entry: debug, look: debug.look }, sight, exit?.kind === "debug" ? exit.hits : []);
      }
      if (exit === undefined || (exit.kind === "debug" && exit.isStep)) continue;
      exits++;
      try {
        if (endsRun(exit)) {
          debug.unfinished = undefined;
          yield exit;
          return;
        }
        const answer = dispatch?.(exit) ?? "unhandled";
        const asked = { vcpu: runner.id, exit };
        const outcome = answer instanceof Promise ? await cluster.late.wait(asked, answer, signal) : answer;
        if (outcome === "unhandled" || includeHandled) yield exit;
        if (typeof outcome === "string") continue;
        yield outcome;
        return;
      } finally {
        // One that a device has not answered is left to the next stream.
        if (!cluster.late.isOpen) cluster.handled({ vcpu: runner.id });
      }
    }
  } catch (error) {
    unlessLeft(error);
  } finally {
    signal.removeEventListener("abort", wake);
    await cluster.pause();
    if (runner.vcpu.isOpen) debug.endSteps();
    cluster.end();
  }
}

/** The next exit, of the instruction that is under way or of the one after it; `undefined` where it ended without one. */
async function next(
  { cluster, runner, debug, support, signal }: SmpTraceParts,
  limit: number,
  elapsed: () => number,
): Promise<Exit | undefined> {
  if (runner.status === "handled" && cluster.finish(runner)) return undefined;
  if (runner.status === "ready") {
    const state = runner.vcpu.getMpState();
    if (state !== "runnable" && state !== "halted") {
      throw badArgument(`vCPU ${runner.id} was not started`, state, "the guest starts it, by INIT and SIPI");
    }
    if (isHaltedForGood(runner.vcpu)) return { kind: "hlt" };
    const sight = debug.look();
    requireStepping(support, sight);
    debug.beforeStep(sight);
  }
  while (elapsed() < limit) {
    signal.throwIfAborted();
    const given = await cluster.nextOf(runner, limit - elapsed());
    if (given !== undefined) return given.exit;
  }
  await cluster.pause();
  return { kind: "timeout", elapsed: elapsed() };
}
