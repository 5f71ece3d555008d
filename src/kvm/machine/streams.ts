/** The two streams of exits: on the calling thread, and beside the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Exit } from "../exits/exits.ts";
import { dispatchNow } from "./dispatch.ts";
import { RunLoop, type Runnable } from "./run-loop.ts";
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
  return lastKinds.has(kind);
}

/** The exits of a run that keeps the thread. @param requireOpen throws where the machine was closed */
export function* syncExits(
  machine: Runnable,
  plan: RunPlan,
  requireOpen: () => void,
): Generator<Exit, void, undefined> {
  const { dispatch, maxExits, includeHandled } = plan;
  const loop = new RunLoop(machine, plan.limit, "sync");
  let exits = 0;
  try {
    for (;;) {
      requireOpen();
      const exit: Exit = exits < maxExits ? loop.step()! : { kind: "exit-limit", exits };
      exits++;
      if (dispatch !== undefined) {
        const outcome = dispatchNow(dispatch, exit);
        if (outcome === "handled") {
          if (includeHandled) yield exit;
          continue;
        }
        if (outcome !== "unhandled") {
          if (includeHandled) yield exit;
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
  } finally {
    loop.disarm();
  }
}

/** The exits of a run that gives the thread back every 2 ms. */
export async function* asyncExits(
  machine: Runnable,
  plan: RunPlan,
  signal: AbortSignal | undefined,
  requireOpen: () => void,
): AsyncGenerator<Exit, void, undefined> {
  const { dispatch, maxExits, includeHandled } = plan;
  const loop = new RunLoop(machine, plan.limit, "async");
  let exits = 0;
  try {
    for (;;) {
      signal?.throwIfAborted();
      requireOpen();
      const exit: Exit | undefined = exits < maxExits ? loop.step() : { kind: "exit-limit", exits };
      if (exit === undefined) {
        loop.disarm();
        await nextTurn();
        continue;
      }
      exits++;
      if (dispatch !== undefined) {
        const given = dispatch(exit);
        const outcome = given instanceof Promise ? await given : given;
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
  } finally {
    loop.disarm();
  }
}
