/** Runs a guest again on the answers that a transcript has, and says where it first does something else. */
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import { hex } from "../../core/hex.ts";
import type { Exit } from "../exits/exits.ts";
import { locationToText } from "../machine/location.ts";
import type { Machine } from "../machine/machine.ts";
import { requireMachine } from "../machine/require-machine.ts";
import type { RunOptions, StreamOptions } from "../machine/run-options.ts";
import { registersAtEnd } from "./guest-place.ts";
import { ReplayCursor, type ReplayDifference } from "./replay-cursor.ts";
import { requireTranscript, type Transcript } from "./transcript.ts";

/** What a replay found. */
export interface Replay {
  /** Whether the guest did all that the transcript says, and nothing else before it. */
  readonly matches: boolean;
  /** The first thing that was otherwise; `undefined` where nothing was. */
  readonly difference: ReplayDifference | undefined;
}

/**
 * Feeds a machine that has not run yet the answers of a transcript, and compares what it does with it, up to the
 * transcript's end or the first difference. Devices take no part: what they answered is in the transcript. What the host did
 * besides answering, such as writing to memory or raising interrupts, is not, and has to be done again beforehand.
 *
 * @example
 * ```ts
 * using machine = await boot(image);
 * const { difference } = replay(machine, transcriptFromJson(recorded));
 * if (difference !== undefined) console.log(difference.message);
 * ```
 */
export function replay(machine: Machine, transcript: Transcript, options: Pick<RunOptions, "timeout"> = {}): Replay {
  const cursor = cursorOver(transcript, machine);
  while (!cursor.isOver) {
    for (const exit of machine.run(options)) {
      cursor.take(exit);
      if (cursor.isOver) break;
    }
  }
  return finish(machine, transcript, cursor);
}

/**
 * The same beside the event loop.
 *
 * @example
 * ```ts
 * const { matches } = await replayStream(machine, transcript, { signal });
 * ```
 */
export async function replayStream(
  machine: Machine,
  transcript: Transcript,
  options: Pick<StreamOptions, "timeout" | "signal"> = {},
): Promise<Replay> {
  const cursor = cursorOver(transcript, machine);
  while (!cursor.isOver) {
    for await (const exit of machine.stream(options)) {
      cursor.take(exit);
      if (cursor.isOver) break;
    }
  }
  return finish(machine, transcript, cursor);
}

function cursorOver(transcript: Transcript, machine: Machine): ReplayCursor {
  requireTranscript("a replay", transcript);
  requireMachine("a replay", machine);
  return new ReplayCursor(transcript, (exit) => locationToText(machine.where(exit)));
}

function finish(machine: Machine, { exits, end }: Transcript, cursor: ReplayCursor): Replay {
  const difference =
    cursor.difference ?? (end && registerDifference(machine, end.registers, exits.at(-1)?.kind, exits.length));
  return { matches: difference === undefined, difference };
}

function registerDifference(
  machine: Machine,
  expected: GeneralRegisters,
  last: Exit["kind"] | undefined,
  index: number,
): ReplayDifference | undefined {
  const actual = registersAtEnd(machine, last);
  const names = Object.keys(expected) as (keyof GeneralRegisters)[];
  const differing = names.filter((name) => expected[name] !== actual?.[name]);
  if (differing.length === 0) return undefined;
  const said = differing.map(
    (name) => `${name} ${hex(expected[name])}, got ${actual === undefined ? "nothing" : hex(actual[name])}`,
  );
  const message = `at the end: expected ${said.join("; ")}`;
  return { index, expected: undefined, actual: undefined, message, where: undefined };
}
