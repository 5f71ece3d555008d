import { describe, expect, test } from "vitest";
import type { Field } from "../../src/kvm/abi/structs.ts";
import { decodeCpuid, encodeCpuid } from "../../src/kvm/calls/cpuid.ts";
import { toMilliseconds, type Duration } from "../../src/kvm/machine/duration.ts";
import { newStruct, readBigint, readNumber, writeField } from "../../src/kvm/abi/fields.ts";
import {
  decodeRegisters,
  decodeSpecialRegisters,
  encodeRegisters,
  encodeSpecialRegisters,
} from "../../src/kvm/calls/registers.ts";
import { dataSegment, longModeCpu, zeroRegisters } from "./images.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

describe("a struct's fields", () => {
  test("are little-endian and of their own width", () => {
    const { bytes, view } = newStruct(16);
    writeField(view, [0, 1], 0x11, "a");
    writeField(view, [2, 2], 0x2233, "b");
    writeField(view, [4, 4], 0x44556677, "c");
    writeField(view, [0, 8], 0x8899aabbccddeeffn, "d", 8);
    expect(Buffer.from(bytes).toString("hex")).toBe("1100332277665544ffeeddccbbaa9988");
    expect([readNumber(view, [0, 1]), readNumber(view, [2, 2]), readNumber(view, [4, 4])]).toEqual([
      0x11, 0x2233, 0x44556677,
    ]);
    expect(readBigint(view, [0, 8], 8)).toBe(0x8899aabbccddeeffn);
  });

  test.each<[Field, unknown]>([
    [[0, 1], 256],
    [[0, 1], -1],
    [[0, 1], 1n],
    [[0, 2], 0x10000],
    [[0, 4], 2 ** 32],
    [[0, 4], 1.5],
    [[0, 4], Number.NaN],
    [[0, 8], 1n << 64n],
    [[0, 8], -1n],
    [[0, 8], 1],
    [[0, 8], undefined],
  ])("%j does not take %s", (field, value) => {
    const { bytes, view } = newStruct(8);
    expect(() => writeField(view, field, value as number, "it")).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", value }),
    );
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("the message says what it should be", () => {
    const { view } = newStruct(8);
    expect(() => writeField(view, [0, 2], 65536, "cs.selector")).toThrow(
      badArgument("cs.selector is no whole number from 0 to 2^16 - 1: 65536"),
    );
    expect(() => writeField(view, [0, 8], 1n << 64n, "rip")).toThrow(
      badArgument("rip is no bigint from 0 to 2^64 - 1: 18446744073709551616n"),
    );
  });
});

describe("registers", () => {
  test("each lies where struct kvm_regs has it, and comes back", () => {
    const names = Object.keys(zeroRegisters) as (keyof typeof zeroRegisters)[];
    const registers = { ...zeroRegisters };
    for (const [index, name] of names.entries())
      Object.assign(registers, { [name]: 0xf000_0000_0000_0000n + BigInt(index) });
    const bytes = encodeRegisters(registers);
    expect(decodeRegisters(viewOf(bytes))).toEqual(registers);
    // linux/kvm.h orders them rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8 ... r15, rip, rflags.
    expect(viewOf(bytes).getBigUint64(3 * 8, true)).toBe(registers.rdx);
    expect(viewOf(bytes).getBigUint64(6 * 8, true)).toBe(registers.rsp);
    expect(viewOf(bytes).getBigUint64(16 * 8, true)).toBe(registers.rip);
  });

  test("special registers come back, each segment and each field its own", () => {
    const special = {
      segments: {
        ...longModeCpu.segments,
        cs: {
          base: 0x1122334455667788n,
          limit: 0xffff_ffff,
          selector: 0xffff,
          type: 0xb,
          present: 1,
          dpl: 3,
          db: 1,
          s: 1,
          l: 1,
          g: 1,
          avl: 1,
          unusable: 1,
        },
        gs: { ...dataSegment, base: 0xffff_8000_0000_0000n },
      },
      gdt: { base: 1n, limit: 2 },
      idt: { base: 3n, limit: 0xffff },
      cr0: 4n,
      cr2: 5n,
      cr3: 6n,
      cr4: 7n,
      cr8: 8n,
      efer: 9n,
      apicBase: 10n,
      interruptBitmap: [11n, 12n, 13n, 14n],
    } as const;
    expect(decodeSpecialRegisters(viewOf(encodeSpecialRegisters(special)))).toEqual(special);
    expect(() => encodeSpecialRegisters({ ...special, interruptBitmap: [0n] })).toThrow(
      badArgument("interruptBitmap has not 4 numbers"),
    );
    const badLimit = { ...special, gdt: { base: 0n, limit: 0x10000 } };
    expect(() => encodeSpecialRegisters(badLimit)).toThrow(
      badArgument("gdt.limit is no whole number from 0 to 2^16 - 1: 65536"),
    );
  });

  test("CPUID entries come back", () => {
    const entries = [
      { function: 0, index: 0, flags: 0, eax: 0xd, ebx: 1, ecx: 2, edx: 3 },
      { function: 0x8000_0001, index: 7, flags: 1, eax: 0xffff_ffff, ebx: 0, ecx: 0, edx: 4 },
    ];
    expect(decodeCpuid(encodeCpuid(entries))).toEqual(entries);
    expect(decodeCpuid(encodeCpuid([]))).toEqual([]);
  });
});

describe("a span of time", () => {
  test.each<[Duration, number]>([
    [250, 250],
    [0.5, 0.5],
    ["1s", 1000],
    ["50ms", 50],
    ["20us", 0.02],
    ["1.5s", 1500],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])("%s is %d ms", (duration, milliseconds) => expect(toMilliseconds(duration)).toBeCloseTo(milliseconds, 9));

  test.each<[unknown, string]>([
    ...[0, -1, Number.NaN, null, true].map((value): [unknown, string] => [value, String(value)]),
    ...["", "1", "1 s", "0s", "-1s", "1m", "1e3ms"].map((value): [unknown, string] => [value, `"${value}"`]),
    [5n, "5n"],
  ])("%s is none", (value, shown) => {
    expect(() => toMilliseconds(value as Duration)).toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        value,
        message:
          `no span of time: ${shown}\n  hint: a number of milliseconds above 0, or text such as "50ms" or "1s"; ` +
          "Infinity for no deadline",
      }),
    );
  });
});
