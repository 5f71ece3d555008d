/** What is wrong with a description of a guest. */
import { GuestwrightError } from "../core/error.ts";
import { optionsProblem } from "../core/options.ts";

/** The literal codes of {@link LayoutError}. */
export type LayoutErrorCode =
  /** The description has a value of the wrong type or form, or a key that it does not know. */
  | "BAD_DESCRIPTION"
  /** Two things lie at the same address. */
  | "OVERLAP"
  /** An address or a size is not a multiple of what it must be. */
  | "MISALIGNED"
  /** Something lies where there is no memory. */
  | "NO_MEMORY"
  /** Code or an entry point lies where nothing executes. */
  | "NOT_EXECUTABLE"
  /** Something is larger than the place that it is put in, or lies beyond what can reach it. */
  | "DOES_NOT_FIT"
  /** A name that nothing in the description has. */
  | "UNKNOWN_NAME"
  /** A short name that several things of the description have. */
  | "AMBIGUOUS_NAME"
  /** Control registers, segments or code that do not go together. */
  | "INCONSISTENT"
  /** A descriptor field that the hardware has no room for. */
  | "BAD_SEGMENT"
  /** A gate, or a table of gates, that the hardware has no room for. */
  | "BAD_GATE"
  /** A task state that a TSS has no room for. */
  | "BAD_TASK_STATE"
  /** Bytes that are no descriptor, table or task state. */
  | "NOT_DECODABLE"
  /** Data that is no image. */
  | "BAD_IMAGE"
  /** Bytes that are no file of the format that they should be. */
  | "BAD_FILE"
  /** An image that a file format cannot hold, or that no loader could start from it. */
  | "NOT_EXPORTABLE";

/** A description that no guest can be built from. `value` is the offending part of it. */
export class LayoutError extends GuestwrightError<LayoutErrorCode> {}

/** Throws {@link LayoutError} `BAD_DESCRIPTION` unless options are an object that has none but these; `taker` takes them. */
export function requireOptions(taker: string, known: readonly string[], options: unknown): void {
  const problem = optionsProblem(taker, known, options);
  if (problem === undefined) return;
  const { message, value, hint } = problem;
  throw new LayoutError(message, { code: "BAD_DESCRIPTION", value, hint });
}
