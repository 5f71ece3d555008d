/** Descriptors and gates of every kind: SDM vol. 3A, 3.4.5, 3.5, 5.8.3, 6.11, 6.14.1, 7.2.2, 7.2.3, 7.2.5; tables 3-1, 3-2. */
import fc from "fast-check";
import {
  decodeDescriptor,
  type Descriptor,
  descriptorSize,
  descriptorToText,
  encodeDescriptor,
  LayoutError,
  segmentState,
} from "guestwright/layout";
import { describe, expect, test } from "vitest";
import { anyDescriptor, isLong } from "./arbitraries.ts";
import { thrownBy } from "./thrown-by.ts";

/** A descriptor as the manuals print it: its quadwords, the low one first. */
function quadwords(descriptor: Descriptor): bigint[] {
  return [...new BigUint64Array(encodeDescriptor(descriptor).slice().buffer)];
}

const bytesOf = (...words: readonly bigint[]): Uint8Array => new Uint8Array(new BigUint64Array(words).buffer);

describe("descriptors that loaders and manuals show, bit for bit", () => {
  const known: readonly (readonly [string, Descriptor, readonly bigint[]])[] = [
    ["the null descriptor", { type: "null" }, [0n]],
    [
      "an available 64-bit TSS",
      { type: "tss", bits: 64, base: 0x1234_5678_9abc_def0n },
      [0x9a00_89bc_def0_0067n, 0x1234_5678n],
    ],
    ["a busy 32-bit TSS", { type: "tss", bits: 32, base: 0n, busy: true }, [0x0000_8b00_0000_0067n]],
    [
      "a busy TSS of the largest limit",
      { type: "tss", bits: 32, base: 0n, busy: true, limit: 0xffff_ffff },
      [0x008f_8b00_0000_ffffn],
    ],
    ["a 16-bit TSS", { type: "tss", bits: 16, base: 0n }, [0x0000_8100_0000_002bn]],
    ["an LDT", { type: "ldt", bits: 32, base: 0x1234_5678n, limit: 0xf }, [0x1200_8234_5678_000fn]],
    [
      "an LDT in long mode",
      { type: "ldt", bits: 64, base: 0xffff_8000_1234_5678n, limit: 0xf },
      [0x1200_8234_5678_000fn, 0xffff_8000n],
    ],
    [
      "a long-mode interrupt gate on a stack of its own",
      { type: "interrupt-gate", bits: 64, selector: 0x10, offset: 0xffff_ffff_8123_4567n, ist: 1 },
      [0x8123_8e01_0010_4567n, 0xffff_ffffn],
    ],
    [
      "a 32-bit trap gate for ring 3",
      { type: "trap-gate", bits: 32, selector: 0x08, offset: 0x1234_5678n, dpl: 3 },
      [0x1234_ef00_0008_5678n],
    ],
    [
      "a 16-bit interrupt gate",
      { type: "interrupt-gate", bits: 16, selector: 8, offset: 0x5678n },
      [0x8600_0008_5678n],
    ],
    ["a 16-bit trap gate", { type: "trap-gate", bits: 16, selector: 8, offset: 0x5678n }, [0x8700_0008_5678n]],
    ["a task gate", { type: "task-gate", selector: 0x28, dpl: 1 }, [0x0000_a500_0028_0000n]],
    [
      "a 32-bit call gate with parameters",
      { type: "call-gate", bits: 32, selector: 0x08, offset: 0x1234_5678n, parameters: 31, dpl: 3 },
      [0x1234_ec1f_0008_5678n],
    ],
    [
      "a 16-bit call gate that is not present",
      { type: "call-gate", bits: 16, selector: 0x08, offset: 0x5678n, parameters: 2, present: false },
      [0x0000_0402_0008_5678n],
    ],
    [
      "a long-mode call gate",
      { type: "call-gate", bits: 64, selector: 0x08, offset: 0xffff_8000_1234_5678n },
      [0x1234_8c00_0008_5678n, 0xffff_8000n],
    ],
  ];
  test.each(known)("%s", (_, descriptor, words) => {
    expect(quadwords(descriptor)).toEqual(words);
    expect(decodeDescriptor(bytesOf(...words), { long: isLong(descriptor) })).toMatchObject(descriptor);
  });
});

