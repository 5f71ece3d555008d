/** The bodies of macros: what stays as it is, and where values go. */
import type { SourceText, TextWithHoles } from "./source-text.ts";
import type { Statement, Token } from "./tokenizer.ts";

/** Characters of a body's source. */
export interface BodyPart {
  /** In UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** The number of the value that stands in their place; `undefined` where they stay. */
  readonly value: number | undefined;
}

/** A body in parts. */
export interface MacroBody {
  readonly source: SourceText;
  readonly parts: readonly BodyPart[];
  /** The number of its statements. */
  readonly size: number;
}

/** Statements as they were written, before they mean anything. */
export interface Block {
  readonly source: SourceText;
  readonly statements: readonly Statement[];
  /** In UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** The length of what a body becomes with values, in UTF-16 units. */
export function expandedLength({ parts }: MacroBody, values: readonly TextWithHoles[]): number {
  return parts.reduce(
    (sum, { start, end, value }) => sum + (value === undefined ? end - start : values[value]!.text.length),
    0,
  );
}

/**
 * Finds the places of values: `\name` and `&name&` of parameters, and `\@`, whose value has the number after theirs. `\()`
 * becomes nothing, so that a name can end there.
 */
export function readBody({ source, statements, start, end }: Block, parameters: readonly string[]): MacroBody {
  const parts: BodyPart[] = [];
  let from = start;
  const put = (first: number, last: number, value: number | undefined): void => {
    if (first > from) parts.push({ start: from, end: first, value: undefined });
    if (value !== undefined) parts.push({ start: first, end: last, value });
    from = last;
  };
  for (const statement of statements) {
    for (let i = 0; i < statement.length; i++) {
      const token = statement[i]!;
      if (token.kind === "string") readString(token, parameters, put);
      else if (token.text === "\\") i += readEscape(statement, i, parameters, put);
      else if (token.text === "&" || token.text === "&&") i += readAmpersand(statement, i, parameters, put);
    }
  }
  put(end, end, undefined);
  return { source, parts, size: statements.length };
}

type Put = (start: number, end: number, value: number | undefined) => void;

/** Reads `\name`, `\@`, `\(…)` or `\&`; gives how many tokens after the backslash belong to it. */
function readEscape(statement: Statement, index: number, parameters: readonly string[], put: Put): number {
  const { start } = statement[index]!;
  const next = statement[index + 1];
  if (next === undefined) return 0;
  if (next.text === "@") {
    put(start, next.end, parameters.length);
    return 1;
  }
  if (next.text === "&" || next.text === "&&") {
    put(start, next.start, undefined);
    return 1;
  }
  if (next.text === "(") {
    const length = statement.slice(index + 2).findIndex(({ text }) => text === ")");
    if (length === -1) return 0;
    const closing = statement[index + 2 + length]!;
    put(start, next.end, undefined);
    put(closing.start, closing.end, undefined);
    return 2 + length;
  }
  const value = next.kind === "name" ? parameters.indexOf(next.text) : -1;
  if (value === -1) return 0;
  put(start, next.end, value);
  return 1;
}

/**
 * Reads `&name&`, which GNU as takes for `\name`, and no white space around `&` counts: `5 & mask` becomes `53` where `mask`
 * is a parameter of the value 3. A name of no parameter stays, with the `&` after it.
 */
function readAmpersand(statement: Statement, index: number, parameters: readonly string[], put: Put): number {
  const next = statement[index + 1];
  if (statement[index]!.text === "&&" || next?.kind !== "name") return 0;
  const isClosed = statement[index + 2]?.text === "&";
  const value = parameters.indexOf(next.text);
  if (value !== -1) {
    const start = statement[index - 1]?.end ?? statement[index]!.start;
    put(start, isClosed ? (statement[index + 3]?.start ?? statement[index + 2]!.end) : next.end, value);
  }
  return isClosed ? 2 : 1;
}

/** What a string may hold for a value. */
const inString =
  /\\(?:(?<count>@)|\((?<inside>[^)]*)\)|(?<name>[A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*)|(?<and>&))|&(?<between>[A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*)?&?/g;

function readString({ text, start }: Token, parameters: readonly string[], put: Put): void {
  if (!/[\\&]/.test(text)) return;
  for (const match of text.matchAll(inString)) {
    const { count, inside, name, and, between } = match.groups!;
    const first = start + match.index;
    const last = first + match[0].length;
    if (count !== undefined) put(first, last, parameters.length);
    else if (inside !== undefined) {
      put(first, first + 2, undefined);
      put(last - 1, last, undefined);
    } else if (and !== undefined) put(first, first + 1, undefined);
    else {
      const value = parameters.indexOf(name ?? between ?? "");
      if (value !== -1) put(first, last, value);
    }
  }
}
