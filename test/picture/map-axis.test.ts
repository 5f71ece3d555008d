import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MapAxis, type Stretch } from "../../src/picture/map/map-axis.ts";

const address = fc.bigInt({ min: 0n, max: (1n << 64n) - 0x1000n });
const stretches = fc.array(
  fc.tuple(address, fc.bigInt({ min: 1n, max: 0x1000n })).map(([from, size]): Stretch => ({ from, to: from + size })),
  { minLength: 1, maxLength: 30 },
);

describe.each(["scaled", "even"] as const)("the %s axis", (scale) => {
  test("has every address from 0 on once, from 0 to 1, and keeps the order", () => {
    fc.assert(
      fc.property(stretches, (given) => {
        const axis = MapAxis[scale](given);
        const end = given.reduce((most, { to }) => (to > most ? to : most), 0n);
        let next = 0n;
        let start = 0;
        for (const piece of axis.pieces) {
          expect(piece.from).toBe(next);
          expect(piece.start).toBeCloseTo(start, 9);
          next = piece.to;
          start = piece.start + piece.length;
        }
        expect(next).toBe(end);
        expect(start).toBeCloseTo(1, 9);
        const edges = given.flatMap(({ from, to }) => [from, to]).toSorted((a, b) => (a < b ? -1 : 1));
        const places = edges.map((edge) => axis.at(edge));
        expect(places.every((place, i) => i === 0 || place >= places[i - 1]! - 1e-12)).toBe(true);
      }),
    );
  });

  test("calls a gap what no stretch covers", () => {
    fc.assert(
      fc.property(stretches, (given) => {
        for (const { from, to, isGap } of MapAxis[scale](given).pieces) {
          const isCovered = (each: bigint) => given.some((stretch) => stretch.from <= each && each < stretch.to);
          expect([isCovered(from), isCovered(to - 1n)]).toEqual([!isGap, !isGap]);
        }
      }),
    );
  });
});

test("to scale, twice the bytes are twice as long, and a gap is no longer than 6 % of them", () => {
  const axis = MapAxis.scaled([
    { from: 0x1000n, to: 0x2000n },
    { from: 0x2000n, to: 0x4000n },
    { from: 0xffff_0000n, to: 0xffff_1000n },
  ]);
  const length = (from: bigint, to: bigint) => axis.at(to) - axis.at(from);
  expect(length(0x2000n, 0x4000n) / length(0x1000n, 0x2000n)).toBeCloseTo(2, 9);
  expect(length(0xffff_0000n, 0xffff_1000n)).toBeCloseTo(length(0x1000n, 0x2000n), 9);
  expect(length(0x4000n, 0xffff_0000n) / length(0x1000n, 0x4000n)).toBeCloseTo((0.06 * 4) / 3, 9);
  expect(length(0x1000n, 0x1800n) / length(0x1000n, 0x2000n)).toBeCloseTo(0.5, 9);
});

test("evenly, a page has as much room beside 1 GiB as its name needs", () => {
  const axis = MapAxis.even([
    { from: 0x0n, to: 0x4000_0000n },
    { from: 0x4000_0000n, to: 0x4000_1000n },
  ]);
  expect(1 - axis.at(0x4000_0000n)).toBeCloseTo(1 / (2 + 18 * 0.08), 9);
});
