import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeToText, toBytes } from "../../src/core/units.ts";

describe("toBytes", () => {
  test.each([
    [0, 0n],
    [4096, 4096n],
    [2 ** 53 - 1, 9007199254740991n],
    [1n << 63n, 1n << 63n],
    ["12B", 12n],
    ["32KiB", 32768n],
    ["2MiB", 2097152n],
    ["64GiB", 68719476736n],
    ["1TiB", 1099511627776n],
  ])("reads %s", (size, bytes) => {
    expect(toBytes(size)).toBe(bytes);
  });

  test.each([
    -1,
    0.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    -1n,
    "32",
    "32KB",
    "32 KiB",
    "-1KiB",
    "0x10B",
    "1.5MiB",
    "",
    null,
    {},
  ])("refuses %s", (size) => {
    expect(toBytes(size)).toBeUndefined();
  });
});

describe("sizeToText", () => {
  test.each([
    [0n, "0B"],
    [1023n, "1023B"],
    [1024n, "1KiB"],
    [0x1001n, "4097B"],
    [1n << 21n, "2MiB"],
    [1n << 50n, "1024TiB"],
  ])("writes %s as %s", (bytes, text) => {
    expect(sizeToText(bytes)).toBe(text);
  });

  test("toBytes reads what it writes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 64n }), fc.nat(64), (value, shift) => {
        const bytes = (value >> BigInt(shift)) << BigInt(shift);
        expect(toBytes(sizeToText(bytes))).toBe(bytes);
      }),
    );
  });
});
