/** What the assembler leaves behind. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fromSource, run } from "../project/child.ts";

test(
  "forty thousand small calls leave nothing behind, nor use up Keystone's memory",
  { timeout: 120_000 },
  async () => {
    const child = fileURLToPath(new URL("memory-child.ts", import.meta.url));
    const { stdout, stderr, status } = await run(process.execPath, ["--expose-gc", ...fromSource, child]);
    expect(status, stderr).toBe(0);
    const left = JSON.parse(stdout) as { bytesACall: number; isSameKeystone: boolean; outside: number };
    expect(left.bytesACall).toBeLessThan(32);
    expect(left.isSameKeystone, "an instance whose memory is used up breaks, and is replaced").toBe(true);
    expect(left.outside).toBeLessThan(64 * 2 ** 20);
  },
);
