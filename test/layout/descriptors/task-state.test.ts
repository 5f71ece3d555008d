/** Task-state segments: SDM vol. 3A, figures 7-2, 7-10 and 7-11; the I/O permission bitmap: vol. 1, 19.5.2. */
import fc from "fast-check";
import { decodeTaskState, encodeTaskState, LayoutError, type PortRange, type TaskState } from "guestwright/layout";
import { describe, expect, test } from "vitest";
import { noCompiler, runC } from "../../kvm/c-program.ts";
import { thrownBy } from "./thrown-by.ts";

/** The figures as C structures: every register by the name that it has here, reserved space by `r` and a number. */
const structures = {
  16: `uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;`,
  32: `uint16_t link, r0; uint32_t esp0; uint16_t ss0, r1; uint32_t esp1; uint16_t ss1, r2; uint32_t esp2;
    uint16_t ss2, r3; uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint16_t es, r4, cs, r5, ss, r6, ds, r7, fs, r8, gs, r9, ldt, r10, trap, ioMapBase;`,
  64: `uint32_t r0; uint64_t rsp0, rsp1, rsp2, r1, ist1, ist2, ist3, ist4, ist5, ist6, ist7, r2;
    uint16_t r3, ioMapBase;`,
} as const;

/** The registers of a form and their sizes in bits, read from its structure. */
function registersOf(bits: TaskState["bits"]): readonly (readonly [name: string, size: number])[] {
  return structures[bits]
    .split(";")
    .flatMap((declaration) => {
      const [, size, names] = /uint(\d+)_t (.*)/s.exec(declaration.trim()) ?? [];
      return (names ?? "").split(", ").map((name) => [name, Number(size)] as const);
    })
    .filter(([name]) => name !== "" && !/^(r\d+|trap|ioMapBase)$/.test(name));
}

const anyPorts: fc.Arbitrary<PortRange[]> = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 0, max: 0x400 }), fc.integer({ min: 0, max: 0xffff })), { maxLength: 8 })
  .map((ports) => {
    // Ends two apart or more, so that no range touches the next.
    const bounds = ports.toSorted((a, b) => a - b).filter((port, i, all) => i === 0 || port > all[i - 1]! + 1);
    return Array.from({ length: bounds.length >> 1 }, (_, i) => ({ first: bounds[2 * i]!, last: bounds[2 * i + 1]! }));
  });

const anyState: fc.Arbitrary<Required<TaskState>> = fc.constantFrom(...([16, 32, 64] as const)).chain((bits) =>
  fc.record<Record<string, unknown>>({
    bits: fc.constant(bits),
    ...Object.fromEntries(
      registersOf(bits).map(([name, size]) => [
        name,
        size === 64 ? fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) : fc.integer({ min: 0, max: 2 ** size - 1 }),
      ]),
    ),
    ...(bits === 32 ? { trap: fc.boolean() } : {}),
    ...(bits === 16 ? {} : { ioMapBase: fc.integer({ min: 0x68, max: 0xdfff }), ports: anyPorts }),
  }),
) as unknown as fc.Arbitrary<Required<TaskState>>;

test("decoding what was encoded gives the same state, for every form", () => {
  fc.assert(
    fc.property(anyState, (state) => {
      expect(decodeTaskState(encodeTaskState(state), state.bits)).toEqual(state);
    }),
    { numRuns: 300 },
  );
});

test.skipIf(noCompiler !== undefined).each([16, 32, 64] as const)(
  "%s bits: a C structure has the same bytes",
  (bits) => {
    const states = fc.sample(
      anyState.filter((state) => state.bits === bits),
      { numRuns: 100, seed: 1 },
    );
    const literals = states.map((state) => {
      const fields = { trap: false, ...state, ports: undefined, bits: undefined };
      const values = Object.entries(fields).filter(
        ([name, value]) => value !== undefined && (name !== "trap" || bits === 32),
      );
      return `{ ${values.map(([name, value]) => `.${name} = ${BigInt(value as unknown as number)}ull`).join(", ")} }`;
    });
    const written = runC(`#include <stdint.h>\n#include <stdio.h>
    struct __attribute__((packed)) tss { ${structures[bits]} };
    static const struct tss all[] = { ${literals.join(",\n")} };
    int main(void) { fwrite(all, sizeof all, 1, stdout); return 0; }`);
    const size = bits === 16 ? 44 : 104;
    expect(written.length).toBe(size * states.length);
    states.forEach((state, i) => {
      expect([...encodeTaskState(state).subarray(0, size)]).toEqual([...written.subarray(i * size, (i + 1) * size)]);
    });
  },
);

test("what is not given is 0, and the bitmap's base is the end of the state: no port passes", () => {
  expect([...encodeTaskState({ bits: 16 })]).toEqual(Array.from({ length: 44 }, () => 0));
  for (const bits of [32, 64] as const) {
    const bytes = encodeTaskState({ bits });
    expect([...bytes]).toEqual([...Array.from({ length: 102 }, () => 0), 0x68, 0]);
    expect(decodeTaskState(bytes, bits)).toMatchObject({ ioMapBase: 0x68, ports: [] });
  }
});

