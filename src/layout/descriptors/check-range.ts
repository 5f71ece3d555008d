/** The one check that every field of a descriptor gets. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { LayoutError, type LayoutErrorCode } from "../layout-error.ts";

/**
 * Throws unless a value is a whole number from 0 to `most`: a bigint where `most` is one, else a number.
 *
 * @param path what the message calls the value
 */
export function checkRange(path: string, value: unknown, most: number | bigint, code: LayoutErrorCode): void {
  const isWhole = typeof most === "bigint" ? typeof value === "bigint" : Number.isInteger(value);
  if (isWhole && (value as bigint) >= 0 && (value as bigint) <= most) return;
  const kind = typeof most === typeof value ? "" : `a ${typeof most} of `;
  const isNumeric = typeof value === "bigint" || Number.isSafeInteger(value);
  const got = isNumeric
    ? hex(value as number | bigint) + (kind !== "" && typeof value === "bigint" ? "n" : "")
    : show(value);
  throw new LayoutError(`${path}: expected ${kind}0 to ${hex(most)}, got ${got}`, { code, value });
}
