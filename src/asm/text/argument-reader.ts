/** Cuts a line into arguments. */
import { ArgumentLine } from "./argument-line.ts";
import type { Cursor } from "./cursor.ts";
import type { TextWithHoles } from "./source-text.ts";

/** What an argument is that is not there. */
export const nothing: TextWithHoles = { text: "", holes: [] };

const nameText = /[A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*/y;
/** What ends the search for the "=" of a keyword argument. */
const beforeEquals = /[^\s,";()=]*/y;

/** Reads a line argument by argument. White space or a comma stands between two. */
export class ArgumentReader {
  readonly line: ArgumentLine;
  readonly #cursor: Cursor;
  #at = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.line = new ArgumentLine(cursor);
  }

  get atEnd(): boolean {
    return this.#at >= this.line.text.length;
  }

  /** Where the next argument begins in the line. */
  get offset(): number {
    return this.#at;
  }

  skipBlanks(): void {
    while (this.line.text[this.#at] === " ") this.#at++;
  }

  /** Skips a comma, and white space around it. `true` if there was one. */
  skipComma(): boolean {
    this.skipBlanks();
    const isComma = this.take(",");
    this.skipBlanks();
    return isComma;
  }

  take(mark: string): boolean {
    if (this.line.text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  /** Reads a name; `undefined` where none stands. */
  name(): string | undefined {
    nameText.lastIndex = this.#at;
    const found = nameText.exec(this.line.text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  /** Whether `name=value` comes next, or what cannot be anything else. */
  get isKeyword(): boolean {
    beforeEquals.lastIndex = this.#at;
    beforeEquals.test(this.line.text);
    return this.line.text[beforeEquals.lastIndex] === "=";
  }

  /** Reads a value: a string without its quotes, or everything up to white space outside of parentheses or to a comma. */
  value(): TextWithHoles {
    this.skipBlanks();
    if (this.take('"')) return this.#quoted();
    const start = this.#at;
    this.#at = endOfValue(this.line.text, start);
    return this.line.slice(start, this.#at);
  }

  /** Reads all that is left. */
  rest(): TextWithHoles {
    const start = this.#at;
    this.#at = this.line.text.length;
    return this.line.slice(start, this.#at);
  }

  /** An error about the argument at an offset. */
  error(message: string, offset: number, details: { expected?: readonly string[]; hint?: string } = {}): Error {
    const { end } = this.#cursor.statement.at(-1)!;
    const token = this.line.tokenAt(offset) ?? { kind: "mark", text: "", start: end, end: end + 1 };
    return this.#cursor.error(message, { token, ...details });
  }

  /** A string is taken as it is written, but that two quotes are one. */
  #quoted(): TextWithHoles {
    const { text } = this.line;
    let quoted = "";
    for (; this.#at < text.length; this.#at++) {
      if (text[this.#at] === "\\") quoted += text[this.#at++];
      else if (text[this.#at] === '"' && text[++this.#at] !== '"') break;
      quoted += text[this.#at];
    }
    return { text: quoted, holes: [] };
  }
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  for (; at < text.length && text[at] !== "," && (text[at] !== " " || depth > 0); at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "(" || character === "[") depth++;
    else if ((character === ")" || character === "]") && depth > 0) depth--;
  }
  return at;
}

/** The offset of the quote that ends a string. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
