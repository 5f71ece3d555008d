import { expect, test } from "vitest";
import { run } from "./child.ts";

test("the instruction table is what its generator writes", async () => {
  const { status, stderr } = await run(process.execPath, [
    "--import",
    "tsx",
    "scripts/generate-instructions.ts",
    "--check",
  ]);
  expect(status, stderr).toBe(0);
});
