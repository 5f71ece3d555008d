import { expect, test } from "vitest";
import { hex, hexBytes } from "../../src/core/hex.ts";

test.each([
  [0, 1, "0x0"],
  [0x10, 4, "0x0010"],
  [0x12345, 4, "0x12345"],
  [0xffff_ffff_ffff_f000n, 16, "0xfffffffffffff000"],
  [-16, 4, "-0x0010"],
])("hex(%s, %s) is %s", (value, digits, text) => {
  expect(hex(value, digits)).toBe(text);
});

test("hexBytes", () => {
  expect(hexBytes(Uint8Array.of(0xaa, 0xb, 0))).toBe("aa 0b 00");
  expect(hexBytes([1, 2], "")).toBe("0102");
  expect(hexBytes([])).toBe("");
});
