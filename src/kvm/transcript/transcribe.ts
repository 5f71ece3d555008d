/** The shortest way from a machine to its transcript. */
import { requireObject } from "../shapes.ts";
import { isAnswerable } from "../exits/answer-exit.ts";
import type { AnswerableExit } from "../exits/exits.ts";
import type { Machine } from "../machine/machine.ts";
import type { RunOptions, StreamOptions } from "../machine/run-options.ts";
import { record, type RecorderOptions } from "./recorder.ts";
import type { Transcript } from "./transcript.ts";

/** How a guest is to be run and recorded. */
export interface TranscribeOptions extends RecorderOptions, Omit<RunOptions, "includeHandled"> {
  /** Answers an exit that no device handles, by writing to it. Where not given, the guest reads zeros. */
  readonly answer?: (exit: AnswerableExit) => void;
}

/** How a guest is to be run beside the event loop and recorded. */
export interface TranscribeStreamOptions extends RecorderOptions, Omit<StreamOptions, "includeHandled"> {
  /** Answers an exit that no device handles, by writing to it, at once or later. Where not given, the guest reads zeros. */
  readonly answer?: (exit: AnswerableExit) => void | Promise<void>;
}

/**
 * Runs a guest up to an exit that ends the run, and gives all that it did.
 *
 * @example
 * ```ts
 * using machine = await boot(image);
 * const transcript = transcribe(machine, { timeout: "1s", devices: [debugConsole()] });
 * transcript.exits.at(-1)?.kind; // "hlt"
 * ```
 */
export function transcribe(machine: Machine, given: TranscribeOptions = {}): Transcript {
  const { places, answer, ...options } = requireObject("the options of transcribe", given);
  const recorder = record(machine, places === undefined ? {} : { places });
  for (const exit of recorder.run(options)) if (answer !== undefined && isAnswerable(exit)) answer(exit);
  return recorder.transcript();
}

/**
 * The same beside the event loop.
 *
 * @example
 * ```ts
 * await transcribeStream(machine, { signal: AbortSignal.timeout(5000) });
 * ```
 */
export async function transcribeStream(machine: Machine, given: TranscribeStreamOptions = {}): Promise<Transcript> {
  const { places, answer, ...options } = requireObject("the options of transcribeStream", given);
  const recorder = record(machine, places === undefined ? {} : { places });
  for await (const exit of recorder.stream(options)) if (answer !== undefined && isAnswerable(exit)) await answer(exit);
  return recorder.transcript();
}
