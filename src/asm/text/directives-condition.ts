/** Directives that have statements read or left out: `.if` and its kin. */
import { ArgumentLine } from "./argument-line.ts";
import type { Cursor } from "./cursor.ts";
import { constantOf } from "./directive.ts";
import { readString } from "./directives-data.ts";
import type { FlowDirective, FlowReader } from "./flow-directive.ts";
import type { ProgramText } from "./program-text.ts";

/** Says whether a condition holds; reads all of its arguments. */
type Test = (program: ProgramText, cursor: Cursor) => boolean;

const isTrue = compared((value) => value !== 0n);

const tests: Readonly<Record<string, Test>> = {
  ".if": isTrue,
  ".ifne": isTrue,
  ".ifeq": compared((value) => value === 0n),
  ".ifge": compared((value) => value >= 0n),
  ".ifgt": compared((value) => value > 0n),
  ".ifle": compared((value) => value <= 0n),
  ".iflt": compared((value) => value < 0n),
  ".ifdef": isDefined,
  ".ifndef": not(isDefined),
  ".ifnotdef": not(isDefined),
  ".ifb": isBlank,
  ".ifnb": not(isBlank),
  ".ifc": isSameText,
  ".ifnc": not(isSameText),
  ".ifeqs": isSameString,
  ".ifnes": not(isSameString),
};

/** The directives of this file. */
export const conditionDirectives: Readonly<Record<string, FlowReader>> = {
  ...Object.fromEntries(Object.entries(tests).map(([name, test]) => [name, opening(test)])),
  ".elseif": ({ flow, cursor, token }) => flow.conditions.branch(cursor, token, () => isTrue(flow.program, cursor)),
  ".else": ({ flow, cursor, token }) => {
    cursor.expectEnd();
    flow.conditions.branch(cursor, token, undefined);
  },
  ".endif": ({ flow, cursor, token }) => {
    cursor.expectEnd();
    flow.conditions.close(cursor, token);
  },
};

function opening(test: Test): FlowReader {
  return ({ flow, cursor, token }: FlowDirective) =>
    flow.conditions.open(cursor, token, () => test(flow.program, cursor));
}

function not(test: Test): Test {
  return (program, cursor) => !test(program, cursor);
}

function compared(holds: (value: bigint) => boolean): Test {
  return (program, cursor) => {
    const value = constantOf(program, cursor, "the condition");
    cursor.expectEnd();
    return holds(value);
  };
}

function isDefined(program: ProgramText, cursor: Cursor): boolean {
  const name = cursor.next("a symbol").text;
  cursor.expectEnd();
  return program.symbols.has(name) || program.symbols.places.has(name);
}

/** Whether nothing is written: a string without characters is something. */
function isBlank(_: ProgramText, cursor: Cursor): boolean {
  return cursor.atEnd;
}

/** Whether two texts are the same, the first up to the comma. */
function isSameText(_: ProgramText, cursor: Cursor): boolean {
  const { text } = new ArgumentLine(cursor);
  const comma = text.indexOf(",");
  if (comma === -1) throw cursor.error("two texts are compared", { expected: ['","'] });
  return text.slice(0, comma).trim() === text.slice(comma + 1).trim();
}

/** Whether two strings have the same bytes. */
function isSameString(_: ProgramText, cursor: Cursor): boolean {
  const first = readString(cursor);
  cursor.expect(",");
  const second = readString(cursor);
  cursor.expectEnd();
  return first.length === second.length && first.every((byte, i) => byte === second[i]);
}
