import { GuestwrightError } from "../core/error.ts";

/** A matcher was given what it has no use for. A guest that does not do what is expected fails the expectation instead. */
export class TestingError extends GuestwrightError<"BAD_ARGUMENT"> {}

/** A {@link TestingError} for a value. */
export function badArgument(message: string, value: unknown, hint?: string): TestingError {
  return new TestingError(message, { code: "BAD_ARGUMENT", value, ...(hint === undefined ? {} : { hint }) });
}
