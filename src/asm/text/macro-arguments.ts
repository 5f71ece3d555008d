/** Gives the arguments of a call to the parameters that they are for. */
import { nearest } from "../../core/nearest.ts";
import { ArgumentReader, nothing } from "./argument-reader.ts";
import type { Cursor } from "./cursor.ts";
import type { Macro, Parameter } from "./macro.ts";
import type { TextWithHoles } from "./source-text.ts";

/** The values of a macro's parameters in a call, in the parameters' order. */
export function bindArguments({ name, parameters }: Macro, cursor: Cursor): TextWithHoles[] {
  const reader = new ArgumentReader(cursor);
  const given = new Map<Parameter, TextWithHoles>();
  let positional = 0;
  let sawKeyword = false;
  while (!reader.atEnd) {
    const { offset } = reader;
    if (reader.isKeyword) {
      sawKeyword = true;
      const parameter = keywordOf(reader, name, parameters);
      if ((given.get(parameter)?.text ?? "") !== "")
        throw reader.error(`${parameter.name} has a value already`, offset);
      given.set(parameter, reader.value());
    } else {
      if (sawKeyword) throw reader.error("an argument without a name follows one with a name", offset);
      const parameter = parameters[positional++];
      if (parameter === undefined) throw tooMany(reader, name, parameters, offset);
      given.set(parameter, parameter.kind === "vararg" ? reader.rest() : reader.value());
    }
    reader.skipComma();
  }
  return parameters.map((parameter) => {
    const value = given.get(parameter) ?? nothing;
    if (value.text !== "") return value;
    if (parameter.kind === "req")
      throw cursor.error(`${name} needs a value for ${parameter.name}`, { token: cursor.peek(-1) });
    return parameter.preset;
  });
}

/** Reads `name=`, and finds the parameter. */
function keywordOf(reader: ArgumentReader, macro: string, parameters: readonly Parameter[]): Parameter {
  const { offset } = reader;
  const name = reader.name();
  const names = parameters.map((each) => each.name);
  if (name === undefined || !reader.take("="))
    throw reader.error("an argument with = in it is none", offset, { hint: "put it into parentheses or quotes" });
  const parameter = parameters.find((each) => each.name === name);
  if (parameter !== undefined) return parameter;
  const close = nearest(name, names);
  throw reader.error(`${macro} has no parameter "${name}"`, offset, {
    expected: names.map((each) => `${each}=`),
    ...(close === undefined ? {} : { hint: `did you mean ${close}?` }),
  });
}

function tooMany(reader: ArgumentReader, name: string, parameters: readonly Parameter[], offset: number): Error {
  const count =
    parameters.length === 0
      ? "no arguments"
      : parameters.length === 1
        ? "one argument"
        : `${parameters.length} arguments`;
  return reader.error(`${name} takes ${count}`, offset, {
    hint: "white space ends an argument: put one that has some into quotes",
  });
}
