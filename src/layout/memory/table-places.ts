/** Where descriptor tables and other tables of the description lie: at physical addresses, or in places. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import type { TablePlacement } from "../description/table-descriptions.ts";
import type { ImageMapping, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText, type Extent, type Range } from "./extent.ts";
import type { SharedRequest } from "./free-range.ts";
import type { PlaceKey } from "./place-key.ts";
import { findPlace, memoryOfPlace, type Place } from "./places.ts";
import { behindAlias, hasMemory } from "./regions.ts";

/** A table of a description, before it has its place. */
export interface TableRequest {
  /** Where the description has it. */
  readonly path: string;
  readonly placement: TablePlacement;
  /** In bytes. */
  readonly size: bigint;
}

/** A table with its place. */
export interface PlacedTable {
  readonly phys: PhysAddr;
  /** Its linear address. */
  readonly virt: VirtAddr;
  /** Where its bytes are: elsewhere than at `phys`, where that lies in an alias. */
  readonly extent: Extent;
  readonly key: PlaceKey;
}

/** What tables can lie in. */
export interface TableSurroundings {
  readonly memory: readonly MemoryRegion[];
  readonly places: readonly Place[];
  /** Where there is paging: a table must lie in them without a break. */
  readonly mappings: readonly ImageMapping[] | undefined;
  /** The place whose end the stack begins at, and where no table can. */
  readonly stack: string | undefined;
}

/** A table begins at a multiple of so many bytes where the description leaves that open: a cache line holds none in parts. */
const alignment = 16n;

/** Whether the description leaves it open where in its place a table lies. */
function isOpen({ placement }: TableRequest): boolean {
  return placement.in !== undefined && placement.offset === undefined;
}

/** The tables whose addresses the description gives, by their paths. */
export function givenTables(
  tables: readonly TableRequest[],
  surroundings: TableSurroundings,
): ReadonlyMap<string, PlacedTable> {
  return new Map(
    tables.flatMap((table) => {
      const { path, placement } = table;
      const { at, in: name, offset } = placement;
      if (name === undefined && offset !== undefined)
        throw new LayoutError(`${path}.offset: it needs in`, { code: "INCONSISTENT", value: offset });
      if (at !== undefined && name !== undefined) {
        throw new LayoutError(`${path}: at and in are both given; give one of them`, {
          code: "INCONSISTENT",
          value: at,
        });
      }
      if (at !== undefined) return [[path, atPhysical(table, toBytes(at)!, surroundings)] as const];
      return offset === undefined ? [] : [[path, atOffset(table, toBytes(offset)!, surroundings)] as const];
    }),
  );
}

/** A table that gets its place from the allocator: what it asks for, and what it is once it has that. */
export interface OpenTable {
  readonly path: string;
  readonly request: SharedRequest;
  readonly placed: (found: Range) => PlacedTable;
}

/** The tables that go to the end of a place, in the description's order. */
export function openTables(tables: readonly TableRequest[], surroundings: TableSurroundings): readonly OpenTable[] {
  return tables.filter(isOpen).map((table): OpenTable => {
    const { path, size } = table;
    const place = placeOf(table, surroundings);
    if (place.name === surroundings.stack) {
      throw new LayoutError(`${path}.in: the stack begins at the end of ${place.name}, and would overwrite the table`, {
        code: "INCONSISTENT",
        value: place.name,
        hint: "give an offset, or put it in another place",
      });
    }
    const within = memoryOfPlace(place, surroundings.memory);
    const refusal = (left: bigint): LayoutError =>
      new LayoutError(`${path}: ${size} bytes do not fit ${place.name}, where ${sizeToText(left)} are left`, {
        code: "DOES_NOT_FIT",
        value: size,
        hint: `make ${place.name} larger`,
      });
    return {
      path,
      request: { within: [within], size, align: alignment, highest: true, refusal },
      placed: ({ at }) => inPlace(table, place, at - within.at, surroundings),
    };
  });
}

function placeOf({ path, placement }: TableRequest, { places }: TableSurroundings): Place {
  return findPlace(places, placement.in!, `${path}.in`);
}

function atPhysical({ path, size }: TableRequest, at: PhysAddr, { memory, mappings }: TableSurroundings): PlacedTable {
  const reachable = mappings
    ?.filter(({ backing }) => backing === "ram")
    .map((each) => ({ at: each.phys, size: each.size }));
  return {
    phys: at,
    virt: mappings === undefined ? (at as bigint) : virtualOf(path, mappings, { at, size }),
    extent: { name: path, at: behindAlias(memory, { at, size }), size },
    key: { path: `${path}.at`, from: 0n, within: reachable ?? memory.filter(hasMemory), align: alignment },
  };
}

function atOffset(table: TableRequest, offset: bigint, surroundings: TableSurroundings): PlacedTable {
  const { path, size } = table;
  const place = placeOf(table, surroundings);
  if (offset + size <= place.size) return inPlace(table, place, offset, surroundings);
  throw new LayoutError(
    `${path}: ${size} bytes at offset ${hex(offset)} do not fit ${place.name}, which has ${sizeToText(place.size)}`,
    { code: "DOES_NOT_FIT", value: offset, hint: `make the offset smaller, or ${place.name} larger` },
  );
}

function inPlace(
  { path, size }: TableRequest,
  place: Place,
  offset: bigint,
  { memory }: TableSurroundings,
): PlacedTable {
  const within = memoryOfPlace(place, memory);
  return {
    phys: place.phys + offset,
    virt: place.virt + offset,
    extent: { name: path, at: within.at + offset, size },
    key: { path: `${path}.offset`, from: within.at, within: [within], align: alignment },
  };
}

/** The linear address of a range of physical memory that mappings cover without a break. */
function virtualOf(path: string, mappings: readonly ImageMapping[], { at, size }: Range): VirtAddr {
  let mapped = at;
  for (const start of mappings.filter(({ phys, size: length }) => phys <= at && at < phys + length)) {
    const distance = start.virt - start.phys;
    let next: ImageMapping | undefined = start;
    let end = at;
    while (next !== undefined && end < at + size) {
      end = next.phys + next.size;
      next = mappings.find(({ virt, phys }) => phys === end && virt - phys === distance);
    }
    if (end >= at + size) return at + distance;
    if (end > mapped) mapped = end;
  }
  throw new LayoutError(
    `${path}.at: no mapping has the table at physical ${extentToText({ at, size })} from ${hex(mapped)} on: the guest could not reach it`,
    { code: "INCONSISTENT", value: at },
  );
}
