import { GuestwrightError } from "../core/error.ts";
import { optionsProblem } from "../core/options.ts";
import { isLayout } from "../layout/index.ts";

/** A matcher was given what it has no use for. A guest that does not do what is expected fails the expectation instead. */
export class TestingError extends GuestwrightError<"BAD_ARGUMENT"> {}

/** A {@link TestingError} for a value. */
export function badArgument(message: string, value: unknown, hint?: string): TestingError {
  return new TestingError(message, { code: "BAD_ARGUMENT", value, ...(hint === undefined ? {} : { hint }) });
}

/** What to do with a layout, or with the promise of an image, where an image is wanted. */
export const buildHint = "build a layout with: await layout({ ... }).build()";

/** Whether a value will be an image later: a layout, or a promise. */
export function isOnItsWay(value: unknown): boolean {
  return isLayout(value) || value instanceof Promise;
}

/** Throws {@link TestingError} unless options are an object that has none but these. @param taker the matcher's name */
export function requireOptions(taker: string, known: readonly string[], options: unknown): void {
  const problem = optionsProblem(taker, known, options);
  if (problem !== undefined) throw badArgument(problem.message, problem.value, problem.hint);
}
