/** The same descriptors written by the C compiler, from bit-fields as the manual's figures draw them. */
import fc from "fast-check";
import { type Descriptor, encodeDescriptor } from "guestwright/layout";
import { expect, test } from "vitest";
import { noCompiler, runC } from "../../kvm/c-program.ts";
import { anyDescriptor } from "./arbitraries.ts";

/** SDM vol. 3A, figures 3-8, 7-3 and 7-4; 5-8, 5-9, 6-2, 6-8 and 7-6. */
const structures = `
#include <stdint.h>
#include <stdio.h>
struct __attribute__((packed)) segment {
  uint64_t limit_low : 16, base_low : 24, type : 4, s : 1, dpl : 2, p : 1;
  uint64_t limit_high : 4, avl : 1, l : 1, db : 1, g : 1, base_high : 8;
  uint32_t base_top, zero;
};
struct __attribute__((packed)) gate {
  uint16_t offset_low, selector;
  uint16_t count : 5, zeros : 3, type : 4, s : 1, dpl : 2, p : 1;
  uint16_t offset_high;
  uint32_t offset_top, zero;
};
_Static_assert(sizeof(struct segment) == 16 && sizeof(struct gate) == 16, "two quadwords");
static void segment(int size, uint64_t base, uint32_t limit, int type, int s, int dpl, int p, int avl, int l, int db, int g) {
  uint32_t scaled = g ? limit / 4096 : limit;
  struct segment x = { scaled & 0xffff, base & 0xffffff, type, s, dpl, p, scaled >> 16, avl, l, db, g, base >> 24, base >> 32, 0 };
  fwrite(&x, size, 1, stdout);
}
static void gate(int size, uint64_t offset, uint16_t selector, int count, int type, int dpl, int p) {
  struct gate x = { offset, selector, count, 0, type, 0, dpl, p, offset >> 16, offset >> 32, 0 };
  fwrite(&x, size, 1, stdout);
}
`;

/** Types of SDM vol. 3A, table 3-2: those of 16 bits; those of 32 have bit 3 set as well, and 64 bits share them. */
const types = { tss: 1, ldt: 2, "call-gate": 4, "task-gate": 5, "interrupt-gate": 6, "trap-gate": 7 } as const;

/** The call that writes a descriptor whose fields are all given. */
function callFor(descriptor: Descriptor): string {
  const has = {
    bits: undefined,
    dpl: 0,
    present: true,
    available: false,
    granularity: "byte",
    ...descriptor,
  } as Record<string, unknown>;
  const bit = (name: string): number => Number(has[name] === true);
  const bits = has["bits"];
  const { type } = descriptor;
  if (type === "null") throw new Error("no kind of its own");
  if (type === "code" || type === "data") {
    const isCode = type === "code";
    // SDM vol. 3A, table 3-1.
    const number = isCode
      ? 8 + 4 * bit("conforming") + 2 * bit("readable") + bit("accessed")
      : 4 * bit("expandDown") + 2 * bit("writable") + bit("accessed");
    return `segment(8, ${hex(has["base"])}, ${hex(has["limit"])}, ${number}, 1, ${hex(has["dpl"])}, ${bit("present")}, ${bit("available")}, ${Number(bits === 64)}, ${Number(bits === 32)}, ${Number(has["granularity"] === "page")});`;
  }
  const wide = bits === 32 || bits === 64;
  const size = bits === 64 ? 16 : 8;
  if (type === "tss" || type === "ldt") {
    const number = types[type] + (type === "tss" ? (wide ? 8 : 0) + 2 * bit("busy") : 0);
    return `segment(${size}, ${hex(has["base"])}, ${hex(has["limit"])}, ${number}, 0, ${hex(has["dpl"])}, ${bit("present")}, ${bit("available")}, 0, 0, ${Number(has["granularity"] === "page")});`;
  }
  const number = types[type] + (wide ? 8 : 0);
  return `gate(${size}, ${hex(has["offset"] ?? 0)}, ${hex(has["selector"])}, ${hex(has["parameters"] ?? has["ist"] ?? 0)}, ${number}, ${hex(has["dpl"])}, ${bit("present")});`;
}

const hex = (value: unknown): string =>
  `0x${(value as number | bigint).toString(16)}u${typeof value === "bigint" ? "ll" : ""}`;

test.skipIf(noCompiler !== undefined)("the compiler's bit-fields give the same bytes", () => {
  const descriptors = fc.sample(anyDescriptor, { numRuns: 2000, seed: 1 });
  const written = runC(`${structures}int main(void) {\n${descriptors.map(callFor).join("\n")}\nreturn 0;\n}\n`);
  let from = 0;
  for (const descriptor of descriptors) {
    const bytes = encodeDescriptor(descriptor);
    expect(
      [...bytes],
      JSON.stringify(descriptor, (_, value: unknown) => (typeof value === "bigint" ? hex(value) : value)),
    ).toEqual([...written.subarray(from, from + bytes.length)]);
    from += bytes.length;
  }
  expect(from).toBe(written.length);
});