test("decoding what was encoded gives the same data, for every kind", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyDescriptor, (descriptor) => {
      seen.add(`${descriptor.type} ${"bits" in descriptor ? descriptor.bits : ""}`);
      const bytes = encodeDescriptor(descriptor);
      expect(bytes.length).toBe(descriptorSize(descriptor));
      const zero = bytes.every((byte) => byte === 0);
      expect(decodeDescriptor(bytes, { long: isLong(descriptor) })).toEqual(zero ? { type: "null" } : descriptor);
    }),
    { numRuns: 5000 },
  );
  // 3 of code, 2 of data, 3 of TSS, 2 of LDT, 3 each of interrupt, trap and call gates, and the task gate.
  expect(seen.size).toBe(20);
});

test("encoding what was decoded gives the same bytes, for all bytes that are a descriptor", () => {
  let decoded = 0;
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.boolean(), (low, long) => {
      // The bits that few kinds have, mostly clear, so that many are descriptors.
      const bytes = bytesOf(low & ~0x0060_00e0_0000_0000n, low & 0xffff_ffffn);
      let descriptor: Descriptor;
      try {
        descriptor = decodeDescriptor(bytes, { long });
      } catch (error) {
        expect(error).toMatchObject({ code: "NOT_DECODABLE" });
        return;
      }
      decoded += 1;
      const again = encodeDescriptor(descriptor);
      expect(again).toEqual(bytes.slice(0, again.length));
    }),
    { numRuns: 5000 },
  );
  expect(decoded).toBeGreaterThan(2500);
});

describe("fields that are not given", () => {
  const cases: readonly (readonly [Descriptor, Descriptor])[] = [
    [
      { type: "tss", bits: 16, base: 0n },
      {
        ...{ type: "tss", bits: 16, base: 0n, limit: 0x2b, busy: false },
        ...{ dpl: 0, present: true, available: false, granularity: "byte" },
      },
    ],
    [
      { type: "data" },
      {
        ...{ type: "data", bits: 32, base: 0, limit: 0xffff_ffff, granularity: "page", dpl: 0, present: true },
        ...{ available: false, accessed: true, writable: true, expandDown: false },
      },
    ],
    [
      { type: "trap-gate", bits: 64, selector: 8, offset: 1n },
      { type: "trap-gate", bits: 64, selector: 8, offset: 1n, ist: 0, dpl: 0, present: true },
    ],
    [
      { type: "call-gate", bits: 32, selector: 8, offset: 1n },
      { type: "call-gate", bits: 32, selector: 8, offset: 1n, parameters: 0, dpl: 0, present: true },
    ],
  ];
  test.each(cases)("%o", (given, full) => {
    expect(decodeDescriptor(encodeDescriptor(given), { long: isLong(given) })).toEqual(full);
  });
});

describe("TR and LDTR after a load", () => {
  const rest = { present: 1, dpl: 0, db: 0, s: 0, l: 0, g: 0, avl: 0, unusable: 0 };
  test("ltr marks the TSS busy (SDM vol. 2A, LTR)", () => {
    expect(segmentState({ type: "tss", bits: 64, base: 0xffff_8000_0000_7000n }, 0x18)).toEqual({
      ...{ base: 0xffff_8000_0000_7000n, limit: 0x67, selector: 0x18, type: 11 },
      ...rest,
    });
    expect(segmentState({ type: "tss", bits: 32, base: 0x7000n, busy: true }, 0x18)).toMatchObject({ type: 11 });
    expect(segmentState({ type: "tss", bits: 16, base: 0x7000n }, 0x18)).toMatchObject({ type: 3, limit: 0x2b });
    const large = { type: "tss", bits: 32, base: 0n, limit: 0xffff_ffff, available: true } as const;
    expect(segmentState(large, 0x18)).toMatchObject({ type: 11, limit: 0xffff_ffff, g: 1, avl: 1 });
  });
  test("lldt", () => {
    expect(segmentState({ type: "ldt", bits: 64, base: 0x7000n, limit: 0x1f }, 0x28)).toEqual({
      ...{ base: 0x7000n, limit: 0x1f, selector: 0x28, type: 2 },
      ...rest,
    });
  });
});

