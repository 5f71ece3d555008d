import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GuestClock } from "../../src/kvm/machine/guest-clock.ts";

/** The time that the clock is shown, in milliseconds, and how often it looked. */
let now = 0;
let looks = 0;

beforeEach(() => {
  now = 0;
  looks = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    looks++;
    return now;
  });
});
afterEach(() => vi.restoreAllMocks());

function stay(clock: GuestClock, guest: number, handler = 0): void {
  clock.enter();
  now += guest;
  clock.leave();
  now += handler;
}

describe("the guest's clock", () => {
  test("counts the guest's time to the last bit where exits are few", () => {
    const clock = new GuestClock(Number.POSITIVE_INFINITY);
    for (let exit = 0; exit < 50; exit++) stay(clock, 10 + exit, 1000);
    expect(clock.elapsed).toBe(50 * 10 + (49 * 50) / 2);
  });

  test("looks seldom where exits are many and short, and is right all the same", () => {
    const clock = new GuestClock(Number.POSITIVE_INFINITY);
    for (let exit = 0; exit < 100_000; exit++) stay(clock, 0.0078125, 3);
    expect(clock.elapsed / (100_000 * 0.0078125)).toBeCloseTo(1, 2);
    expect(looks).toBeLessThan(0.04 * 100_000);
  });

  test.each([
    [999, 16],
    [1000, 64],
    [Number.POSITIVE_INFINITY, 64],
  ])("takes a long stay among many short ones for what it is, no more, with %s ms to run", (limit, stride) => {
    const clock = new GuestClock(limit);
    for (let exit = 0; exit < 10_000; exit++) stay(clock, 0.0078125);
    const before = clock.elapsed;
    for (let exit = 0; exit < 256; exit++) stay(clock, 50);
    // One stay of so many was timed, and from that on each.
    expect(clock.elapsed - before).toBeGreaterThan((256 - stride) * 50);
    expect(clock.elapsed - before).toBeLessThanOrEqual(256 * 50);
  });

  test("counts long stays that come again and again among many short ones", () => {
    const clock = new GuestClock(Number.POSITIVE_INFINITY);
    for (let exit = 0; exit < 10_000; exit++) stay(clock, 0.0078125);
    const start = now;
    const before = clock.elapsed;
    for (let round = 0; round < 200; round++) {
      for (let exit = 0; exit < 150; exit++) stay(clock, 0.0078125);
      stay(clock, 10);
    }
    // All but those before the first that was found.
    expect(clock.elapsed - before).toBeGreaterThan(0.6 * (now - start));
    expect(clock.elapsed - before).toBeLessThanOrEqual(1.01 * (now - start));
  });

  test("counts a stay that ticks break into pieces from the second piece on", () => {
    const clock = new GuestClock(Number.POSITIVE_INFINITY);
    for (let exit = 0; exit < 10_000; exit++) stay(clock, 0.0078125);
    const before = clock.elapsed;
    for (let piece = 0; piece < 10; piece++) {
      stay(clock, 100);
      clock.tick();
    }
    expect(clock.elapsed - before).toBeGreaterThanOrEqual(900);
    expect(clock.elapsed - before).toBeLessThanOrEqual(1000);
  });

  test("is over when the guest has had its time", () => {
    expect(new GuestClock(0).isOver).toBe(true);
    const clock = new GuestClock(30);
    stay(clock, 29.5, 1000);
    expect(clock.isOver).toBe(false);
    stay(clock, 0.5);
    expect(clock.isOver).toBe(true);
  });
});
