/** Where a command writes to, and how it looks there. */
import type { styleText } from "node:util";

/** A colour or a weight, by the name that `util.styleText` has for it. */
export type Style = Parameters<typeof styleText>[0];

/** Gives text a style where it is shown in colour, else leaves it. */
export type Paint = (style: Style, text: string) => string;

/** The standard streams, as commands use them. */
export interface Terminal {
  /** Writes to standard output. */
  out(text: string | Uint8Array): void;
  /**
   * Keeps standard output for {@link out} alone, where a program reads it: what a guest's module prints goes to standard error
   * from now on.
   */
  keepOutput(): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** For what goes to standard output. */
  readonly paint: Paint;
  /** For what goes to standard error. */
  readonly paintError: Paint;
  /** Whether a person looks at standard error: progress is for them alone. */
  readonly showsProgress: boolean;
  /** All of standard input. */
  input(): Uint8Array;
}
