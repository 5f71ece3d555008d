/** Descriptors: SDM vol. 3A, 3.4.5, figure 3-8 and table 3-1. */
import fc from "fast-check";
import {
  decodeDescriptor,
  encodeDescriptor,
  LayoutError,
  segmentState,
  type Segment,
  type SegmentState,
} from "guestwright/layout";
import { describe, expect, test } from "vitest";
import { anySegment } from "./arbitraries.ts";
import { thrownBy } from "./thrown-by.ts";

const encode = (segment: Segment): bigint => new DataView(encodeDescriptor(segment).buffer).getBigUint64(0, true);

/** The register after a load of a descriptor that a table holds. */
function stateOf(descriptor: bigint): SegmentState {
  const bytes = new Uint8Array(new BigUint64Array([descriptor]).buffer);
  return segmentState(decodeDescriptor(bytes, { long: true }) as Segment, 0x08);
}

describe("descriptors that loaders use, bit for bit (SDM vol. 3A, figure 3-8)", () => {
  const known: readonly (readonly [string, bigint, Segment])[] = [
    ["ring 0 code, 64-bit", 0x00af_9b00_0000_ffffn, { type: "code", bits: 64 }],
    ["ring 0 code, 32-bit", 0x00cf_9b00_0000_ffffn, { type: "code", bits: 32 }],
    ["ring 0 data", 0x00cf_9300_0000_ffffn, { type: "data" }],
    ["ring 3 code, 64-bit", 0x00af_fb00_0000_ffffn, { type: "code", bits: 64, dpl: 3 }],
    ["ring 3 code, 32-bit", 0x00cf_fb00_0000_ffffn, { type: "code", bits: 32, dpl: 3 }],
    ["ring 3 data", 0x00cf_f300_0000_ffffn, { type: "data", dpl: 3 }],
    ["code, 64-bit, not accessed", 0x00af_9a00_0000_ffffn, { type: "code", bits: 64, accessed: false }],
    ["data, not accessed", 0x00cf_9200_0000_ffffn, { type: "data", accessed: false }],
    ["code, 16-bit", 0x0000_9b00_0000_ffffn, { type: "code", bits: 16, limit: 0xffff }],
    ["code, 64-bit, limit 0", 0x0020_9b00_0000_0000n, { type: "code", bits: 64, limit: 0 }],
    ["code with a base", 0x00af_9b10_0000_ffffn, { type: "code", bits: 64, base: 0x10_0000 }],
  ];
  test.each(known)("%s", (_, descriptor, segment) => {
    expect(encode(segment)).toBe(descriptor);
    expect(stateOf(descriptor)).toEqual(segmentState(segment, 0x08));
  });

  test("each field has its own bits", () => {
    const none = 0x0040_9200_0000_0000n;
    const data = (fields: Partial<Segment>): bigint =>
      encode({ type: "data", limit: 0, accessed: false, ...fields } as Segment) ^ none;
    expect(data({})).toBe(0n);
    expect(data({ base: 0xffff_ffff })).toBe(0xff00_00ff_ffff_0000n);
    expect(data({ limit: 0xf_ffff })).toBe(0x000f_0000_0000_ffffn);
    expect(data({ limit: 0xfff, granularity: "page" })).toBe(1n << 55n);
    expect(data({ bits: 16 })).toBe(1n << 54n);
    expect(data({ available: true })).toBe(1n << 52n);
    expect(data({ present: false })).toBe(1n << 47n);
    expect(data({ dpl: 3 })).toBe(3n << 45n);
    expect(data({ expandDown: true })).toBe(1n << 42n);
    expect(data({ writable: false })).toBe(1n << 41n);
    expect(data({ accessed: true })).toBe(1n << 40n);
    expect(encode({ type: "code", bits: 64, conforming: true }) ^ encode({ type: "code", bits: 64 })).toBe(1n << 42n);
    expect(encode({ type: "code", bits: 64, readable: false }) ^ encode({ type: "code", bits: 64 })).toBe(1n << 41n);
  });
});

test("the limit of a register is in bytes, whatever the granularity (SDM vol. 3A, 3.4.5, G)", () => {
  expect(stateOf(0x00af_9b10_0000_ffffn)).toEqual({
    base: 0x10_0000n,
    limit: 0xffff_ffff,
    selector: 0x08,
    type: 11,
    present: 1,
    dpl: 0,
    db: 0,
    s: 1,
    l: 1,
    g: 1,
    avl: 0,
    unusable: 0,
  });
});

describe("limits", () => {
  test("are whole bytes up to 0xfffff, and whole pages beyond", () => {
    expect(segmentState({ type: "data", limit: 0xf_ffff }, 0)).toMatchObject({ limit: 0xf_ffff, g: 0 });
    expect(segmentState({ type: "data", limit: 0x10_0fff }, 0)).toMatchObject({ limit: 0x10_0fff, g: 1 });
    expect(segmentState({ type: "data", limit: 0xfff, granularity: "page" }, 0)).toMatchObject({ limit: 0xfff, g: 1 });
  });

  test("where not given are the largest", () => {
    expect(segmentState({ type: "data" }, 0)).toMatchObject({ limit: 0xffff_ffff, g: 1 });
    expect(segmentState({ type: "data", granularity: "page" }, 0)).toMatchObject({ limit: 0xffff_ffff, g: 1 });
    expect(segmentState({ type: "data", granularity: "byte" }, 0)).toMatchObject({ limit: 0xf_ffff, g: 0 });
  });
});

describe("what a descriptor has no room for", () => {
  const cases: readonly (readonly [Segment, string, unknown])[] = [
    [{ type: "data", limit: 0x10_0000 }, "limit: a limit that counts pages ends in 0xfff, got 0x100000", 0x10_0000],
    [
      { type: "data", limit: 0x10, granularity: "page" },
      "limit: a limit that counts pages ends in 0xfff, got 0x10",
      0x10,
    ],
    [
      { type: "data", limit: 0x10_0fff, granularity: "byte" },
      "limit: a limit that counts bytes is at most 0xfffff, got 0x100fff",
      0x10_0fff,
    ],
    [{ type: "data", limit: -1 }, "limit: expected 0 to 0xffffffff, got -0x1", -1],
    [{ type: "data", limit: 0.5 }, "limit: expected 0 to 0xffffffff, got 0.5", 0.5],
    [{ type: "data", base: 2 ** 32 }, "base: expected 0 to 0xffffffff, got 0x100000000", 2 ** 32],
    [{ type: "data", base: Number.NaN }, "base: expected 0 to 0xffffffff, got NaN", Number.NaN],
    [{ type: "data", dpl: 4 as 3 }, "dpl: expected 0 to 0x3, got 0x4", 4],
  ];
  test.each(cases)("%o", (segment, message, value) => {
    const error = thrownBy(() => segmentState(segment, 0x08));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "BAD_SEGMENT", value });
  });

  test("a selector of more than 16 bits", () => {
    expect(() => segmentState({ type: "data" }, 0x1_0000)).toThrow("selector: expected 0 to 0xffff, got 0x10000");
  });
});

test("decoding what was encoded gives the same register, for every kind of segment", () => {
  fc.assert(
    fc.property(anySegment, fc.integer({ min: 0, max: 0xffff }), (segment, selector) => {
      const decoded = decodeDescriptor(encodeDescriptor(segment), { long: false }) as Segment;
      expect(segmentState(decoded, selector)).toEqual(segmentState(segment, selector));
    }),
    { numRuns: 2000 },
  );
});
