import { GuestwrightError } from "../core/error.ts";
import { hex } from "../core/hex.ts";
import { show as showValue } from "../core/show.ts";

/** What can be wrong with a description of page tables, or with a question about them. */
export type PagingErrorCode =
  /** A description has a value of the wrong type or out of its range. */
  | "BAD_DESCRIPTION"
  /** A question about an address space that has no answer: an address with too many bits, paging that is off. */
  | "BAD_ARGUMENT"
  /** Two mappings have the same name. */
  | "DUPLICATE_NAME"
  /** Two mappings cover the same virtual address, and neither says `override`. */
  | "OVERLAP"
  /** An address or a size is not a multiple of the page size, or the tables' place not one of 4096. */
  | "MISALIGNED"
  /** A size of 0. */
  | "EMPTY"
  /** A virtual address that the mode does not have. */
  | "NON_CANONICAL"
  /** A range that runs past the last virtual address. */
  | "WRAPS"
  /** A physical address that the CPU does not have. */
  | "BEYOND_PHYSICAL"
  /** A page size or a flag that the mode does not have. */
  | "UNSUPPORTED"
  /** The tables take more bytes than the description allows, or than one buffer holds. */
  | "OVER_BUDGET"
  /** The tables do not fit where the description puts them, or nothing can refer to them there. */
  | "DOES_NOT_FIT";

/** A description of page tables that the hardware has no tables for, or a walk that was asked for in a wrong way. */
export class PagingError extends GuestwrightError<PagingErrorCode> {}

/** The error of a value that is not one of those expected. */
export function invalid(found: string, value: unknown, expected: string): PagingError {
  return new PagingError(`${found}; expected ${expected}`, { code: "BAD_DESCRIPTION", value });
}

/** Any value at all, as messages show it: addresses and sizes in hexadecimal. */
export function show(value: unknown): string {
  return typeof value === "bigint" ? hex(value) : showValue(value);
}
