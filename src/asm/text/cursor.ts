/** A place in a statement, from which it is read on. */
import type { CallSite } from "../builder/call-site.ts";
import type { SourceText } from "./source-text.ts";
import { AsmSyntaxError } from "./syntax-error.ts";
import type { Statement, Token } from "./tokenizer.ts";

/** Expressions nest no deeper than this. */
const deepest = 100;

/** Reads a statement token by token. */
export class Cursor {
  readonly source: SourceText;
  readonly statement: Statement;
  #index: number;
  #depth = 0;

  constructor(source: SourceText, statement: Statement, index = 0) {
    this.source = source;
    this.statement = statement;
    this.#index = index;
  }

  /** The number of tokens read. */
  get index(): number {
    return this.#index;
  }

  get atEnd(): boolean {
    return this.#index >= this.statement.length;
  }

  /** The next token, or one further on, without reading it. */
  peek(ahead = 0): Token | undefined {
    return this.statement[this.#index + ahead];
  }

  /** The next token in lower case, or one further on; empty at the end. */
  word(ahead = 0): string {
    const token = this.peek(ahead);
    return token === undefined || token.kind === "string" ? "" : token.text.toLowerCase();
  }

  /** Reads the next token. */
  next(...expected: readonly string[]): Token {
    const token = this.peek();
    if (token === undefined) throw this.unexpected(...expected);
    this.#index++;
    return token;
  }

  skip(count: number): void {
    this.#index += count;
  }

  /** Reads the next token if it is `word`. */
  take(word: string): boolean {
    if (this.word() !== word) return false;
    this.#index++;
    return true;
  }

  /** Reads the next token, which must be `mark`. */
  expect(mark: string): void {
    if (!this.take(mark)) throw this.unexpected(`"${mark}"`);
  }

  /** Throws unless the statement ends here. */
  expectEnd(...others: readonly string[]): void {
    if (!this.atEnd) throw this.unexpected(...others, "the end of the statement");
  }

  /** Reads what nests; nesting has an end, so that no text exhausts the stack. */
  nested<T>(read: () => T): T {
    if (++this.#depth > deepest) throw this.error(`the expression nests more than ${deepest} deep`);
    const result = read();
    this.#depth--;
    return result;
  }

  /** Where the statement was written. */
  get site(): CallSite {
    return this.source.siteOf(this.statement[0]!.start, this.statement.at(-1)!.end);
  }

  /** The text from a token on to the last one read. */
  textFrom(index: number): string {
    const first = this.statement[index];
    const last = this.statement[this.#index - 1];
    return first === undefined || last === undefined ? "" : this.source.text.slice(first.start, last.end);
  }

  /** An error about the next token. */
  unexpected(...expected: readonly string[]): AsmSyntaxError {
    const token = this.peek();
    const message = token === undefined ? "the statement ends here" : `unexpected ${quoted(token)}`;
    return this.error(message, { token, expected });
  }

  /** An error about a token: the next one unless another is given. */
  error(
    message: string,
    details: {
      token?: Token | undefined;
      expected?: readonly string[];
      hint?: string | undefined;
      cause?: unknown;
    } = {},
  ): AsmSyntaxError {
    const token = details.token ?? this.peek();
    const end = this.statement.at(-1)!.end;
    const source = token === undefined ? this.source.locate(end, end + 1) : this.source.locate(token.start, token.end);
    return new AsmSyntaxError(message, {
      source,
      token: token?.text ?? "",
      expected: details.expected ?? [],
      hint: details.hint,
      cause: details.cause,
    });
  }
}

function quoted({ text, kind }: Token): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return kind === "string" || kind === "character" ? short : `"${short}"`;
}
