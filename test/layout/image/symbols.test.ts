import { addressOf, imageSymbols, symbolAt } from "guestwright";
import { code16, layout } from "guestwright";
import { describe, expect, test } from "vitest";
import { longImage } from "./guests.ts";

const image = await longImage();

describe("labels of an image", () => {
  test("with their addresses", () => {
    expect(imageSymbols(image)).toEqual([
      { program: "main", label: "start", address: 0x40_0000n, physical: 0x8000n },
      { program: "main", label: "spin", address: 0x40_0007n, physical: 0x8007n },
      { program: "main", label: "value", address: 0x40_1010n, physical: 0x9010n },
      { program: "other", label: "start", address: 0x40_0100n, physical: 0x8100n },
    ]);
  });

  test("a label behind the last byte has a place, one that is a number has none", () => {
    const [main] = image.programs;
    const labels = { end: 0x40_0009n, behind: 0x40_1018n, size: 0x1234n };
    expect(imageSymbols({ programs: [{ ...main!, labels }] }).map(({ label, physical }) => [label, physical])).toEqual([
      ["end", 0x8009n],
      ["behind", 0x9018n],
      ["size", undefined],
    ]);
  });

  test("by name", () => {
    expect(addressOf(image, "main.spin")).toBe(0x40_0007n);
    expect(addressOf(image, "main.value")).toBe(0x40_1010n);
    expect(addressOf(image, "other.start")).toBe(0x40_0100n);
    expect(addressOf(image, "other")).toBe(0x40_0100n);
    expect(addressOf(image, "memory.ram.end")).toBe(0x1_0000n);
    expect(() => addressOf(image, "main.spim")).toThrow(
      expect.objectContaining({
        code: "UNKNOWN_NAME",
        message:
          'no label is named "main.spim"\n  hint: a name is program.label; there is main.start, main.spin, main.value, other.start',
      }),
    );
    expect(() => addressOf({ programs: [], symbols: {} }, "main.toString")).toThrow(
      expect.objectContaining({
        message: 'no label is named "main.toString"\n  hint: a name is program.label; there is none',
      }),
    );
  });

  test("by address: the label before it, the statement, and where it was written", () => {
    const source = expect.objectContaining({ file: "test/layout/image/guests.ts" });
    const place = { program: "main", section: undefined, source };
    expect(symbolAt(image, 0x40_0000n)).toEqual({ ...place, label: "start", offset: 0n, text: "mov rax, [rip+value]" });
    expect(symbolAt(image, 0x40_0003n)).toEqual({ ...place, label: "start", offset: 3n, text: "mov rax, [rip+value]" });
    expect(symbolAt(image, 0x40_0008n)).toEqual({ ...place, label: "spin", offset: 1n, text: "jmp spin" });
    expect(symbolAt(image, 0x40_1017n)).toMatchObject({ section: ".data", label: "value", offset: 7n });
    expect(symbolAt(image, 0x40_0009n)).toBeUndefined();
    expect(symbolAt(image, 0x3f_ffffn)).toBeUndefined();
  });

  test("of several at one address, the first; before the first, the distance from the beginning", async () => {
    const code = code16().nop().label("b").label("a").nop();
    const built = await layout({
      mode: "real16",
      memory: { ram: { at: 0, size: "4KiB" } },
      place: { guest: { code, in: "ram", offset: 0x100 } },
    }).build();
    expect(symbolAt(built, 0x100n)).toMatchObject({ label: undefined, offset: 0n });
    expect(symbolAt(built, 0x101n)).toMatchObject({ label: "b", offset: 0n });
  });
});
