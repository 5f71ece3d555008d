/** Calls that signals cut short: a profiler sends the process one many times a millisecond. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fromSource, run } from "../project/child.ts";
import { describeKvm } from "./require-kvm.ts";

describeKvm("under a profiler", () => {
  test("machines are made, run and closed", { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "guestwright-profile-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const profiler = ["--cpu-prof", "--cpu-prof-interval", "100", "--cpu-prof-dir", folder];
    const ended = await run(process.execPath, [...profiler, ...fromSource, "test/kvm/many-machines.ts", "100"]);
    expect(ended).toEqual({ status: 0, stdout: "100 machines, 100 hlt\n", stderr: "" });
  });
});
