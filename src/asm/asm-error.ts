/** What goes wrong when code is written or assembled. */
import type { ErrorDetails } from "../core/error.ts";
import { GuestwrightError } from "../core/error.ts";
import type { SourceLocation } from "../core/source.ts";

/** The literal codes of {@link AsmError}. */
export type AsmErrorCode =
  | "BAD_ADDRESS"
  | "BAD_OPERANDS"
  | "BAD_VALUE"
  | "DUPLICATE_LABEL"
  | "NOT_ENCODABLE"
  | "OUT_OF_RANGE"
  | "UNDEFINED_LABEL";

/** Details of an {@link AsmError}. */
export interface AsmErrorDetails extends ErrorDetails<AsmErrorCode> {
  /** Where the offending statement was written. */
  readonly source?: SourceLocation | undefined;
}

/** Code that cannot be assembled. Names the statement and where it was written. */
export class AsmError extends GuestwrightError<AsmErrorCode> {
  /** Where the offending statement was written; `undefined` where no stack told. */
  readonly source: SourceLocation | undefined;

  constructor(message: string, details: AsmErrorDetails) {
    const { source } = details;
    super(source === undefined ? message : `${source.file}:${source.line}: ${message}`, details);
    this.source = source;
  }
}
