import { hexdump } from "guestwright";
import { describe, expect, test } from "vitest";

const row = (address: string, bytes: string, text: string): string => `${address}  ${bytes}  |${text}|`;
const zeros = "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00";

describe("a hexdump", () => {
  test("of nothing is nothing", () => {
    expect(hexdump(new Uint8Array())).toBe("");
  });

  test("has sixteen bytes a row, in two halves, with what is printable in ASCII", () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i + 0x6f);
    expect(hexdump(bytes, 0x4000n).split("\n")).toEqual([
      row("00004000", "6f 70 71 72 73 74 75 76  77 78 79 7a 7b 7c 7d 7e", "opqrstuvwxyz{|}~"),
      row("00004010", "7f 80 81 82 83 84 85 86  87 88 89 8a 8b 8c 8d 8e", "................"),
    ]);
  });

  test("pads the last row", () => {
    expect(hexdump(Uint8Array.of(0x48, 0x69, 0x0a))).toBe(row("00000000", `48 69 0a${" ".repeat(40)}`, "Hi."));
    const nine = hexdump(new TextEncoder().encode("123456789"));
    expect(nine).toBe(row("00000000", `31 32 33 34 35 36 37 38  39${" ".repeat(21)}`, "123456789"));
  });

  test("has addresses wider than eight digits where they are", () => {
    expect(hexdump(Uint8Array.of(0xff), 0xffff_ffff_ffff_fff0n)).toMatch(/^fffffffffffffff0 {2}ff /);
  });

  test("leaves out rows of zeros after the first, but never the last row", () => {
    const bytes = new Uint8Array(16 * 6);
    bytes[0] = 1;
    expect(hexdump(bytes).split("\n")).toEqual([
      row("00000000", `01${zeros.slice(2)}`, "................"),
      row("00000010", zeros, "................"),
      "*",
      row("00000050", zeros, "................"),
    ]);
  });

  test("shows the row after zeros with its address", () => {
    const bytes = new Uint8Array(16 * 4);
    bytes[16 * 3] = 0x41;
    expect(hexdump(bytes, 0x100n).split("\n")).toEqual([
      row("00000100", zeros, "................"),
      "*",
      row("00000130", `41${zeros.slice(2)}`, "A..............."),
    ]);
  });

  test("of a part of a larger buffer shows that part", () => {
    const whole = Uint8Array.of(1, 2, 3, 4);
    expect(hexdump(whole.subarray(2))).toMatch(/^00000000 {2}03 04 /);
  });
});
