/** The stream of exits beside the event loop, and what ends a stream. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Exit } from "../exits/exits.ts";
import { guardAnswers } from "./late-answer.ts";
import { unlessLeft } from "./leaving.ts";
import { requireOpen, RunLoop, type Runnable } from "./run-loop.ts";
import type { RunPlan } from "./run-options.ts";

/** After these the stream ends. */
const lastKinds: ReadonlySet<Exit["kind"]> = new Set<Exit["kind"]>([
  "hlt",
  "shutdown",
  "internal-error",
  "fail-entry",
  "timeout",
  "interrupted",
  "exit-limit",
  "guest-exit",
]);

/** Whether a run is over after an exit. */
export function endsRun({ kind }: Exit): boolean {
  // The most frequent exits first: a string compared is cheaper than one looked up.
  return kind !== "io-out" && kind !== "io-in" && kind !== "mmio-write" && lastKinds.has(kind);
}

/** The exits of a run that gives the thread back every 2 ms. */
export async function* asyncExits(
  machine: Runnable,
  plan: RunPlan,
  signal: AbortSignal,
): AsyncGenerator<Exit, void, undefined> {
  const { maxExits, includeHandled } = plan;
  const { late } = machine;
  const dispatch = plan.dispatch && guardAnswers(plan.dispatch, late);
  const loop = new RunLoop(machine, plan.limit, "async");
  let left = late.left();
  let exits = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      requireOpen(machine);
      const exit: Exit | undefined =
        left?.given ?? (exits < maxExits ? loop.step() : ({ kind: "exit-limit", exits } as const));
      if (exit === undefined) {
        loop.disarm();
        await nextTurn();
        continue;
      }
      exits++;
      if (dispatch !== undefined || left !== undefined) {
        const answer = left?.outcome ?? dispatch!(exit);
        left = undefined;
        const outcome = answer instanceof Promise ? await late.wait(exit, answer, signal) : answer;
        if (outcome !== "unhandled") {
          if (includeHandled) yield exit;
          if (outcome === "handled") continue;
          loop.disarm();
          yield outcome;
          return;
        }
      }
      if (endsRun(exit)) {
        loop.disarm();
        yield exit;
        return;
      }
      yield exit;
    }
  } catch (error) {
    unlessLeft(error);
  } finally {
    loop.disarm();
  }
}
