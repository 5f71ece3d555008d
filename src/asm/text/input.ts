/** Where statements come from. */
import type { SourceText } from "./source-text.ts";
import type { Block } from "./macro-body.ts";
import type { Statement } from "./tokenizer.ts";

/** Statements, one after the other. */
export interface Input {
  readonly source: SourceText;
  /** The next statement; `undefined` at the end. */
  next(): Statement | undefined;
}

/** The same statements several times. */
export class RepeatedInput implements Input {
  readonly source: SourceText;
  readonly #statements: readonly Statement[];
  #left: number;
  #index = 0;

  constructor({ source, statements }: Block, count: number) {
    this.source = source;
    this.#statements = statements;
    this.#left = statements.length === 0 ? 0 : count;
  }

  next(): Statement | undefined {
    if (this.#left === 0) return undefined;
    const statement = this.#statements[this.#index++];
    if (this.#index === this.#statements.length) {
      this.#index = 0;
      this.#left--;
    }
    return statement;
  }
}
