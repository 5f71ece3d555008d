/** Where the page tables of a description lie, and what is wrong with what they are to map. */
import { sizeToText } from "../../core/units.ts";
import { buildPageTables, PagingError, type PageTables, type PagingMode } from "../../paging/index.ts";
import type { ImageMapping, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { smallestPage, type Extent, type Range } from "./extent.ts";
import { freeRange } from "./free-range.ts";
import type { PlaceKey } from "./place-key.ts";

/** The bytes that page tables take. */
export function extentOfTables({ at, bytes }: PageTables): Extent {
  return { name: "page tables", at, size: BigInt(bytes.length) };
}

/** The key that says where the page tables lie. */
export function pageTablesKey(memory: readonly MemoryRegion[], mappings: readonly ImageMapping[]): PlaceKey {
  return {
    path: "paging.tables",
    from: 0n,
    within: memory.filter(({ kind }) => kind === "ram"),
    without: mappings.map(({ phys, size }) => ({ at: phys, size })),
    align: smallestPage,
  };
}

/** Addresses that no mapping leads to; where all of RAM is mapped, the highest, since programs begin low. */
export function freeForTables(
  memory: readonly MemoryRegion[],
  mappings: readonly ImageMapping[],
  fixed: readonly Range[],
  wanted: { readonly size: bigint; readonly align: bigint },
): bigint {
  const ram = memory.filter(({ kind }) => kind === "ram");
  const mapped = mappings.map(({ phys, size }) => ({ at: phys, size }));
  // The root's address has 32 bits in 32-bit and PAE paging, and real-mode code that starts another CPU can reach no more.
  const below = 1n << 32n;
  const range =
    freeRange(ram, [...fixed, ...mapped], { ...wanted, below }) ??
    freeRange(ram, fixed, { ...wanted, below, highest: true });
  if (range !== undefined) return range.at;
  throw new LayoutError(`paging.tables: no ${sizeToText(wanted.size)} of RAM are free below 4GiB`, {
    code: "DOES_NOT_FIT",
    value: wanted.size,
    hint: "make the memory larger, or set paging.tables",
  });
}

export function tablesOf(
  mode: PagingMode,
  mappings: readonly ImageMapping[],
  tables: bigint | ((bytes: bigint, align: bigint) => bigint),
): PageTables {
  try {
    return buildPageTables({ mode, tables, mappings });
  } catch (error) {
    throw error instanceof PagingError ? inTermsOfLayouts(error) : error;
  }
}

/** Errors whose hints name options that only descriptions of page tables have. */
function inTermsOfLayouts(error: PagingError): Error {
  const [message] = error.message.split("\n");
  const details = { value: error.value, cause: error };
  switch (error.code) {
    case "OVERLAP":
      return new LayoutError(`paging.map: ${message}`, {
        code: "OVERLAP",
        ...details,
        hint: "give each mapping virtual addresses of its own, or let one override the other",
      });
    case "OVER_BUDGET":
      return new LayoutError(`paging: ${message}`, { code: "DOES_NOT_FIT", ...details, hint: "use larger pages" });
    default:
      return error;
  }
}
