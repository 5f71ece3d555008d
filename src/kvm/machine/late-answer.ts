/** Devices that answer later, and streams that are aborted while they wait for one. */
import { isAnswerable } from "../exits/answer-exit.ts";
import type { Exit } from "../exits/exits.ts";
import { badArgument } from "../kvm-error.ts";
import type { Dispatch, Outcome } from "./dispatch.ts";

/** An exit that a device is about. */
interface Asked<Given> {
  readonly given: Given;
  readonly outcome: Promise<Outcome>;
}

/** Who has to go on for an exit to be answered: the hint for whoever comes in between. */
const hints = {
  handler: "its handler is under way: it may not run its own machine",
  stream: "a stream waits for it: go on when that goes on",
  nobody: "the next stream() waits for it",
} as const;

/**
 * The one exit of a machine that a device has not answered yet, since the guest waits for it: a stream that is aborted leaves it,
 * and the next one waits on, so that no answer is lost.
 */
export class LateAnswer<Given> {
  #asked: Asked<Given> | undefined;
  #isAwaited = false;
  /** The exit that a handler is at work on. */
  #inHandler: Given | undefined;

  /** Whether there is such an exit. */
  get isOpen(): boolean {
    return this.#asked !== undefined;
  }

  /** Throws {@link KvmError} `BAD_ARGUMENT` where there is such an exit: nothing else may touch the machine. */
  requireNone(): void {
    if (this.#asked === undefined && this.#inHandler === undefined) return;
    const handled = this.#inHandler === undefined ? hints.nobody : hints.handler;
    throw badArgument(
      "a device has not answered yet",
      this.#inHandler ?? this.#asked?.given,
      this.#isAwaited ? hints.stream : handled,
    );
  }

  /** What a handler makes of an exit; until it returns, nothing else may touch the machine. */
  during<Result>(given: Given, handle: (given: Given) => Result): Result {
    this.#inHandler = given;
    try {
      return handle(given);
    } finally {
      this.#inHandler = undefined;
    }
  }

  /** The exit that an aborted stream left, for the next one. Throws {@link KvmError} `BAD_ARGUMENT` where a stream waits. */
  left(): Asked<Given> | undefined {
    if (this.#isAwaited) this.requireNone();
    return this.#asked;
  }

  /** Waits for what a device makes of an exit, until the signal is aborted: then it throws the signal's reason. */
  async wait(given: Given, outcome: Promise<Outcome>, signal: AbortSignal | undefined): Promise<Outcome> {
    const asked = { given, outcome };
    this.#asked = asked;
    this.#isAwaited = true;
    try {
      await settledOrAborted(outcome, signal);
    } finally {
      this.#isAwaited = false;
    }
    if (this.#asked === asked) this.#asked = undefined;
    return await outcome;
  }

  /** The machine went elsewhere: nobody wants the answer any more. */
  drop(): void {
    this.#asked = undefined;
  }
}

/** Hands exits to devices. While a handler works on an answer, nothing may take the exit as answered. */
export function guardAnswers(dispatch: Dispatch, late: LateAnswer<Exit>): Dispatch {
  return (exit) => (isAnswerable(exit) ? late.during(exit, dispatch) : dispatch(exit));
}

/** Fulfilled when the promise is settled, however; rejected with the signal's reason when that is aborted before. */
async function settledOrAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  // Whoever waits for the promise learns how it ended. Where nobody does any more, that must not end the process.
  const settled = promise.then(
    () => undefined,
    () => undefined,
  );
  if (signal === undefined) return await settled;
  let onAbort: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
  await Promise.race([settled, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
