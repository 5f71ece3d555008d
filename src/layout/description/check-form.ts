/**
 * The check of a description's form, at run time: for authors without types, for values that are computed, and for keys that
 * are misspelt. Whether a form is allowed is decided by what arktype made of the schema beforehand; arktype itself is loaded
 * only to say what is wrong.
 */
import { LayoutError } from "../layout-error.ts";
import { isAllowedForm } from "./allowed-form.ts";
import type { GuestDescription } from "./description.ts";

/**
 * Checks the form of a description.
 *
 * @throws LayoutError `BAD_DESCRIPTION` with the path of the first value that is wrong, what it is and what it should be
 */
export async function checkForm(description: unknown): Promise<GuestDescription> {
  if (isAllowedForm(description)) return description as GuestDescription;
  const { formProblem } = await import("./form-problem.ts");
  const problem = formProblem(description);
  if (problem === undefined) return description as GuestDescription;
  const { message, ...details } = problem;
  throw new LayoutError(message, { code: "BAD_DESCRIPTION", ...details });
}
