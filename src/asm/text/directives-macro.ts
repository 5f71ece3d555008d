/** Directives of macros, and their calls. */
import { nearest } from "../../core/nearest.ts";
import type { Cursor } from "./cursor.ts";
import { ExpandedText } from "./expanded-text.ts";
import type { FlowDirective, FlowReader } from "./flow-directive.ts";
import { limits } from "./limits.ts";
import { bindArguments } from "./macro-arguments.ts";
import { expandedLength, readBody } from "./macro-body.ts";
import { readParameters } from "./macro.ts";
import type { Token } from "./tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";

/** The directives of this file. */
export const macroDirectives: Readonly<Record<string, FlowReader>> = {
  ".macro": readDefinition,
  ".endm": ({ cursor, token }) => {
    throw cursor.error(".endm has no .macro before it", { token });
  },
  ".exitm": ({ flow, cursor, token }) => {
    if (!flow.isInside) throw cursor.error(".exitm leaves a macro or a repetition, and here is none", { token });
    flow.leaveEarly();
  },
  ".purgem": readPurge,
};

/** `.macro name parameters`. */
function readDefinition(directive: FlowDirective): void {
  const { flow, cursor } = directive;
  const { macros } = flow.program;
  if (cursor.index > 1) throw cursor.error("no label stands before .macro", { token: cursor.statement[0] });
  const token = nameOf(cursor);
  const key = token.text.toLowerCase();
  const first = macros.get(key);
  if (first !== undefined)
    throw cursor.error(`the macro ${first.name} is there already`, { token, hint: `.purgem ${first.name} removes it` });
  if (flow.isDirective(key)) throw cursor.error(`${token.text} is a directive, no macro`, { token });
  const parameters = readParameters(cursor);
  const names = parameters.map(({ name }) => name);
  const body = readBody(flow.collect(directive, [".macro"], ".endm"), names);
  macros.set(key, { name: token.text, parameters, body });
}

/** `.purgem name, name`. */
function readPurge({ flow, cursor }: FlowDirective): void {
  const { macros } = flow.program;
  do {
    const token = nameOf(cursor);
    if (macros.delete(token.text.toLowerCase())) continue;
    const close = nearest(
      token.text,
      [...macros.values()].map(({ name }) => name),
    );
    throw cursor.error(`there is no macro ${token.text}`, {
      token,
      hint: close === undefined ? undefined : `did you mean ${close}?`,
    });
  } while (cursor.take(","));
  cursor.expectEnd('","');
}

function nameOf(cursor: Cursor): Token {
  if (cursor.peek()?.kind !== "name") throw cursor.unexpected("the name of a macro");
  return cursor.next();
}

/** Goes into the macro that a statement names. */
export function callMacro({ flow, cursor, name, token }: FlowDirective): void {
  const { program } = flow;
  const macro = program.macros.get(name)!;
  const values = [...bindArguments(macro, cursor), { text: String(program.calls), holes: [] }];
  if (++program.calls > limits.calls)
    throw cursor.error(`macros are called more than ${limits.calls} times`, { token });
  const site = cursor.source.siteOf(token.start, cursor.statement.at(-1)!.end);
  flow.enter(cursor, {
    open: () => new Tokenizer(new ExpandedText(macro.body, [values], { macro: macro.name, site })),
    count: 1,
    statements: macro.body.size,
    characters: expandedLength(macro.body, values),
  });
}
