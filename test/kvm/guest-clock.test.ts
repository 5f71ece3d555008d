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
    const clock = new GuestClock();
    for (let exit = 0; exit < 50; exit++) stay(clock, 10 + exit, 1000);
    expect(clock.elapsed).toBe(50 * 10 + (49 * 50) / 2);
  });

  test("looks seldom where exits are many and short, and is right all the same", () => {
    const clock = new GuestClock();
    for (let exit = 0; exit < 100_000; exit++) stay(clock, 0.0078125, 3);
    expect(clock.elapsed / (100_000 * 0.0078125)).toBeCloseTo(1, 2);
    expect(looks).toBeLessThan(0.13 * 100_000);
  });

  test("takes a long stay among many short ones for what it is, no more", () => {
    const clock = new GuestClock();
    for (let exit = 0; exit < 10_000; exit++) stay(clock, 0.0078125);
    const before = clock.elapsed;
    for (let exit = 0; exit < 64; exit++) stay(clock, 50);
    // One stay of sixteen was timed, and from that on each.
    expect(clock.elapsed - before).toBeGreaterThan(48 * 50);
    expect(clock.elapsed - before).toBeLessThanOrEqual(64 * 50);
  });

  test("counts a stay that ticks break into pieces from the second piece on", () => {
    const clock = new GuestClock();
    for (let exit = 0; exit < 10_000; exit++) stay(clock, 0.0078125);
    const before = clock.elapsed;
    for (let piece = 0; piece < 10; piece++) {
      stay(clock, 100);
      clock.tick();
    }
    expect(clock.elapsed - before).toBeGreaterThanOrEqual(900);
    expect(clock.elapsed - before).toBeLessThanOrEqual(1000);
  });
});
