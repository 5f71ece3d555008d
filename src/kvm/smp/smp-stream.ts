/** The exits of several vCPUs in one stream. */
import type { Exit } from "../exits/exits.ts";
import { unlessLeft } from "../machine/leaving.ts";
import type { RunPlan } from "../machine/run-options.ts";
import { endsRun } from "../machine/streams.ts";
import type { VcpuCluster, VcpuExit } from "./vcpu-cluster.ts";

/** A stream that one consumer reads; the vCPUs run while it is under way. @param requireOpen throws where the machine was closed */
export async function* smpExits(
  cluster: VcpuCluster,
  plan: RunPlan,
  signal: AbortSignal,
  requireOpen: () => void,
): AsyncGenerator<VcpuExit, void, undefined> {
  const { dispatch, includeHandled, limit, maxExits } = plan;
  const { late } = cluster;
  requireOpen();
  cluster.begin();
  let left = late.left();
  const start = performance.now();
  const wake = (): void => cluster.wake();
  signal.addEventListener("abort", wake);
  let exits = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      requireOpen();
      const time = limit - (performance.now() - start);
      const next = left?.given ?? (exits < maxExits ? await cluster.next(time) : ofAll({ kind: "exit-limit", exits }));
      if (next === undefined) {
        if (limit > performance.now() - start) continue;
        await cluster.pause();
        // What exited meanwhile comes with the next stream.
        yield ofAll({ kind: "timeout", elapsed: performance.now() - start });
        return;
      }
      exits++;
      try {
        const answer = left?.outcome ?? dispatch?.(next.exit) ?? "unhandled";
        left = undefined;
        const outcome = answer instanceof Promise ? await late.wait(next, answer, signal) : answer;
        if (outcome === "unhandled") {
          const isLast = endsRun(next.exit);
          if (isLast) await cluster.pause();
          yield next;
          if (isLast) return;
        } else {
          if (includeHandled) yield next;
          if (outcome === "handled") continue;
          await cluster.pause();
          yield { vcpu: next.vcpu, exit: outcome };
          return;
        }
      } finally {
        // Also where a device throws: its vCPU goes on with the next stream. One that answers later is waited for there.
        if (!late.isOpen) cluster.handled(next);
      }
    }
  } catch (error) {
    unlessLeft(error);
  } finally {
    signal.removeEventListener("abort", wake);
    await cluster.pause();
    cluster.end();
  }
}

const ofAll = (exit: Exit): VcpuExit => ({ vcpu: undefined, exit });
