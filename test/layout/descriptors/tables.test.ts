/** Tables: GDT and LDT (SDM vol. 3A, 3.5.1), IDT (6.10), real mode's vectors (vol. 3B, 20.1.4), what `lgdt` reads (3A, 3-11). */
import fc from "fast-check";
import {
  decodeDescriptorTable,
  decodeIdt,
  decodeIvt,
  decodePseudoDescriptor,
  type Descriptor,
  descriptorOffsets,
  encodeDescriptor,
  encodeDescriptorTable,
  encodeIdt,
  encodeIvt,
  type IdtGate,
  type IdtGates,
  LayoutError,
  pseudoDescriptor,
  type RealModeVector,
} from "guestwright/layout";
import { describe, expect, test } from "vitest";
import { anyDescriptor, anyLegacyInterruptGate, anyLongInterruptGate, isLong } from "./arbitraries.ts";
import { thrownBy } from "./thrown-by.ts";

const isZero = (descriptor: Descriptor): boolean => encodeDescriptor(descriptor).every((byte) => byte === 0);

describe("a GDT or an LDT", () => {
  const gdt: readonly Descriptor[] = [
    { type: "null" },
    { type: "code", bits: 64 },
    { type: "tss", bits: 64, base: 0xffff_8000_0000_7000n },
    { type: "data" },
  ];

  test("has descriptors of 8 and 16 bytes one after another", () => {
    expect(descriptorOffsets(gdt)).toEqual([0, 8, 16, 32]);
    expect([...new BigUint64Array(encodeDescriptorTable(gdt).buffer)]).toEqual([
      0n,
      0x00af_9b00_0000_ffffn,
      0x0000_8900_7000_0067n,
      0xffff_8000n,
      0x00cf_9300_0000_ffffn,
    ]);
  });

  test("reads back as it was written, in either mode", () => {
    const tables = fc.boolean().chain((long) =>
      fc.record({
        long: fc.constant(long),
        descriptors: fc.array(
          anyDescriptor.filter(
            (each) => !isZero(each) && (each.type === "code" || each.type === "data" || isLong(each) === long),
          ),
          { maxLength: 20 },
        ),
      }),
    );
    fc.assert(
      fc.property(tables, ({ long, descriptors }) => {
        const all = [{ type: "null" } as const, ...descriptors];
        const offsets = descriptorOffsets(all);
        expect(decodeDescriptorTable(encodeDescriptorTable(all), { long })).toEqual(
          all.map((descriptor, i) => ({ offset: offsets[i], descriptor, problem: undefined })),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("says which of its entries is no descriptor, and reads on", () => {
    const bytes = new Uint8Array(28);
    bytes[13] = 0x80;
    bytes.set(encodeDescriptor({ type: "data" }), 16);
    expect(decodeDescriptorTable(bytes, { long: true })).toEqual([
      { offset: 0, descriptor: { type: "null" }, problem: undefined },
      { offset: 8, descriptor: undefined, problem: "0x0000800000000000: system type 0 is reserved in long mode" },
      { offset: 16, descriptor: expect.objectContaining({ type: "data" }) as unknown, problem: undefined },
    ]);
  });

  test("has 8192 entries at most", () => {
    const most = Array.from({ length: 8192 }, () => ({ type: "null" }) as const);
    expect(encodeDescriptorTable(most).length).toBe(0x1_0000);
    const error = thrownBy(() => encodeDescriptorTable([...most, { type: "null" }]));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({
      message: "a table of descriptors has at most 8192 entries of 8 bytes, got 8193",
      code: "BAD_SEGMENT",
    });
  });

  test("names the entry with a mistake", () => {
    const table = [{ type: "null" }, { type: "data", base: -1 }] as const;
    expect(() => encodeDescriptorTable(table)).toThrow("1.base: expected 0 to 0xffffffff, got -0x1");
  });
});

describe("an IDT", () => {
  const long: IdtGate = { type: "interrupt-gate", bits: 64, selector: 0x10, offset: 0xffff_ffff_8123_4567n, ist: 1 };
  const protectedGate: IdtGate = { type: "trap-gate", bits: 32, selector: 8, offset: 0x1234_5678n };

  test("has 16 bytes a vector in long mode, 8 outside, and 256 vectors unless it ends with its last gate", () => {
    const full = encodeIdt({ 14: long }, { long: true });
    expect(full.length).toBe(4096);
    expect([...new BigUint64Array(full.slice(14 * 16, 15 * 16).buffer)]).toEqual([
      0x8123_8e01_0010_4567n,
      0xffff_ffffn,
    ]);
    expect(full.filter((byte) => byte !== 0).length).toBe(11);
    expect(encodeIdt({ 14: long }, { long: true, size: "minimal" })).toEqual(full.subarray(0, 15 * 16));
    const small = encodeIdt({ 255: protectedGate }, { long: false, size: "minimal" });
    expect(small.length).toBe(2048);
    expect([...new BigUint64Array(small.slice(255 * 8).buffer)]).toEqual([0x1234_8f00_0008_5678n]);
    expect(encodeIdt({}, { long: true, size: "minimal" }).length).toBe(0);
  });

  test("reads back as it was written, in either mode", () => {
    const gatesOf = (gate: fc.Arbitrary<IdtGate>): fc.Arbitrary<IdtGates> =>
      fc.dictionary(fc.integer({ min: 0, max: 255 }).map(String), gate);
    const tables = fc.oneof(
      fc.record({ long: fc.constant(true), gates: gatesOf(anyLongInterruptGate) }),
      fc.record({ long: fc.constant(false), gates: gatesOf(anyLegacyInterruptGate) }),
    );
    fc.assert(
      fc.property(tables, fc.constantFrom("full" as const, "minimal" as const), ({ gates, long }, size) => {
        expect(decodeIdt(encodeIdt(gates, { long, size }), { long })).toEqual({ gates: { ...gates }, problems: [] });
      }),
      { numRuns: 300 },
    );
  });

  test("says which of its entries are no gates", () => {
    const bytes = encodeIdt({ 1: protectedGate }, { long: false });
    bytes.set(encodeDescriptor({ type: "data" }), 0);
    bytes[2 * 8 + 5] = 0x8d;
    bytes.set(encodeDescriptor({ type: "call-gate", bits: 32, selector: 8, offset: 0n }), 3 * 8);
    const { gates, problems } = decodeIdt(bytes, { long: false });
    expect(Object.keys(gates)).toEqual(["1"]);
    expect(problems).toEqual([
      { vector: 0, problem: "an IDT holds no data" },
      { vector: 2, problem: "0x00008d0000000000: system type 13 is reserved outside of long mode" },
      { vector: 3, problem: "an IDT holds no call-gate" },
    ]);
  });

  const cases: readonly (readonly [object, boolean, string, unknown])[] = [
    [{ 256: long }, true, "idt.256: a vector is 0 to 255", "256"],
    [{ "-1": long }, true, "idt.-1: a vector is 0 to 255", "-1"],
    [{ "#PF": long }, true, "idt.#PF: a vector is 0 to 255", "#PF"],
    [{ 8: long }, false, "idt.8: expected a gate of 16 or 32 bits: got one of 64 bits", long],
    [{ 8: protectedGate }, true, "idt.8: expected a gate of 64 bits: got one of 32 bits", protectedGate],
    [
      { 8: { type: "task-gate", selector: 8 } },
      true,
      "idt.8: expected a gate of 64 bits: long mode has no task gates",
      { type: "task-gate", selector: 8 },
    ],
    [
      { 8: { type: "call-gate", bits: 64, selector: 8, offset: 0n } },
      true,
      'idt.8.type: an IDT holds interrupt, trap and task gates, got "call-gate"',
      "call-gate",
    ],
    [{ 8: { ...long, selector: -1 } }, true, "idt.8.selector: expected 0 to 0xffff, got -0x1", -1],
  ];
  test.each(cases)("%o", (gates, isLongMode, message, value) => {
    const error = thrownBy(() => encodeIdt(gates as IdtGates, { long: isLongMode }, "idt."));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "BAD_GATE", value });
  });
});

describe("the interrupt vector table of real mode", () => {
  test("has the offset first, then the segment", () => {
    const bytes = encodeIvt({ 0x10: { segment: 0xf000, offset: 0xff53 } });
    expect(bytes.length).toBe(1024);
    expect([...bytes.subarray(0x40, 0x44)]).toEqual([0x53, 0xff, 0x00, 0xf0]);
    expect(bytes.filter((byte) => byte !== 0).length).toBe(3);
  });

  test("reads back as it was written", () => {
    const word = fc.integer({ min: 0, max: 0xffff });
    const pointer = fc.record({ segment: word, offset: word }).filter((each) => each.segment + each.offset > 0);
    fc.assert(
      fc.property(fc.dictionary(fc.integer({ min: 0, max: 255 }).map(String), pointer), (vectors) => {
        expect(decodeIvt(encodeIvt(vectors))).toEqual({ ...vectors });
      }),
    );
  });

  const cases: readonly (readonly [object, string, unknown])[] = [
    [{ 256: { segment: 0, offset: 0 } }, "ivt.256: a vector is 0 to 255", "256"],
    [{ 0: { segment: 0x1_0000, offset: 0 } }, "ivt.0.segment: expected 0 to 0xffff, got 0x10000", 0x1_0000],
    [{ 0: { segment: 0, offset: -1 } }, "ivt.0.offset: expected 0 to 0xffff, got -0x1", -1],
  ];
  test.each(cases)("%o", (vectors, message, value) => {
    const error = thrownBy(() => encodeIvt(vectors as Record<number, RealModeVector>, "ivt."));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "BAD_GATE", value });
  });
});

describe("the operand of lgdt and lidt", () => {
  test("is the limit, then a base of 4 or 8 bytes", () => {
    expect([...pseudoDescriptor({ base: 0x1234_5678n, limit: 0xabcd }, 16)]).toEqual([
      0xcd, 0xab, 0x78, 0x56, 0x34, 0x12,
    ]);
    expect([...pseudoDescriptor({ base: 0x5800n, limit: 0x17 }, 32)]).toEqual([0x17, 0, 0x00, 0x58, 0, 0]);
    const high = pseudoDescriptor({ base: 0xffff_8000_0000_5800n, limit: 0x17 }, 64);
    expect([...high]).toEqual([0x17, 0, 0x00, 0x58, 0, 0, 0x00, 0x80, 0xff, 0xff]);
  });

  test("reads back as it was written", () => {
    const limit = fc.integer({ min: 0, max: 0xffff });
    const registers = fc.oneof(
      fc.record({
        bits: fc.constantFrom(16 as const, 32 as const),
        register: fc.record({ base: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), limit }),
      }),
      fc.record({
        bits: fc.constant(64 as const),
        register: fc.record({ base: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), limit }),
      }),
    );
    fc.assert(
      fc.property(registers, ({ bits, register }) => {
        expect(decodePseudoDescriptor(pseudoDescriptor(register, bits), bits)).toEqual(register);
      }),
    );
  });

  const cases: readonly (readonly [() => unknown, string, string])[] = [
    [
      () => pseudoDescriptor({ base: 1n << 32n, limit: 0 }, 32),
      "base: expected 0 to 0xffffffff, got 0x100000000",
      "BAD_SEGMENT",
    ],
    [
      () => pseudoDescriptor({ base: 0n, limit: 0x1_0000 }, 64),
      "limit: expected 0 to 0xffff, got 0x10000",
      "BAD_SEGMENT",
    ],
    [() => pseudoDescriptor({ base: 0n, limit: 0 }, 8 as 16), "bits: expected 16, 32 or 64, got 8", "BAD_SEGMENT"],
    [
      () => decodePseudoDescriptor(new Uint8Array(9), 64),
      "expected 10 bytes of a pseudo-descriptor, got 9",
      "NOT_DECODABLE",
    ],
  ];
  test.each(cases)("%#", (run, message, code) => {
    const error = thrownBy(run);
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code });
  });
});
