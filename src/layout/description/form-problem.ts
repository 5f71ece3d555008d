/** What is wrong with the form of a description. */
import { show } from "../../core/show.ts";
import { given } from "./form-rules.ts";
import { formErrors, keysAt } from "./form-schema.ts";

/** What is wrong with a description. */
export interface FormProblem {
  readonly message: string;
  readonly value: unknown;
  readonly hint?: string;
}

/** Finds the first value that is wrong: its path, what it is and what it should be. */
export function formProblem(description: unknown): FormProblem | undefined {
  const errors = formErrors(description);
  if (errors === undefined) return undefined;
  // A key that is misspelt is missing under its right name, too: say what was misspelt.
  const error = errors.find(({ expected }) => expected === "removed") ?? errors[0]!;
  const keys = Array.from(error.path, String);
  const path = keys.join(".");
  const value = valueAt(description, keys);
  if (error.expected === "removed") {
    const owner = valueAt(description, keys.slice(0, -1)) as { readonly type?: unknown; readonly kind?: unknown };
    const known = keysAt(keys.slice(0, -1), owner.type ?? owner.kind);
    return { message: `${path}: there is no such key`, value, hint: `there is ${known.join(", ")}` };
  }
  if (error.code === "required" || error.expected === given) return { message: `${path}: it is missing`, value };
  // Of a union with one branch left, arktype gives the whole sentence.
  const expected = error.expected.replace(/^.*? must be /s, "").replace(/ \(was .*\)$/s, "");
  return { message: `${path === "" ? "the description" : path}: expected ${expected}, got ${show(value)}`, value };
}

function valueAt(description: unknown, path: readonly string[]): unknown {
  return path.reduce((value: unknown, key) => (value as Readonly<Record<string, unknown>>)[key], description);
}
