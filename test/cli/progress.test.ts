import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { withProgress } from "../../src/cli/output/progress.ts";
import type { Terminal } from "../../src/cli/output/terminal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What is written to standard error while work takes so long. */
async function writtenDuring(milliseconds: number, showsProgress: boolean): Promise<string> {
  let written = "";
  const terminal = { err: (text: string) => void (written += text), showsProgress } as unknown as Terminal;
  let step = 0;
  const work = withProgress(
    terminal,
    () => `step ${++step}`,
    () => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  );
  await vi.advanceTimersByTimeAsync(milliseconds);
  await work;
  return written;
}

test("work that takes long tells a terminal what it does, and wipes it out in the end", async () => {
  expect(await writtenDuring(2500, true)).toBe("\r\u001B[Kstep 1, 1 s\r\u001B[Kstep 2, 2 s\r\u001B[K");
});

test("short work says nothing, and neither does any where no person looks", async () => {
  expect(await writtenDuring(900, true)).toBe("");
  expect(await writtenDuring(2500, false)).toBe("");
});

test("what the work throws comes through, and the line is wiped out", async () => {
  let written = "";
  const terminal = { err: (text: string) => void (written += text), showsProgress: true } as unknown as Terminal;
  const work = withProgress(
    terminal,
    () => "at it",
    () => new Promise((_, reject) => setTimeout(() => reject(new Error("no")), 1500)),
  );
  await Promise.all([expect(work).rejects.toThrow("no"), vi.advanceTimersByTimeAsync(1500)]);
  expect(written).toBe("\r\u001B[Kat it, 1 s\r\u001B[K");
});
