/** Errors about files that come from elsewhere. */
import { LayoutError } from "../../layout-error.ts";

/** `BAD_FILE`: what is wrong with a file, and the value in question. */
export function badFile(message: string, value: unknown, hint?: string): LayoutError {
  return new LayoutError(message, { code: "BAD_FILE", value, ...(hint === undefined ? {} : { hint }) });
}
