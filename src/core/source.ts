/** Where in the author's source something was written. */
export interface SourceLocation {
  /** The file, relative to the package that holds it, with `/` between its parts. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}
