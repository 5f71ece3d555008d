/** Expectations that nothing could meet: with `.not` they would always hold, so they fail either way. */
import "guestwright/testing/setup";
import type { Transcript } from "guestwright/kvm";
import { layout, type Image } from "guestwright/layout";
import { beforeAll, describe, expect, test } from "vitest";
import { longGuest, type Loose } from "../layout/descriptions.ts";
import { failure } from "./failure.ts";

const halted: Transcript = { exits: [{ kind: "hlt" }], end: undefined };
let image: Image;
beforeAll(async () => {
  image = await layout(longGuest()).build();
});

const exitWith =
  (...expected: readonly unknown[]) =>
  (not: boolean): void => {
    if (not) expect(halted).not.toExitWith(expected as Loose);
    else expect(halted).toExitWith(expected as Loose);
  };

const mapTo =
  (access: unknown, options?: unknown) =>
  (not: boolean): void => {
    if (not) expect(image).not.toMap(0x0, 0x5000, access as Loose, options as Loose);
    else expect(image).toMap(0x0, 0x5000, access as Loose, options as Loose);
  };

describe.each([false, true])("with .not: %s", (not) => {
  test.each<[string, (not: boolean) => void, string]>([
    [
      "a kind of exit that is none",
      exitWith("hltt"),
      'toExitWith: exit 0: no kind of exit: "hltt"\n  hint: did you mean hlt?',
    ],
    [
      "an exit without a kind",
      exitWith("hlt", { port: 5 }),
      expect.stringMatching(
        /^toExitWith: exit 1: no kind of exit: nothing\n {2}hint: there is io-out, io-in, /,
      ) as never,
    ],
    [
      "a field that is none",
      exitWith({ kind: "io-out", prt: 0xe9 }),
      'toExitWith: exit 0: io-out has no field "prt"\n  hint: did you mean port?',
    ],
    [
      "a field of another kind",
      exitWith({ kind: "hlt", address: 1n }),
      'toExitWith: exit 0: hlt has no field "address"\n  hint: it has kind, symbol, where',
    ],
    ["an access that is none", mapTo("wx"), 'toMap: access: expected one of r, rw, rx, rwx, got "wx"'],
    ["an option that is none", mapTo("rx", { sise: "4KiB" }), 'toMap has no option "sise"\n  hint: did you mean size?'],
  ])("%s", async (_, expectation, message) => {
    expect(await failure(() => expectation(not))).toEqual(message);
  });
});

test.each<[string, () => void | Promise<void>, string]>([
  ["no list", () => expect(halted).toExitWith("hlt" as Loose), 'toExitWith takes a list of exits, got "hlt"'],
  [
    "toExitWith",
    () => expect(halted).toExitWith(["hlt"], { timout: 5 } as Loose),
    'toExitWith has no option "timout"\n  hint: did you mean timeout?',
  ],
  [
    "toHaltWithin",
    () => expect(halted).toHaltWithin("1s", { timeout: 5 } as Loose),
    'toHaltWithin has no option "timeout"\n  hint: it has maxExits, devices and answer',
  ],
])("%s", async (_, expectation, message) => {
  expect(await failure(expectation)).toBe(message);
});

test("what an exit may have besides its own fields", () => {
  const transcript: Transcript = { exits: [{ kind: "hlt", where: "guest+0x1" }], end: undefined };
  expect(transcript).toExitWith([{ kind: "hlt", where: "guest+0x1" }]);
  expect(transcript).not.toExitWith([{ kind: "hlt", symbol: "here" }]);
});
