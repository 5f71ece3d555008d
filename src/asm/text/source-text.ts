/** Text with the places in it. */
import type { MacroCall } from "../../core/source.ts";
import type { QuotedLocation } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { locate } from "../builder/call-site.ts";

/** Where text comes from: a name for it, or the place in a program where it begins. */
export type TextOrigin = string | CallSite;

/** What stands in the text for a value that was put into a template. */
export const holeText = "${…}";

/** A value that was put into a template, and where. */
export interface Hole {
  /** In UTF-16 units, from the beginning of the text. */
  readonly at: number;
  readonly value: unknown;
}

/** Characters, and the values of a template among them. */
export interface TextWithHoles {
  readonly text: string;
  readonly holes: readonly Hole[];
}

/** Assembly text that can tell where it was written. Offsets are in UTF-16 units, from the beginning of the text. */
export interface SourceText extends TextWithHoles {
  /** The place of some characters, as a statement's site. */
  siteOf(start: number, end: number): CallSite;
  /** The place of some characters; its excerpt is made when somebody asks. */
  locate(start: number, end: number): QuotedLocation;
  /** Where an author wrote some characters. */
  trace(start: number, end: number): Trace;
}

/** The characters that an author wrote, from which others were made. */
export interface Trace {
  readonly written: WrittenText;
  readonly start: number;
  readonly end: number;
  /** The innermost call of a macro that made them. */
  readonly call: MacroCall | undefined;
}

/** Text as an author wrote it. */
export class WrittenText implements SourceText {
  readonly text: string;
  readonly holes: readonly Hole[];
  readonly #origin: TextOrigin;
  #lineStarts: number[] | undefined;

  constructor(text: string, origin: TextOrigin, holes: readonly Hole[] = []) {
    this.text = text;
    this.holes = holes;
    this.#origin = origin;
  }

  siteOf(start: number, end: number): CallSite {
    return new TextSite(this, start, end);
  }

  trace(start: number, end: number): Trace {
    return { written: this, start, end, call: undefined };
  }

  locate(start: number, end: number): QuotedLocation {
    const lineStarts = (this.#lineStarts ??= findLineStarts(this.text));
    const line = indexOfLast(lineStarts, start);
    const lineStart = lineStarts[line]!;
    const excerpt = (): string => {
      const words = this.text.slice(lineStart, (lineStarts[line + 1] ?? this.text.length + 1) - 1).replace(/\r$/, "");
      return quote(words, start - lineStart, Math.min(end, lineStart + words.length) - start);
    };
    const column = start - lineStart + 1;
    const begin = typeof this.#origin === "string" ? undefined : locate(this.#origin);
    const place =
      typeof this.#origin === "string"
        ? { file: this.#origin, line: line + 1, column }
        : { file: begin?.file ?? "text", line: line + (begin?.line ?? 1), column };
    return withExcerpt(place, excerpt);
  }
}

/** Adds an excerpt that is made when somebody asks. */
export function withExcerpt(place: QuotedLocation, excerpt: () => string): QuotedLocation {
  return Object.defineProperty(place, "excerpt", { get: excerpt, enumerable: false });
}

/** A statement's place, found out when somebody asks. */
export class TextSite implements CallSite {
  readonly #source: SourceText;
  readonly #start: number;
  readonly #end: number;

  constructor(source: SourceText, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.#end = end;
  }

  get inText(): this {
    return this;
  }

  locate(): QuotedLocation {
    return this.#source.locate(this.#start, this.#end);
  }
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The index of the last of ascending numbers that is not above another; 0 where all are. */
export function indexOfLast(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Of a longer line only a part is quoted. */
const widest = 100;

/** A line with a caret under the first of `length` characters from `at`, and tildes under the others. */
function quote(line: string, at: number, length: number): string {
  const from = at < widest - 20 ? 0 : at - 40;
  const shown = line.slice(from, from + widest);
  const marks = Math.max(1, Math.min(length, shown.length - (at - from)));
  // A tab before the mark stays a tab, so that the mark stands below what it marks.
  const before = shown.slice(0, at - from).replaceAll(/[^\t]/g, " ");
  return `    ${printable(shown)}\n    ${before}^${"~".repeat(marks - 1)}`;
}

/** A line without what a terminal would obey. */
export function printable(line: string): string {
  return line.replaceAll(/[^\t\x20-\x7e\u00a0-\uffff]/g, "�");
}
