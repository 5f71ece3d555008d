import { expect, test } from "vitest";
import { typeCost } from "./compiler.ts";

/** A guest of `count` instructions and labels, each fifth statement a label that two others use. */
function guest(count: number): string {
  const statements = Array.from({ length: count }, (_, i) => {
    const label = `"l${Math.floor(i / 5)}"`;
    return [
      `.label(${label})`,
      `.jmp(${label})`,
      `.mov(rdx, ${i})`,
      ".mov(byte(rdx, 1), al)",
      `.mov(rcx, rip(${label}))`,
    ][i % 5]!;
  });
  return [
    'import { al, assemble, byte, code64, rcx, rdx, rip } from "guestwright/asm";',
    `void assemble(code64()${statements.join("\n")});`,
  ].join("\n");
}

test("the compiler's work for a guest is in proportion to its statements", { timeout: 180_000 }, async () => {
  const few = await typeCost(guest(5));
  const many = await typeCost(guest(1_000));
  const twice = await typeCost(guest(2_000));
  const each = (many.instantiations - few.instantiations) / 995;
  console.log(`${each.toFixed(0)} type instantiations a statement, ${many.checkSeconds} s to check a thousand`);
  expect(each).toBeLessThan(300);
  expect((twice.instantiations - many.instantiations) / 1_000).toBeLessThan(each * 1.5);
});
