/** Text that is not assembly. */
import type { QuotedLocation } from "../asm-error.ts";
import { AsmError } from "../asm-error.ts";

/** What is wrong with text. */
export interface SyntaxDetails {
  readonly source: QuotedLocation;
  /** The offending characters; empty where the statement ends too early. */
  readonly token: string;
  /** What could stand there instead. */
  readonly expected?: readonly string[];
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Text that cannot be read. The message quotes the line, with a mark under the offending token.
 *
 * @example
 * ```ts
 * const error = await assembleText(64, "mov rax, [rbx").catch((error: unknown) => error);
 * // source:1:14: the statement ends here, expected "]"
 * ```
 */
export class AsmSyntaxError extends AsmError {
  /** From 1. Of what a macro made, it is a line of the macro's body; `source.expandedFrom` has the call. */
  readonly line: number;
  /** In UTF-16 units, from 1. */
  readonly column: number;
  /** The offending characters; empty where the statement ends too early. */
  readonly token: string;
  /** What could stand there instead, in words or as it would be written. */
  readonly expected: readonly string[];

  constructor(message: string, { source, token, expected = [], hint, cause }: SyntaxDetails) {
    super(`${message}${expected.length === 0 ? "" : `, expected ${oneOf(expected)}`}`, {
      code: "SYNTAX",
      value: token,
      source,
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.line = source.line;
    this.column = source.column;
    this.token = token;
    this.expected = expected;
  }
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
