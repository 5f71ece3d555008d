/** Directives that have statements read several times: `.rept`, `.irp`, `.irpc`. */
import { ArgumentReader, nothing } from "./argument-reader.ts";
import { constantOf } from "./directive.ts";
import { ExpandedText } from "./expanded-text.ts";
import type { FlowDirective, FlowReader } from "./flow-directive.ts";
import { RepeatedInput } from "./input.ts";
import { limits } from "./limits.ts";
import { expandedLength, readBody } from "./macro-body.ts";
import type { TextWithHoles } from "./source-text.ts";
import { Tokenizer } from "./tokenizer.ts";

const openings: readonly string[] = [".rept", ".rep", ".irp", ".irpc"];
const closing = ".endr";

/** The directives of this file. */
export const repetitionDirectives: Readonly<Record<string, FlowReader>> = {
  ".rept": readRepetition,
  ".rep": readRepetition,
  ".irp": (directive) => readValues(directive, readList),
  ".irpc": (directive) => readValues(directive, readCharacters),
  ".endr": ({ cursor, token }) => {
    throw cursor.error(".endr has no .rept, .irp or .irpc before it", { token });
  },
};

/** `.rept count`. */
function readRepetition(directive: FlowDirective): void {
  const { flow, cursor } = directive;
  const token = cursor.peek();
  const count = constantOf(flow.program, cursor, "the number of repetitions");
  cursor.expectEnd();
  if (count < 0n || count > BigInt(limits.statements))
    throw cursor.error(`a repetition is of 0 to ${limits.statements} times, got ${count}`, { token });
  const block = flow.collect(directive, openings, closing);
  flow.enter(cursor, {
    open: () => new RepeatedInput(block, Number(count)),
    count: Number(count),
    statements: Number(count) * block.statements.length,
    characters: 0,
  });
}

/** `.irp name, values` and `.irpc name, characters`: once for each value, with the name standing for it. */
function readValues(directive: FlowDirective, read: (reader: ArgumentReader) => readonly TextWithHoles[]): void {
  const { flow, cursor } = directive;
  const reader = new ArgumentReader(cursor);
  const name = reader.name();
  if (name === undefined) throw cursor.unexpected("the name of a parameter");
  reader.skipComma();
  const given = read(reader);
  const body = readBody(flow.collect(directive, openings, closing), [name]);
  const number: TextWithHoles = { text: String(flow.program.calls), holes: [] };
  const rounds = given.map((value) => [value, number]);
  flow.enter(cursor, {
    open: () => new Tokenizer(new ExpandedText(body, rounds)),
    count: rounds.length,
    statements: rounds.length * body.size,
    characters: rounds.reduce((sum, values) => sum + expandedLength(body, values), 0),
  });
}

/** Values with white space or commas between them; one that is empty where there is none. */
function readList(reader: ArgumentReader): TextWithHoles[] {
  const values: TextWithHoles[] = [];
  while (!reader.atEnd) {
    values.push(reader.value());
    reader.skipComma();
  }
  return values.length === 0 ? [nothing] : values;
}

/** Each character of what is written; white space only where quotes are around it all. */
function readCharacters(reader: ArgumentReader): TextWithHoles[] {
  if (reader.atEnd) return [nothing];
  const { offset } = reader;
  const { text, holes } = reader.rest();
  const quoted = /^"([^"]*)"$/.exec(text)?.[1];
  const characters = quoted ?? text.replaceAll(" ", "");
  if (holes.length > 0 || (quoted === undefined && text.includes('"')) || /[^ -~\t]/.test(characters))
    throw reader.error(".irpc takes ASCII characters, or a string of them", offset);
  return Array.from(characters, (character) => ({ text: character, holes: [] }));
}
