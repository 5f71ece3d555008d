/**
 * Threads that load native code while the process ends. Node ends its threads wherever they are; one that is in the middle of
 * loading an addon then takes the whole process down with an abort. So the end of the process waits for those that load, and
 * keeps the others from it.
 */
import { controlWords, phases } from "./vcpu-thread.ts";

/** How long a thread may take to load its native code, in milliseconds: a hundred times what it should. */
const PATIENCE = 2000;

const starting = new Set<Int32Array>();

/** To be called when a thread is started; call what it returns when the thread has begun to wait, or is over. */
export function holdExit(control: Int32Array): () => void {
  if (starting.size === 0) process.on("exit", settleThreads);
  starting.add(control);
  return () => {
    starting.delete(control);
    if (starting.size === 0) process.off("exit", settleThreads);
  };
}

function settleThreads(): void {
  const { phase } = controlWords;
  for (const control of starting) {
    const found = Atomics.compareExchange(control, phase, phases.fresh, phases.forbidden);
    if (found === phases.loading) Atomics.wait(control, phase, phases.loading, PATIENCE);
  }
}
