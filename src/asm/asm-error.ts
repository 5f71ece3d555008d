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
  | "SYNTAX"
  | "UNDEFINED_LABEL";

/** A place in text that was handed over as such, so that nobody else can show it. */
export interface QuotedLocation extends SourceLocation {
  /** The line, and below it a mark under what is meant. */
  readonly excerpt?: string;
}

/** Details of an {@link AsmError}. */
export interface AsmErrorDetails extends ErrorDetails<AsmErrorCode> {
  /** Where the offending statement was written. */
  readonly source?: QuotedLocation | undefined;
}

/** Code that cannot be assembled. Names the statement and where it was written. */
export class AsmError extends GuestwrightError<AsmErrorCode> {
  /** Where the offending statement was written; `undefined` where no stack told. */
  readonly source: SourceLocation | undefined;

  constructor(message: string, details: AsmErrorDetails) {
    const { source } = details;
    super(source === undefined ? message : withPlace(message, source), details);
    this.source = source;
  }
}

function withPlace(message: string, { file, line, column, excerpt }: QuotedLocation): string {
  return excerpt === undefined ? `${file}:${line}: ${message}` : `${file}:${line}:${column}: ${message}\n${excerpt}`;
}
