/** The matchers, and their types for `expect`. */
import type { Duration, Machine, Transcript } from "../kvm/index.ts";
import { transcriptToText } from "../kvm/index.ts";
import { diffImages, imageChangesToText, isImage, type Image } from "../layout/index.ts";
import type { Access } from "../paging/index.ts";
import type { Size } from "../core/units.ts";
import { show } from "../core/show.ts";
import { exitDifference, requireExpected, type ExpectedExit } from "./expected-exit.ts";
import type { MatcherResult } from "./matcher-result.ts";
import { withRun, type GuestRun, type RunGuestOptions } from "./run-guest.ts";
import { badArgument, buildHint, requireOptions } from "./testing-error.ts";
import { toMap, type ToMapOptions } from "./to-map.ts";

/** What an expectation about a run gives: a promise where the guest is an image, which is booted first. */
export type Ran<Guest> = Guest extends Machine | Transcript ? void : Promise<void>;

/** What a matcher gives Vitest: at once, or later. */
export type Result = MatcherResult | Promise<MatcherResult>;

/** The expectations about guests. */
export interface GuestMatchers<Received> {
  /**
   * An image, or an address space of `guestwright/paging`, maps a virtual address to a physical one, with exactly this access.
   * A failure says what it maps it to, or in which entry a page walk ends.
   *
   * @example
   * ```ts
   * expect(image).toMap(0x1000, 0x5000, "rw", { size: "12KiB" });
   * ```
   */
  toMap(virt: Size, phys: Size, access: Access, options?: ToMapOptions): void;
  /**
   * A guest has exactly these exits. An image is booted and run, a machine runs on from where it is, a transcript is compared
   * as it is. Of each exit those fields are compared that are given; writes in a row to one port are one exit.
   *
   * @example
   * ```ts
   * await expect(image).toExitWith([{ kind: "io-out", port: 0xe9, data: "Hello\n" }, "hlt"]);
   * ```
   */
  toExitWith(exits: readonly ExpectedExit[], options?: RunGuestOptions): Ran<Received>;
  /**
   * A guest, an image or a machine, comes to `hlt` within some time of its own. A failure says what it did, and where it was.
   *
   * @example
   * ```ts
   * await expect(image).toHaltWithin("50ms");
   * ```
   */
  toHaltWithin(time: Duration, options?: Omit<RunGuestOptions, "timeout">): Ran<Received>;
  /**
   * An image is the same as another. A failure says in words what changed: which mapping, which descriptor, which statement.
   *
   * @example
   * ```ts
   * expect(image).toBeSameImageAs(imageFromJson(await readFile("reviewed.json", "utf8")));
   * ```
   */
  toBeSameImageAs(expected: Image): void;
}

declare module "vitest" {
  // oxlint-disable-next-line typescript/no-explicit-any -- as Vitest declares it, which a merged interface must repeat
  interface Matchers<T = any> extends GuestMatchers<T> {}
}

/** The matchers as `expect.extend` takes them. */
export const guestMatchers: {
  readonly toMap: (received: unknown, virt: Size, phys: Size, access: Access, options?: ToMapOptions) => MatcherResult;
  readonly toExitWith: (received: unknown, exits: readonly ExpectedExit[], options?: RunGuestOptions) => Result;
  readonly toHaltWithin: (received: unknown, time: Duration, options?: Omit<RunGuestOptions, "timeout">) => Result;
  readonly toBeSameImageAs: (received: unknown, expected: Image) => MatcherResult;
} = {
  toMap,
  toExitWith: (received, expected, options = {}) => {
    requireExpected("toExitWith", expected);
    requireOptions("toExitWith", runOptionNames, options);
    return withRun("toExitWith", received, options, (run) => {
      const problem = exitDifference(expected, run.transcript.exits);
      return result(problem, "expected the guest not to have these exits, but it has", run);
    });
  },
  toHaltWithin: (received, time, options = {}) => {
    requireOptions("toHaltWithin", haltOptionNames, options);
    return withRun("toHaltWithin", received, { ...options, timeout: time }, (run) => {
      const { transcript, where } = run;
      const last = transcript.exits.at(-1)?.kind;
      const place = where === undefined ? "" : ` at ${where}`;
      const problem =
        last === "hlt" ? undefined : `expected the guest to halt within ${time}, but it ended with ${last}${place}`;
      return result(problem, `expected the guest not to halt within ${time}, but it did`, run);
    });
  },
  toBeSameImageAs: (received, expected) => {
    for (const image of [received, expected]) {
      if (isImage(image)) continue;
      throw badArgument(`toBeSameImageAs takes images, got ${show(image)}`, image, buildHint);
    }
    const text = imageChangesToText(diffImages(expected, received as Image));
    return {
      pass: text === "",
      message: () =>
        text === ""
          ? "expected another image, but nothing changed"
          : `expected the same image, but it changed:\n${indented(text)}`,
    };
  },
};

const haltOptionNames: readonly (keyof RunGuestOptions)[] = ["maxExits", "devices", "answer"];
const runOptionNames: readonly (keyof RunGuestOptions)[] = [...haltOptionNames, "timeout"];

/** A failure tells all that the guest did, and why it ended. */
function result(problem: string | undefined, otherwise: string, { transcript, findings }: GuestRun): MatcherResult {
  const why = findings.map(({ text, hint }) => (hint === undefined ? text : `${text}\n  hint: ${hint}`)).join("\n");
  return {
    pass: problem === undefined,
    message: () =>
      [
        problem ?? otherwise,
        ...(why === "" ? [] : ["why it ended:", indented(why)]),
        ...["the guest did:", indented(transcriptToText(transcript))],
      ].join("\n"),
  };
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
