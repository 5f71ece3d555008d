/** Macros, and the parameters that their definitions give them. */
import { ArgumentReader, nothing } from "./argument-reader.ts";
import type { Cursor } from "./cursor.ts";
import type { MacroBody } from "./macro-body.ts";
import type { TextWithHoles } from "./source-text.ts";

/** A parameter: one that may be left out, one that may not, or one that takes the rest of the line. */
export interface Parameter {
  readonly name: string;
  readonly kind: "optional" | "req" | "vararg";
  /** What it is where a call gives nothing. */
  readonly preset: TextWithHoles;
}

/** A macro. */
export interface Macro {
  /** As its definition has it; calls may write it in any case. */
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: MacroBody;
}

const qualifiers = ["req", "vararg"] as const;

/** Reads the parameters of a definition: `a, b=5, c:req, d:vararg`. */
export function readParameters(cursor: Cursor): Parameter[] {
  const reader = new ArgumentReader(cursor);
  const parameters: Parameter[] = [];
  let expectsMore = reader.skipComma();
  while (!reader.atEnd || expectsMore) {
    const { offset } = reader;
    if (parameters.at(-1)?.kind === "vararg")
      throw reader.error("nothing follows a parameter that takes the rest of the line", offset);
    const name = reader.name();
    if (name === undefined)
      throw reader.error("this is no parameter", offset, { expected: ["the name of a parameter"] });
    if (parameters.some((each) => each.name === name))
      throw reader.error(`there are two parameters of the name ${name}`, offset);
    parameters.push(readParameter(reader, name));
    expectsMore = reader.skipComma();
  }
  return parameters;
}

function readParameter(reader: ArgumentReader, name: string): Parameter {
  let kind: Parameter["kind"] = "optional";
  reader.skipBlanks();
  if (reader.take(":")) {
    reader.skipBlanks();
    const { offset } = reader;
    const word = reader.name();
    const qualifier = qualifiers.find((each) => each === word);
    if (qualifier === undefined) throw reader.error("this is no kind of parameter", offset, { expected: qualifiers });
    kind = qualifier;
    reader.skipBlanks();
  }
  const { offset } = reader;
  const preset = reader.take("=") ? reader.value() : nothing;
  if (kind === "req" && preset.text !== "")
    throw reader.error(`${name} needs a value from each call, so that no other is ever used`, offset);
  return { name, kind, preset };
}
