/** Runs that are killed at random. `bench/soak.ts` does the same for as long as it is told to. */
import { expect, test } from "vitest";
import { disturbRuns } from "./random-faults.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";

/** Another one each day, and the same one again by SEED. */
const seed = Number(process.env["SEED"] ?? Math.floor(Date.now() / 86_400_000));

describeKvm("killed runs", () => {
  test("2,000 of them lose nothing and leave nothing behind", async () => {
    const before = resources();
    const { faults, guests } = await disturbRuns(2000, seed);
    expect(guests).toBeGreaterThan(500);
    expect(Math.min(...Object.values(faults))).toBeGreaterThan(50);
    // A run that nobody came back to is put out by the next turn of the event loop.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(resources()).toEqual(before);
  });
});