describe("what a descriptor has no room for", () => {
  const gate = { type: "interrupt-gate", bits: 32, selector: 8, offset: 0n } as const;
  const tss = { type: "tss", bits: 32, base: 0n } as const;
  const cases: readonly (readonly [object, string, string, unknown])[] = [
    [{ ...gate, offset: 1n << 32n }, "offset: expected 0 to 0xffffffff, got 0x100000000", "BAD_GATE", 1n << 32n],
    [{ ...gate, bits: 16, offset: 0x1_0000n }, "offset: expected 0 to 0xffff, got 0x10000", "BAD_GATE", 0x1_0000n],
    [{ ...gate, offset: 5 }, "offset: expected a bigint of 0 to 0xffffffff, got 0x5", "BAD_GATE", 5],
    [{ ...gate, selector: 0x1_0000 }, "selector: expected 0 to 0xffff, got 0x10000", "BAD_GATE", 0x1_0000],
    [{ ...gate, selector: 8n }, "selector: expected a number of 0 to 0xffff, got 0x8n", "BAD_GATE", 8n],
    [
      { ...gate, selector: undefined },
      "selector: expected a number of 0 to 0xffff, got nothing",
      "BAD_GATE",
      undefined,
    ],
    [{ ...gate, dpl: 4 }, "dpl: expected 0 to 0x3, got 0x4", "BAD_GATE", 4],
    [{ ...gate, present: 1 }, "present: expected true or false, got 1", "BAD_GATE", 1],
    [{ ...gate, ist: 1 }, "ist: a 32-bit interrupt gate has no such field", "BAD_GATE", 1],
    [{ ...gate, bits: 64, ist: 8 }, "ist: expected 0 to 0x7, got 0x8", "BAD_GATE", 8],
    [{ ...gate, bits: 8 }, "bits: expected 16, 32 or 64, got 8", "BAD_GATE", 8],
    [{ ...gate, type: "task-gate" }, "bits: a task gate has no such field", "BAD_GATE", 32],
    [{ ...gate, type: "call-gate", parameters: 32 }, "parameters: expected 0 to 0x1f, got 0x20", "BAD_GATE", 32],
    [
      { ...gate, type: "call-gate", bits: 64, parameters: 1 },
      "parameters: a 64-bit call gate has no such field",
      "BAD_GATE",
      1,
    ],
    [{ type: "task-gate", selector: 8, offset: 0n }, "offset: a task gate has no such field", "BAD_GATE", 0n],
    [{ ...tss, base: 1n << 32n }, "base: expected 0 to 0xffffffff, got 0x100000000", "BAD_SEGMENT", 1n << 32n],
    [
      { ...tss, bits: 64, base: 1n << 64n },
      "base: expected 0 to 0xffffffffffffffff, got 0x10000000000000000",
      "BAD_SEGMENT",
      1n << 64n,
    ],
    [
      { ...tss, limit: 0x10_0000 },
      "limit: a limit that counts pages ends in 0xfff, got 0x100000",
      "BAD_SEGMENT",
      0x10_0000,
    ],
    [{ ...tss, bits: 8 }, "bits: expected 16, 32 or 64, got 8", "BAD_SEGMENT", 8],
    [{ type: "ldt", bits: 16, base: 0n, limit: 7 }, "bits: expected 32 or 64, got 16", "BAD_SEGMENT", 16],
    [
      { type: "ldt", bits: 32, base: 0n },
      "limit: expected a number of 0 to 0xffffffff, got nothing",
      "BAD_SEGMENT",
      undefined,
    ],
    [
      { type: "gate" },
      'type: no descriptor is of type "gate"\n' +
        "  hint: there is null, code, data, tss, ldt, call-gate, task-gate, interrupt-gate, trap-gate",
      "BAD_SEGMENT",
      "gate",
    ],
  ];
  test.each(cases)("%o", (descriptor, message, code, value) => {
    const error = thrownBy(() => encodeDescriptor(descriptor as Descriptor));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code, value });
  });

  test("the place of the descriptor is named", () => {
    const gate = { type: "task-gate", selector: -1 } as const;
    expect(() => encodeDescriptor(gate, "idt.8.")).toThrow("idt.8.selector: expected 0 to 0xffff, got -0x1");
  });
});

