/** What the guest's addresses lead to: the mappings, the page tables that make them, the stacks, the places, the tables. */
import { toBytes } from "../../core/units.ts";
import type { PageTables, PagingMode } from "../../paging/index.ts";
import type { GuestDescription } from "../description/description.ts";
import type { ImageMapping, ImageStack, MemoryRegion } from "../image.ts";
import { overlap, type Extent, type Range } from "./extent.ts";
import { freeRanges, type SharedRequest } from "./free-range.ts";
import { mappingsOf, pagingModeIn } from "./mappings.ts";
import { extentOfTables, freeForTables, tablesOf } from "./page-tables.ts";
import { placesOf, type Place } from "./places.ts";
import { mappedStacks, plainStacks } from "./stacks.ts";
import {
  givenTables,
  openTables,
  type PlacedTable,
  type TableRequest,
  type TableSurroundings,
} from "./table-places.ts";

/** The address space of a guest. */
export interface GuestSpace {
  /** Both `undefined` where there is no paging. */
  readonly mappings: readonly ImageMapping[] | undefined;
  readonly tables: PageTables | undefined;
  readonly stacks: readonly ImageStack[];
  readonly places: readonly Place[];
  /** The tables that have a place, by their paths in the description. */
  readonly placed: ReadonlyMap<string, PlacedTable>;
  /** The paths of what physical addresses were found for, because of paging. */
  readonly found: readonly string[];
  /** What lies where it does because that was free, though programs can be put there too. */
  readonly movable: readonly Range[];
}

/** What an address space is made for. */
export interface SpaceRequest {
  readonly description: GuestDescription;
  readonly memory: readonly MemoryRegion[];
  /** Its tables, but for page tables. */
  readonly tables: readonly TableRequest[];
  /** Where programs lie, as far as that is known. */
  readonly programs: readonly Range[];
}

/** The address space of a description. */
export function guestSpace(request: SpaceRequest): GuestSpace {
  const mode = pagingModeIn(request.description);
  return mode === undefined ? plainSpace(request) : pagedSpace(request, mode);
}

/** Without paging, places and stacks are memory. */
function plainSpace({ description, memory, tables, programs }: SpaceRequest): GuestSpace {
  const places = placesOf(memory, undefined);
  const stacks = plainStacks(description, memory);
  const given = stacks.flatMap(({ phys, size }) => (phys === undefined ? [] : [{ at: phys, size }]));
  const open = stacks.filter(({ phys }) => phys === undefined);
  const { placed, movable, shared } = placeTables(
    tables,
    { memory, places, mappings: undefined, stack: description.stack },
    [...programs, ...given],
    open.map(({ request }) => request),
  );
  return {
    ...{ mappings: undefined, tables: undefined, places, placed, found: [], movable },
    stacks: stacks.map((stack) => {
      const phys = stack.phys ?? shared[open.indexOf(stack)]!.at;
      return { name: stack.name, virt: phys, phys, size: stack.size, guard: false };
    }),
  };
}

/** The tables at their places. @param others what else looks for free addresses there, and finds `shared` */
function placeTables(
  tables: readonly TableRequest[],
  surroundings: TableSurroundings,
  taken: readonly Range[],
  others: readonly SharedRequest[] = [],
): Pick<GuestSpace, "placed" | "movable"> & { readonly shared: readonly Range[] } {
  const given = givenTables(tables, surroundings);
  const open = openTables(tables, surroundings);
  const movable = freeRanges([...open.map(({ request }) => request), ...others], [...taken, ...extentsOf(given)]);
  const placed = open.map(({ path, placed: at }, i) => [path, at(movable[i]!)] as const);
  return { placed: new Map([...given, ...placed]), movable, shared: movable.slice(open.length) };
}

/** Moving mappings out of the tables' way may change how many tables there are, but hardly ever more often than this. */
const mostRounds = 8;

/** The tables that no mapping is put over. One may be found over a TSS or an LDT: the guest reaches these through it. */
const keepsMappingsOff: ReadonlySet<string> = new Set(["gdt", "idt", "e820"]);

function pagedSpace(request: SpaceRequest, mode: PagingMode): GuestSpace {
  const { description, memory, tables, programs } = request;
  const at = description.paging!.tables === undefined ? undefined : toBytes(description.paging!.tables)!;
  const found = foundPaths(description);
  const fixed = tables.flatMap(({ path, placement, size }) =>
    placement.at === undefined ? [] : [{ name: path, at: toBytes(placement.at)!, size }],
  );
  const keptOff = fixed.filter(({ name }) => keepsMappingsOff.has(name));
  const build = (mappings: readonly ImageMapping[], taken: readonly Range[]): PageTables =>
    tablesOf(mode, mappings, at ?? ((size, align) => freeForTables(memory, mappings, taken, { size, align })));
  let taken: readonly Extent[] = keptOff;
  for (let round = 1; ; round++) {
    const mappings = mappingsOf(description, memory, taken);
    const isInTheWay = (extent: Extent): boolean =>
      round < mostRounds &&
      mappings.some(
        ({ name, phys, size }) =>
          (found.includes(`paging.map.${name}`) || found.includes(`stacks.${name}`)) &&
          overlap({ at: phys, size }, extent),
      );
    const known = [...fixed, ...programs];
    let pageTables = build(mappings, known);
    if (!isInTheWay(extentOfTables(pageTables))) {
      const rest = mappedParts(request, mappings, at === undefined ? undefined : extentOfTables(pageTables));
      const extents = extentsOf(rest.placed);
      if (at === undefined && extents.some((each) => overlap(each, extentOfTables(pageTables))))
        pageTables = build(mappings, [...known, ...extents]);
      const extent = extentOfTables(pageTables);
      if (!isInTheWay(extent)) {
        const movable = at === undefined ? [...rest.movable, extent] : rest.movable;
        return { ...rest, mappings, tables: pageTables, found, movable };
      }
    }
    taken = [...keptOff, extentOfTables(pageTables)];
  }
}

/** What lies in mappings. @param pageTables where these lie, if the description says it */
function mappedParts(
  { description, memory, tables, programs }: SpaceRequest,
  mappings: readonly ImageMapping[],
  pageTables: Extent | undefined,
): Pick<GuestSpace, "stacks" | "places" | "placed" | "movable"> {
  const stacks = mappedStacks(description, mappings);
  const stackNames = new Set(stacks.map(({ name }) => name));
  const places = placesOf(
    memory,
    mappings.filter(({ name }) => !stackNames.has(name)),
  );
  const { placed, movable } = placeTables(tables, { memory, places, mappings, stack: description.stack }, [
    ...programs,
    ...(pageTables === undefined ? [] : [pageTables]),
  ]);
  return { stacks, places, placed, movable };
}

function extentsOf(placed: ReadonlyMap<string, PlacedTable>): readonly Extent[] {
  return Array.from(placed.values(), ({ extent }) => extent);
}

/** The paths of the mappings, stacks and page tables whose physical addresses are found, not given. */
function foundPaths({ paging, stacks = {} }: GuestDescription): readonly string[] {
  const { map, tables } = paging!;
  const found = (path: string, named: Readonly<Record<string, { readonly phys?: unknown }>>): readonly string[] =>
    Object.entries(named).flatMap(([name, { phys }]) => (phys === undefined ? [`${path}.${name}`] : []));
  return [...found("paging.map", map), ...found("stacks", stacks), ...(tables === undefined ? ["paging.tables"] : [])];
}
