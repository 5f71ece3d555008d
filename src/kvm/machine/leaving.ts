/** Streams that their consumer may leave while it waits for the next exit: by `return()`, as `break` does between two exits. */
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";

/** Why such a stream is aborted. It is no error, and nobody is told. */
const left = Symbol("left");

/**
 * A stream whose `return()` also ends a `next()` that is pending, as done: an asynchronous generator alone would take it up
 * only after that, and a guest that spins never ends it.
 *
 * Throws {@link KvmError} `BAD_ARGUMENT` for a signal that is none.
 *
 * @param signal what aborts it besides
 * @param start gives the stream, which ends by {@link unlessLeft} when it is aborted
 */
export function leavable<Item>(
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => AsyncGenerator<Item, void, undefined>,
): AsyncGenerator<Item, void, undefined> {
  requireSignal(signal);
  const leave = new AbortController();
  const stream = start(signal === undefined ? leave.signal : AbortSignal.any([signal, leave.signal]));
  const end = stream.return.bind(stream);
  return Object.assign(stream, {
    return: (value: void | PromiseLike<void>) => {
      leave.abort(left);
      return end(value);
    },
  });
}

function requireSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw badArgument(
    `signal must be an AbortSignal; got ${show(signal)}`,
    signal,
    "new AbortController().signal is one",
  );
}

/** Throws an error again, but not that the consumer left. */
export function unlessLeft(error: unknown): void {
  if (error !== left) throw error;
}