describe("bytes that are no descriptor", () => {
  const cases: readonly (readonly [string, readonly bigint[], boolean, string])[] = [
    ["type 0", [0x8000_0000_0000n], false, "0x0000800000000000: system type 0 is reserved outside of long mode"],
    ["type 8", [0x8800_0000_0000n], false, "0x0000880000000000: system type 8 is reserved outside of long mode"],
    ["type 10", [0x8a00_0000_0000n], false, "0x00008a0000000000: system type 10 is reserved outside of long mode"],
    ["type 13", [0x8d00_0000_0000n], false, "0x00008d0000000000: system type 13 is reserved outside of long mode"],
    [
      "16-bit TSS in long mode",
      [0x8100_0000_0000n, 0n],
      true,
      "0x0000810000000000: system type 1 is reserved in long mode",
    ],
    [
      "task gate in long mode",
      [0x8500_0000_0000n, 0n],
      true,
      "0x0000850000000000: system type 5 is reserved in long mode",
    ],
    [
      "a TSS with L and D",
      [0x0060_8900_0000_0067n],
      false,
      "0x0060890000000067: reserved in a 32-bit TSS, but set: bits 53, 54",
    ],
    ["an LDT with D", [0x0040_8200_0000_0067n], false, "0x0040820000000067: reserved in an LDT, but set: bit 54"],
    [
      "a 64-bit TSS with a type in its upper half",
      [0x0000_8900_0000_0067n, 1n << 40n],
      true,
      "0x00000100000000000000890000000067: reserved in a 64-bit TSS, but set: bit 104",
    ],
    [
      "a 16-bit gate with an upper offset",
      [0x1_8600_0000_0000n],
      false,
      "0x0001860000000000: reserved in a 16-bit interrupt gate, but set: bit 48",
    ],
    [
      "a 32-bit gate with a stack",
      [0x8e01_0000_0000n],
      false,
      "0x00008e0100000000: reserved in a 32-bit interrupt gate, but set: bit 32",
    ],
    [
      "a long call gate with parameters",
      [0x8c03_0000_0000n, 0n],
      true,
      "0x000000000000000000008c0300000000: reserved in a 64-bit call gate, but set: bits 32, 33",
    ],
    ["code with L and D", [0x0060_9b00_0000_0000n], true, "0x00609b0000000000: code with both L and D set is reserved"],
    ["data with L", [0x0020_9300_0000_0000n], true, "0x0020930000000000: data with L set is reserved"],
    ["half of a long TSS", [0x0000_8900_0000_0067n], true, "expected a descriptor of 16 bytes, got 8"],
    ["nothing", [], false, "expected a descriptor of 8 bytes, got 0"],
  ];
  test.each(cases)("%s", (_, words, long, message) => {
    const error = thrownBy(() => decodeDescriptor(bytesOf(...words), { long }));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "NOT_DECODABLE" });
  });
});

describe("as text", () => {
  const cases: readonly (readonly [Descriptor, string])[] = [
    [{ type: "null" }, "null"],
    [{ type: "code", bits: 64 }, "code64 base 0x0 limit 0xffffffff dpl 0 readable accessed"],
    [
      { type: "data", expandDown: true, limit: 0xfff, available: true, present: false },
      "data32 base 0x0 limit 0xfff dpl 0 writable expand-down accessed avl not present",
    ],
    [{ type: "tss", bits: 64, base: 0x7000n, busy: true }, "tss64 base 0x7000 limit 0x67 dpl 0 busy"],
    [{ type: "ldt", bits: 32, base: 0x7000n, limit: 7 }, "ldt32 base 0x7000 limit 0x7 dpl 0"],
    [
      { type: "interrupt-gate", bits: 64, selector: 0x10, offset: 0xffff_ffff_8123_4567n, ist: 1 },
      "interrupt-gate64 selector 0x0010 offset 0xffffffff81234567 dpl 0 ist 1",
    ],
    [
      { type: "call-gate", bits: 32, selector: 8, offset: 0n, dpl: 3, parameters: 2 },
      "call-gate32 selector 0x0008 offset 0x0 dpl 3 parameters 2",
    ],
    [{ type: "task-gate", selector: 0x28 }, "task-gate selector 0x0028 dpl 0"],
  ];
  test.each(cases)("%o", (descriptor, text) => {
    expect(descriptorToText(descriptor)).toBe(text);
  });
});
