import { describe, expect, test } from "vitest";
import { buildPageTables, type Mapping, type PageTables } from "../../src/paging/index.ts";

/** Every entry that is not zero, as `table offset: value`. */
function entries({ bytes, mode }: PageTables): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = mode === "32-bit" ? 4 : 8;
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const value = size === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
    if (value !== 0n) found.push(`${at.toString(16)}: ${value.toString(16)}`);
  }
  return found;
}

const seed: readonly Mapping[] = [
  { name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" },
  { name: "data", virt: 0x1000n, phys: 0x5000n, size: 0x3000n, access: "rwx" },
  { name: "hole", virt: 0x4000n, phys: 0x8000n, size: 0x1000n, access: "rwx" },
];

describe("buildPageTables", () => {
  test("builds the long-mode guest's tables entry by entry", () => {
    const tables = buildPageTables({ mode: "4-level", tables: 0n, mappings: seed });
    expect(entries(tables)).toEqual([
      "0: 1003",
      "1000: 2003",
      "2000: 3003",
      "3000: 4001",
      "3008: 5003",
      "3010: 6003",
      "3018: 7003",
      "3020: 8003",
    ]);
    expect(tables.bytes.length).toBe(0x4000);
    expect(tables.registers).toEqual({ cr0: 0x8000_0001n, cr3: 0n, cr4: 0x20n, efer: 0x500n });
  });
});
