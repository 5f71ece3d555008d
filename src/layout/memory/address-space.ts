/** What the guest's addresses lead to: the mappings, the page tables that make them, the stacks, the places. */
import { sizeToText, toBytes } from "../../core/units.ts";
import { buildPageTables, PagingError, type PageTables, type PagingMode } from "../../paging/index.ts";
import type { GuestDescription } from "../description/description.ts";
import type { ImageMapping, ImageStack, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { overlap, type Extent, type Range } from "./extent.ts";
import { freeRange } from "./free-range.ts";
import { mappingsOf, pagingModeIn } from "./mappings.ts";
import { placesOf, type Place } from "./places.ts";
import { stacksOf } from "./stacks.ts";

/** The address space of a guest. */
export interface GuestSpace {
  /** Both `undefined` where there is no paging. */
  readonly mappings: readonly ImageMapping[] | undefined;
  readonly tables: PageTables | undefined;
  readonly stacks: readonly ImageStack[];
  readonly places: readonly Place[];
  /** The paths of what physical addresses were found for, because of paging. */
  readonly found: readonly string[];
}

/**
 * The address space of a description.
 *
 * @param fixed what has a physical address in the description, besides mappings and stacks
 */
export function guestSpace(
  description: GuestDescription,
  memory: readonly MemoryRegion[],
  fixed: readonly Extent[],
): GuestSpace {
  const mode = pagingModeIn(description);
  const paged = mode === undefined ? undefined : pagedSpace(description, mode, memory, fixed);
  const { mappings, tables } = paged ?? { mappings: undefined, tables: undefined };
  const stacks = stacksOf(description, memory, mappings, fixed);
  const stackNames = new Set(stacks.map(({ name }) => name));
  const places = placesOf(
    memory,
    mappings?.filter(({ name }) => !stackNames.has(name)),
  );
  return { mappings, tables, stacks, places, found: paged === undefined ? [] : foundPaths(description) };
}

/** Moving mappings out of the tables' way may change how many tables there are, but hardly ever more often than this. */
const mostRounds = 8;

function pagedSpace(
  description: GuestDescription,
  mode: PagingMode,
  memory: readonly MemoryRegion[],
  fixed: readonly Extent[],
): { readonly mappings: readonly ImageMapping[]; readonly tables: PageTables } {
  const { tables: place } = description.paging!;
  const at = place === undefined ? undefined : toBytes(place)!;
  const found = new Set(foundPaths(description));
  let taken = fixed;
  for (let round = 1; ; round++) {
    const mappings = mappingsOf(description, memory, taken);
    const tables = tablesOf(
      mode,
      mappings,
      at ?? ((size, align) => freeForTables(memory, mappings, fixed, { size, align })),
    );
    const extent = { name: "page tables", at: tables.at, size: BigInt(tables.bytes.length) };
    const isInTheWay = mappings.some(
      ({ name, phys, size }) =>
        (found.has(`paging.map.${name}`) || found.has(`stacks.${name}`)) && overlap({ at: phys, size }, extent),
    );
    if (!isInTheWay || round === mostRounds) return { mappings, tables };
    taken = [...fixed, extent];
  }
}

/** The paths of the mappings, stacks and page tables whose physical addresses are found, not given. */
function foundPaths({ paging, stacks = {} }: GuestDescription): readonly string[] {
  const { map, tables } = paging!;
  const found = (path: string, named: Readonly<Record<string, { readonly phys?: unknown }>>): readonly string[] =>
    Object.entries(named).flatMap(([name, { phys }]) => (phys === undefined ? [`${path}.${name}`] : []));
  return [...found("paging.map", map), ...found("stacks", stacks), ...(tables === undefined ? ["paging.tables"] : [])];
}

/** Addresses that no mapping leads to; where all of RAM is mapped, the highest, since programs begin low. */
function freeForTables(
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
    hint: "make the memory larger, or say tables",
  });
}

function tablesOf(
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
