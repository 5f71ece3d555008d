/** Text that a macro or a repetition made out of its body. */
import type { MacroCall } from "../../core/source.ts";
import type { QuotedLocation } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { locate } from "../builder/call-site.ts";
import type { MacroBody } from "./macro-body.ts";
import type { Hole, SourceText, TextWithHoles, Trace } from "./source-text.ts";
import { indexOfLast, printable, TextSite, withExcerpt } from "./source-text.ts";

/** A call of a macro. */
export interface Call {
  readonly macro: string;
  readonly site: CallSite;
}

/** What stands for each number of a body's parts. */
export type Values = readonly TextWithHoles[];

/** Of what a macro read only so many characters are shown. */
const widest = 100;

/** A body, once for each round, with values in the places of its parameters. */
export class ExpandedText implements SourceText {
  readonly text: string;
  readonly holes: readonly Hole[];
  readonly #body: MacroBody;
  readonly #rounds: readonly Values[];
  readonly #call: Call | undefined;
  #starts: number[] | undefined;

  /** `call` is the call of a macro; what repeats its body has none. */
  constructor(body: MacroBody, rounds: readonly Values[], call?: Call) {
    this.#body = body;
    this.#rounds = rounds;
    this.#call = call;
    const { text } = body.source;
    let joined = "";
    const holes: Hole[] = [];
    for (const values of rounds) {
      for (const { start, end, value } of body.parts) {
        const from = value === undefined ? body.source : values[value]!;
        const [first, last] = value === undefined ? [start, end] : [0, from.text.length];
        for (const hole of from.holes)
          if (hole.at >= first && hole.at < last)
            holes.push({ at: joined.length + hole.at - first, value: hole.value });
        joined += value === undefined ? text.slice(start, end) : from.text;
      }
    }
    this.text = joined;
    this.holes = holes;
  }

  siteOf(start: number, end: number): CallSite {
    return new TextSite(this, start, end);
  }

  trace(start: number, end: number): Trace {
    const [from] = this.#inBody(start);
    const [, to] = this.#inBody(Math.max(start, end - 1));
    const trace = this.#body.source.trace(from, Math.max(to, from));
    return this.#call === undefined ? trace : { ...trace, call: callAt(this.#call) };
  }

  locate(start: number, end: number): QuotedLocation {
    const { written, start: from, end: to, call } = this.trace(start, end);
    const place = written.locate(from, to);
    const excerpt = (): string => {
      const readAs = lineOf(this.text, start);
      return readAs === lineOf(written.text, from)
        ? place.excerpt!
        : `${place.excerpt}\n  read as: ${printable(readAs.slice(0, widest))}`;
    };
    const { file, line, column } = place;
    return withExcerpt({ file, line, column, ...(call === undefined ? {} : { expandedFrom: call }) }, excerpt);
  }

  /** Where the body has a character, from and to: of a value's characters, the whole parameter. */
  #inBody(offset: number): readonly [number, number] {
    const starts = (this.#starts ??= this.#findStarts());
    const { parts } = this.#body;
    if (starts.length === 0) return [0, 0];
    const index = indexOfLast(starts, offset);
    const { start, end, value } = parts[index % parts.length]!;
    if (value !== undefined) return [start, end];
    const at = Math.min(start + offset - starts[index]!, end);
    return [at, Math.min(at + 1, end)];
  }

  /** Where each part begins, round by round. */
  #findStarts(): number[] {
    let at = 0;
    return this.#rounds.flatMap((values) =>
      this.#body.parts.map(({ start, end, value }) => {
        const begin = at;
        at += value === undefined ? end - start : values[value]!.text.length;
        return begin;
      }),
    );
  }
}

function callAt({ macro, site }: Call): MacroCall {
  const { file, line, column, expandedFrom } = locate(site)!;
  return { macro, file, line, column, ...(expandedFrom === undefined ? {} : { expandedFrom }) };
}

/** The line around an offset, without white space around it. */
function lineOf(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, end === -1 ? text.length : end).trim();
}
