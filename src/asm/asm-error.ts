/** What goes wrong when code is written or assembled. */
import type { ErrorDetails } from "../core/error.ts";
import { GuestwrightError } from "../core/error.ts";
import type { MacroCall, SourceLocation } from "../core/source.ts";

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

function withPlace(message: string, { file, line, column, excerpt, expandedFrom }: QuotedLocation): string {
  if (excerpt === undefined) return `${file}:${line}: ${message}`;
  return [`${file}:${line}:${column}: ${message}`, excerpt, ...callsToText(expandedFrom)].join("\n");
}

/** Of more calls only the innermost and the outermost are shown. */
const mostCalls = 4;

function callsToText(innermost: MacroCall | undefined): string[] {
  const calls: string[] = [];
  for (let call = innermost; call !== undefined; call = call.expandedFrom)
    calls.push(`  in macro ${call.macro}, called at ${call.file}:${call.line}:${call.column}`);
  const left = calls.length - mostCalls;
  return left < 2 ? calls : [...calls.slice(0, mostCalls - 1), `  in ${left} calls more`, calls.at(-1)!];
}
