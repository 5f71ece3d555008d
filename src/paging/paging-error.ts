import { GuestwrightError } from "../core/error.ts";
import { hex } from "../core/hex.ts";
import { show as showValue } from "../core/show.ts";

/** What can be wrong with a description of page tables, or with a question about them. */
export type PagingErrorCode =
  /** A value is of the wrong type or out of its range. */
  | "paging-invalid"
  /** Two mappings have the same name. */
  | "paging-duplicate-name"
  /** Two mappings cover the same virtual address, and neither says `override`. */
  | "paging-overlap"
  /** An address or a size is not a multiple of the page size. */
  | "paging-misaligned"
  /** A size of 0. */
  | "paging-empty"
  /** A virtual address that the mode does not have. */
  | "paging-non-canonical"
  /** A range that runs past the last virtual address. */
  | "paging-wraps"
  /** A physical address that the CPU does not have. */
  | "paging-beyond-physical"
  /** A page size or a flag that the mode does not have. */
  | "paging-unsupported"
  /** The tables take more bytes than the description allows, or than one buffer holds. */
  | "paging-budget"
  /** The tables do not fit where the description puts them. */
  | "paging-placement";

/** A description of page tables that the hardware has no tables for, or a walk that was asked for in a wrong way. */
export class PagingError extends GuestwrightError<PagingErrorCode> {}

/** The error of a value that is not one of those expected. */
export function invalid(found: string, value: unknown, expected: string): PagingError {
  return new PagingError(`${found}; expected ${expected}`, { code: "paging-invalid", value });
}

/** Any value at all, as messages show it: addresses and sizes in hexadecimal. */
export function show(value: unknown): string {
  return typeof value === "bigint" ? hex(value) : showValue(value);
}
