/** The guest, instruction by instruction: the exits that a run gives, and after each instruction a step. */
import type { Exit } from "../exits/exits.ts";
import { dispatchNow } from "../machine/dispatch.ts";
import { guardAnswers } from "../machine/late-answer.ts";
import { RunLoop, type Runnable } from "../machine/run-loop.ts";
import type { RunPlan } from "../machine/run-options.ts";
import { endsRun } from "../machine/streams.ts";
import type { DebugEntry } from "./debug-entry.ts";
import { privilegeLevel, type Sight } from "./guest-code.ts";
import type { DebugPoint } from "./debug-point.ts";
import type { DebugSupport } from "./probe.ts";
import { registerChanges } from "./register-changes.ts";
import type { Step } from "./step.ts";
import { notSupported } from "./support-error.ts";

/** What a trace is made of. */
export interface TraceParts {
  readonly machine: Runnable;
  readonly entry: DebugEntry;
  readonly support: DebugSupport;
  /** Looks at the guest where it is. */
  readonly look: () => Sight;
  /** Throws where the machine was closed. */
  readonly requireOpen: () => void;
}

/** What a trace gives: steps, and the exits that devices do not handle. */
export type TraceEvent = Step | Exit;

/** Steps through the guest. @param maxSteps after so many it is over */
export function* traceEvents(
  parts: TraceParts,
  plan: RunPlan,
  maxSteps: number,
): Generator<TraceEvent, void, undefined> {
  const { machine, entry, requireOpen } = parts;
  const { maxExits, includeHandled } = plan;
  const dispatch = plan.dispatch && guardAnswers(plan.dispatch, machine.late);
  const loop = new RunLoop(machine, plan.limit, "sync");
  let steps = 0;
  let exits = 0;
  try {
    while (steps < maxSteps) {
      requireOpen();
      const exit: Exit | undefined = exits < maxExits ? next(parts, loop) : { kind: "exit-limit", exits };
      const sight = entry.unfinished;
      if (sight !== undefined && (exit === undefined || isStepEnd(exit))) {
        entry.unfinished = undefined;
        steps++;
        yield stepOf(parts, sight, exit?.kind === "debug" ? exit.hits : []);
      }
      if (exit === undefined || (exit.kind === "debug" && exit.isStep)) continue;
      exits++;
      if (endsRun(exit)) {
        entry.unfinished = undefined;
        loop.disarm();
        yield exit;
        return;
      }
      const outcome = dispatch === undefined ? "unhandled" : dispatchNow(dispatch, exit);
      if (outcome === "unhandled" || includeHandled) yield exit;
      if (typeof outcome === "string") continue;
      loop.disarm();
      yield outcome;
      return;
    }
  } finally {
    loop.disarm();
    if (machine.vcpu.isOpen) entry.endSteps();
  }
}

/** The next exit, of the instruction that is under way or of the one after it; `undefined` where it ended without one. */
function next({ machine, entry, support, look }: TraceParts, loop: RunLoop): Exit | undefined {
  const { queue, vcpu, late } = machine;
  late.requireNone();
  if (queue.length > 0) return queue.shift();
  if (vcpu.isIncomplete) {
    const exit = vcpu.complete();
    return exit === undefined ? undefined : entry.read(exit);
  }
  const sight = look();
  requireStepping(support, sight);
  return entry.step(sight, () => loop.step());
}

/** Whether an exit is the end of a step. */
export function isStepEnd(exit: Exit): boolean {
  return exit.kind === "hlt" || (exit.kind === "debug" && exit.isStep);
}

/** What became of an instruction. @param watched the watchpoints that it hit */
export function stepOf(
  { entry, look }: { readonly entry: Pick<DebugEntry, "arrive">; readonly look: () => Sight },
  before: Sight,
  watched: readonly DebugPoint[],
): Step {
  const after = look();
  return {
    kind: "step",
    location: before.location,
    instruction: before.instruction,
    changes: registerChanges({ ...before.sregs, regs: before.regs }, { ...after.sregs, regs: after.regs }),
    hits: [...watched, ...entry.arrive(after.location.linear)],
  };
}

/** A step that the host cannot take would become an exception of the guest's. */
export function requireStepping(support: DebugSupport, { sregs }: Sight): void {
  const level = privilegeLevel(sregs) === 3 ? "user" : "supervisor";
  if (!support[level].singleStep) throw notSupported(support, "singleStep", [level]);
}
