/** Options by name: one that is misspelt would be without effect, where no types tell. */
import { nearest } from "./nearest.ts";
import { show } from "./show.ts";

/** What is wrong with options, for an error's message, value and hint. */
export interface OptionsProblem {
  readonly message: string;
  readonly value: unknown;
  readonly hint: string;
}

/** What is wrong with the options of `taker`, where they are no object or have a name that is none of `known`. */
export function optionsProblem(taker: string, known: readonly string[], options: unknown): OptionsProblem | undefined {
  const list = `it has ${known.join(", ").replace(/, (?!.*, )/, " and ")}`;
  if (typeof options !== "object" || options === null) {
    return { message: `the options of ${taker} are an object, got ${show(options)}`, value: options, hint: list };
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  const close = nearest(unknown, known);
  const hint = close === undefined ? list : `did you mean ${close}?`;
  return { message: `${taker} has no option ${JSON.stringify(unknown)}`, value: unknown, hint };
}
