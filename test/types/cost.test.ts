import { expect, test } from "vitest";
import { chain, mixed, typeCost } from "./compiler.ts";

test("the compiler's work for a guest is in proportion to its statements", { timeout: 180_000 }, async () => {
  const few = await typeCost(chain(5, mixed));
  const many = await typeCost(chain(1_000, mixed));
  const twice = await typeCost(chain(2_000, mixed));
  const each = (many.instantiations - few.instantiations) / 995;
  console.log(`${each.toFixed(0)} type instantiations a statement, ${many.checkSeconds} s to check a thousand`);
  expect(each).toBeLessThan(100);
  expect((twice.instantiations - many.instantiations) / 1_000).toBeLessThan(each * 1.5);
});

test("the compiler checks statements that differ in numbers only once", { timeout: 180_000 }, async () => {
  const statement = (i: number): string => `.mov(rdx, ${i}).mov(byte(rdx, ${i}), ${i}n).u8(${i})`;
  const one = await typeCost(chain(1, statement));
  const many = await typeCost(chain(500, statement));
  expect((many.instantiations - one.instantiations) / 499).toBeLessThan(20);
});
