/** The directives, by name. */
import { nearest } from "../../core/nearest.ts";
import type { Cursor } from "./cursor.ts";
import type { DirectiveReader } from "./directive.ts";
import { dataDirectives } from "./directives-data.ts";
import { gapDirectives } from "./directives-gap.ts";
import { leb128Directives } from "./directives-leb128.ts";
import { reportDirectives } from "./directives-report.ts";
import { sectionDirectives } from "./directives-section.ts";
import { symbolDirectives } from "./directives-symbol.ts";
import { flowDirectives } from "./flow-directives.ts";
import type { Token } from "./tokenizer.ts";

const directives: ReadonlyMap<string, DirectiveReader> = new Map<string, DirectiveReader>(
  [dataDirectives, gapDirectives, leb128Directives, reportDirectives, sectionDirectives, symbolDirectives].flatMap(
    (each) => Object.entries(each),
  ),
);

/** Directives of GNU as that are not for this place, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  ".att_syntax": "write Intel syntax",
  ".altmacro": String.raw`write \name for a parameter, and \@ in labels for a number of each call`,
  ".include": "join the texts in TypeScript",
  ".incbin": "read the file in TypeScript, and add its bytes with .bytes(...)",
  ".comm": "write .bss, a label and .zero",
  ".lcomm": "write .bss, a label and .zero",
  ".code16gcc": "write .code16",
  ".subsection": "write .section NAME",
};

/** The reader of a directive by its name in lower case. */
export function findDirective(name: string): DirectiveReader | undefined {
  return directives.get(name);
}

/** The error about a directive that there is not. */
export function refuseDirective(cursor: Cursor, token: Token): Error {
  const name = token.text.toLowerCase();
  if (Object.hasOwn(refused, name))
    return cursor.error(`${name} cannot be written here`, { token, hint: refused[name] });
  const close = nearest(name, [...directives.keys(), ...flowDirectives.keys()]);
  return cursor.error(`there is no directive "${token.text.slice(0, 40)}"`, {
    token,
    hint: close === undefined ? undefined : `did you mean ${close}?`,
  });
}
