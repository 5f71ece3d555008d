/**
 * The base of every error that guestwright throws. Guest trouble (a triple fault, an emulation failure) is never
 * an error: it is an exit. Errors are for the host's side: a bad description, a refused system call, a closed machine.
 */

/** What an error carries besides its message. */
export interface ErrorDetails<Code extends string> {
  /** A literal that programs may compare; stable between releases. */
  readonly code: Code;
  /** The offending value, as the caller gave it. */
  readonly value?: unknown;
  /** How to mend it, as a sentence a person can act on. */
  readonly hint?: string;
  /** The error underneath, where there is one. */
  readonly cause?: unknown;
}

/**
 * Base class of all errors thrown by guestwright.
 *
 * Compare `error.code`, not the message. The hint, where there is one, is also the last line of the message.
 */
export class GuestwrightError<Code extends string = string> extends Error {
  /** A literal that programs may compare; stable between releases. */
  readonly code: Code;
  /** The offending value, as the caller gave it. */
  readonly value: unknown;
  /** How to mend it; `undefined` where the message says it all. */
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails<Code>) {
    super(
      details.hint === undefined ? message : `${message}\n  hint: ${details.hint}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = new.target.name;
    this.code = details.code;
    this.value = details.value;
    this.hint = details.hint;
  }
}
