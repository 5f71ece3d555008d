/** Progress of long work: one line on the terminal, which is wiped out in the end. */
import type { Terminal } from "./terminal.ts";

/** How long work goes on in silence, and how often the line changes then, in milliseconds. */
const SILENCE = 1000;

/** Goes back to the beginning of the line and clears it (ECMA-48, EL). */
const CLEAR_LINE = "\r\u001B[K";

/** Does work; while it takes long and the event loop is free, says on standard error what is done, and for how many seconds. */
export async function withProgress<T>(terminal: Terminal, status: () => string, work: () => Promise<T>): Promise<T> {
  if (!terminal.showsProgress) return await work();
  const start = performance.now();
  let isShown = false;
  const timer = setInterval(() => {
    isShown = true;
    terminal.err(`${CLEAR_LINE}${status()}, ${Math.floor((performance.now() - start) / 1000)} s`);
  }, SILENCE);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (isShown) terminal.err(CLEAR_LINE);
  }
}
