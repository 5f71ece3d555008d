/** The rest of a statement as macros get it: without comments, and with white space only where GNU as keeps it. */
import type { Cursor } from "./cursor.ts";
import { readCharacter } from "./literals.ts";
import type { Hole, TextWithHoles } from "./source-text.ts";
import type { Token } from "./tokenizer.ts";

/** White space stays between two of these characters: those of names, and those that may begin an operand. */
const joining = /[\w.$*%\-([{}"\u0080-\uffff]/;

/** Characters of a statement from one token on, joined. */
export class ArgumentLine implements TextWithHoles {
  readonly text: string;
  readonly holes: readonly Hole[];
  readonly #tokens: readonly Token[];
  /** Where each token begins in the text. */
  readonly #starts: readonly number[];

  constructor(cursor: Cursor) {
    const tokens = cursor.statement.slice(cursor.index);
    const holes: Hole[] = [];
    const starts: number[] = [];
    let text = "";
    let previous: Token | undefined;
    for (const token of tokens) {
      const written = token.kind === "character" ? numberOf(cursor, token) : token.text;
      if (previous !== undefined && keepsSpace(cursor, previous, token, written)) text += " ";
      starts.push(text.length);
      if (token.kind === "hole") holes.push({ at: text.length, value: token.value });
      text += written;
      previous = token;
    }
    this.text = text;
    this.holes = holes;
    this.#tokens = tokens;
    this.#starts = starts;
  }

  /** A part of the text, with its holes. */
  slice(start: number, end: number): TextWithHoles {
    const inside = this.holes.filter(({ at }) => at >= start && at < end);
    return { text: this.text.slice(start, end), holes: inside.map(({ at, value }) => ({ at: at - start, value })) };
  }

  /** The token that holds an offset; `undefined` at the end. */
  tokenAt(offset: number): Token | undefined {
    return offset >= this.text.length
      ? undefined
      : this.#tokens[this.#starts.findLastIndex((start) => start <= offset)];
  }
}

/** As with GNU as, a character is its number before anything else is read. */
function numberOf(cursor: Cursor, token: Token): string {
  const value = readCharacter(token.text);
  if (value === undefined) throw cursor.error(`${token.text} is no character of one byte`, { token });
  return String(value);
}

function keepsSpace({ source }: Cursor, previous: Token, token: Token, written: string): boolean {
  if (previous.end === token.start || previous.kind === "character") return false;
  if (!joining.test(previous.text.at(-1)!) && previous.kind !== "hole") return false;
  // As with GNU as, a comment joins what stands around it.
  return (
    (joining.test(written[0]!) || written[0] === "\\") && !source.text.slice(previous.end, token.start).includes("/")
  );
}