describe("the I/O permission bitmap", () => {
  const bitmapOf = (...ports: PortRange[]): number[] => [...encodeTaskState({ bits: 64, ports }).subarray(0x68)];

  test("has a clear bit for each port that passes, and ends in a byte of ones", () => {
    expect(bitmapOf({ first: 0, last: 0 })).toEqual([0xfe, 0xff]);
    expect(bitmapOf({ first: 7, last: 8 })).toEqual([0x7f, 0xfe, 0xff]);
    expect(bitmapOf({ first: 16, last: 23 }, { first: 1, last: 1 })).toEqual([0xfd, 0xff, 0x00, 0xff]);
    expect(bitmapOf({ first: 1, last: 2 }, { first: 2, last: 3 })).toEqual([0xf1, 0xff]);
  });

  test("has 8193 bytes where all ports pass, and ends with the 64 KiB from the last base that there is", () => {
    const ports = [{ first: 0, last: 0xffff }];
    expect(bitmapOf(...ports)).toEqual([...Array.from({ length: 8192 }, () => 0), 0xff]);
    const bytes = encodeTaskState({ bits: 32, ports, ioMapBase: 0xdfff });
    expect(bytes.length).toBe(0x1_0000);
    expect(decodeTaskState(bytes, 32)).toMatchObject({ ports, ioMapBase: 0xdfff });
  });

  test("of which the limit cuts off a part lets nothing pass there, nor by its last byte", () => {
    const bytes = encodeTaskState({ bits: 64, ports: [{ first: 0, last: 31 }] });
    expect(decodeTaskState(bytes.subarray(0, 0x68 + 3), 64).ports).toEqual([{ first: 0, last: 15 }]);
    expect(decodeTaskState(bytes.subarray(0, 0x68 + 1), 64).ports).toEqual([]);
    expect(decodeTaskState(bytes.subarray(0, 0x68), 64).ports).toEqual([]);
  });

  test("from base 0 is read where it lies, as the CPU would", () => {
    const { ports } = decodeTaskState(new Uint8Array(104), 64);
    expect(ports).toEqual([{ first: 0, last: 103 * 8 - 1 }]);
  });
});

describe("what a TSS has no room for", () => {
  const cases: readonly (readonly [object, string, unknown])[] = [
    [{ bits: 8 }, "bits: expected 16, 32 or 64, got 8", 8],
    [{ bits: 64, esp0: 1 }, "esp0: a 64-bit TSS has no such field", 1],
    [{ bits: 16, ports: [] }, "ports: a 16-bit TSS has no such field", []],
    [{ bits: 64, trap: true }, "trap: a 64-bit TSS has no such field", true],
    [{ bits: 32, trap: 1 }, "trap: expected true or false, got 1", 1],
    [{ bits: 32, esp0: 2 ** 32 }, "esp0: expected 0 to 0xffffffff, got 0x100000000", 2 ** 32],
    [{ bits: 32, ss0: 0x1_0000 }, "ss0: expected 0 to 0xffff, got 0x10000", 0x1_0000],
    [{ bits: 16, sp0: -1 }, "sp0: expected 0 to 0xffff, got -0x1", -1],
    [{ bits: 64, rsp0: 4096 }, "rsp0: expected a bigint of 0 to 0xffffffffffffffff, got 0x1000", 4096],
    [{ bits: 64, ist7: 1n << 64n }, "ist7: expected 0 to 0xffffffffffffffff, got 0x10000000000000000", 1n << 64n],
    [{ bits: 64, ioMapBase: 0xe000 }, "ioMapBase: expected 0 to 0xdfff, got 0xe000", 0xe000],
    [{ bits: 64, ioMapBase: 0x67 }, "ioMapBase: the first 0x68 bytes are the state's, got 0x67", 0x67],
    [{ bits: 32, ports: [{ first: 0, last: 0x1_0000 }] }, "ports.0.last: expected 0 to 0xffff, got 0x10000", 0x1_0000],
    [{ bits: 32, ports: [{ first: -1, last: 0 }] }, "ports.0.first: expected 0 to 0xffff, got -0x1", -1],
    [
      { bits: 32, ports: [{ first: 2, last: 1 }] },
      "ports.0: the first port, 0x2, comes after the last, 0x1",
      { first: 2, last: 1 },
    ],
  ];
  test.each(cases)("%o", (state, message, value) => {
    const error = thrownBy(() => encodeTaskState(state as TaskState));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "BAD_TASK_STATE", value });
  });

  test("the place of the state is named", () => {
    expect(() => encodeTaskState({ bits: 32, cr3: -1 }, "tss.")).toThrow("tss.cr3: expected 0 to 0xffffffff, got -0x1");
  });
});

describe("bytes that are no TSS", () => {
  const withByte = (size: number, at: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    bytes[at] = value;
    return bytes;
  };
  const cases: readonly (readonly [Uint8Array, TaskState["bits"], string])[] = [
    [new Uint8Array(43), 16, "expected a 16-bit TSS of at least 44 bytes, got 43"],
    [new Uint8Array(103), 64, "expected a 64-bit TSS of at least 104 bytes, got 103"],
    [withByte(104, 3, 1), 32, "reserved in a 32-bit TSS, but set: byte 3"],
    [withByte(104, 100, 2), 32, "reserved in a 32-bit TSS, but set: byte 100"],
    [withByte(104, 101, 1), 32, "reserved in a 32-bit TSS, but set: byte 101"],
    [withByte(104, 0, 1), 64, "reserved in a 64-bit TSS, but set: byte 0"],
    [withByte(104, 100, 1), 64, "reserved in a 64-bit TSS, but set: byte 100"],
  ];
  test.each(cases)("%#", (bytes, bits, message) => {
    const error = thrownBy(() => decodeTaskState(bytes, bits));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message, code: "NOT_DECODABLE" });
  });
});
