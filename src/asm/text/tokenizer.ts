/** Cuts text into statements and these into tokens. Comments and white space go; nothing gets a meaning yet. */
import type { Input } from "./input.ts";
import type { Hole, SourceText } from "./source-text.ts";
import { holeText } from "./source-text.ts";
import { AsmSyntaxError } from "./syntax-error.ts";

/** A word of a statement. */
export interface Token {
  readonly kind: "name" | "number" | "string" | "character" | "mark" | "hole";
  readonly text: string;
  /** In UTF-16 units, from the beginning of the text. */
  readonly start: number;
  readonly end: number;
  /** What was put into the template, of a hole. */
  readonly value?: unknown;
}

/** What stands between two newlines or semicolons, without comments: at least one token. */
export type Statement = readonly Token[];

const blanks = /[ \t\r\f\v\u00a0\ufeff]*/y;
const nameText = /[A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*/y;
const numberText = /\d[\w.$]*/y;
const markText = /<<|>>|<=|>=|==|!=|<>|&&|\|\||[^\s\w"'.$\u0080-\uffff]/y;
const preprocessor = /#\s*(?:define\s+\w|include\s*[<"]|(?:ifdef|ifndef|undef)\s+\w+\s*$|(?:endif|else)\s*$)/my;

/** What follows the first character where several stand between quotes: `'ab'`. */
const characters = /[\w ]+'/y;
const hintForCharacters = 'a string is written "…", after .ascii';

/** Cuts text into statements, one at a time. */
export class Tokenizer implements Input {
  readonly source: SourceText;
  readonly #text: string;
  readonly #holes: readonly Hole[];
  #at = 0;
  #nextHole = 0;

  constructor(source: SourceText) {
    this.source = source;
    this.#text = source.text;
    this.#holes = source.holes;
  }

  /** The next statement that has a token; `undefined` at the end. */
  next(): Statement | undefined {
    const tokens: Token[] = [];
    for (;;) {
      blanks.lastIndex = this.#at;
      blanks.test(this.#text);
      this.#at = blanks.lastIndex;
      if (this.#at >= this.#text.length) return tokens.length === 0 ? undefined : tokens;
      const character = this.#text[this.#at]!;
      if (character === "\n" || character === ";") {
        this.#at++;
        if (tokens.length > 0) return tokens;
      } else if (!this.#comment(character, tokens.length === 0)) tokens.push(this.#token(character));
    }
  }

  /** Skips a comment, if one begins here: `#`, `//`, and, at the beginning of a statement, `/`, up to the line's end. */
  #comment(character: string, isFirst: boolean): boolean {
    if (character !== "#" && character !== "/") return false;
    const text = this.#text;
    const second = text[this.#at + 1];
    if (character === "/" && second === "*") {
      const end = text.indexOf("*/", this.#at + 2);
      if (end === -1) throw this.#error("the comment has no end", this.#at, this.#at + 2, ['"*/"']);
      this.#at = end + 2;
    } else if (character === "#" || second === "/" || isFirst) {
      preprocessor.lastIndex = this.#at;
      if (isFirst && preprocessor.test(text)) this.#refusePreprocessor();
      const end = text.indexOf("\n", this.#at);
      this.#at = end === -1 ? text.length : end;
    } else return false;
    while (this.#nextHole < this.#holes.length && this.#holes[this.#nextHole]!.at < this.#at) this.#nextHole++;
    return true;
  }

  #refusePreprocessor(): never {
    const [line] = /[^\n]*/y[Symbol.match](this.#text.slice(this.#at, this.#at + 200))!;
    throw this.#error("there is no C preprocessor here", this.#at, this.#at + line.length, [], "write NAME = value");
  }

  #token(character: string): Token {
    const start = this.#at;
    const hole = this.#holes[this.#nextHole];
    if (hole?.at === start) {
      this.#nextHole++;
      this.#at += holeText.length;
      return { kind: "hole", text: holeText, start, end: this.#at, value: hole.value };
    }
    if (character === '"') return this.#string(start);
    if (character === "'") return this.#character(start);
    return this.#match("name", nameText) ?? this.#match("number", numberText) ?? this.#match("mark", markText)!;
  }

  #match(kind: Token["kind"], pattern: RegExp): Token | undefined {
    const start = this.#at;
    pattern.lastIndex = start;
    if (!pattern.test(this.#text)) return undefined;
    // A name does not run into a value of the template.
    const hole = this.#holes[this.#nextHole];
    const end = hole === undefined ? pattern.lastIndex : Math.min(pattern.lastIndex, hole.at);
    this.#at = end;
    return { kind, text: this.#text.slice(start, end), start, end };
  }

  /** A string with its quotes and its escapes as they are written. */
  #string(start: number): Token {
    const text = this.#text;
    let at = start + 1;
    for (; text[at] !== '"'; at++) {
      if (at >= text.length || text[at] === "\n")
        throw this.#error("the string has no end", start, at, ["a closing quote"]);
      if (text[at] === "\\") at++;
    }
    const hole = this.#holes[this.#nextHole];
    if (hole !== undefined && hole.at < at)
      throw this.#error("a value cannot stand inside a string", hole.at, hole.at + holeText.length);
    this.#at = at + 1;
    return { kind: "string", text: text.slice(start, this.#at), start, end: this.#at };
  }

  /** A character, `'a'` or `'a`, with its escape as it is written. */
  #character(start: number): Token {
    const text = this.#text;
    const isEscape = text[start + 1] === "\\";
    const point = text.codePointAt(isEscape ? start + 2 : start + 1);
    if (point === undefined || point === 0x0a) throw this.#error("the character is missing", start, start + 1);
    let end = start + (isEscape ? 2 : 1) + String.fromCodePoint(point).length;
    if (text[end] === "'") end++;
    else {
      characters.lastIndex = end;
      if (characters.test(text))
        throw this.#error("a character constant is one character", start, characters.lastIndex, [], hintForCharacters);
    }
    this.#at = end;
    return { kind: "character", text: text.slice(start, end), start, end };
  }

  #error(message: string, start: number, end: number, expected: readonly string[] = [], hint?: string): AsmSyntaxError {
    const token = this.#text.slice(start, end);
    return new AsmSyntaxError(message, { source: this.source.locate(start, end), token, expected, hint });
  }
}
