import { expect, test } from "vitest";
import { fromSource, run } from "./child.ts";

test("the instruction table is what its generator writes", async () => {
  const { status, stderr } = await run(process.execPath, [
    "--import",
    "tsx",
    "scripts/generate-instructions.ts",
    "--check",
  ]);
  expect(status, stderr).toBe(0);
});

test("the list of what Keystone fails is what its generator finds", { timeout: 300_000 }, async () => {
  const { status, stderr } = await run(process.execPath, [
    ...fromSource,
    "scripts/generate-keystone-faults.ts",
    "--check",
  ]);
  expect(status, stderr).toBe(0);
});

test("the check of descriptions is what arktype makes of their schema", async () => {
  const { status, stderr } = await run(process.execPath, [
    ...fromSource,
    "scripts/generate-allowed-form.ts",
    "--check",
  ]);
  expect(status, stderr).toBe(0);
});
