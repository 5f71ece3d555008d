/** Where descriptor tables and other tables of the description lie: at physical addresses, or in places. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import type { TablePlacement } from "../description/table-descriptions.ts";
import type { ImageMapping } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText, type Range } from "./extent.ts";
import { findPlace, type Place } from "./places.ts";

/** A table with its place. */
export interface PlacedTable {
  readonly phys: PhysAddr;
  /** Its linear address. */
  readonly virt: VirtAddr;
}

/** A table begins at a multiple of so many bytes where the description leaves that open: a cache line holds none in parts. */
const alignment = 16n;

/** Finds the places of tables, one after another. */
export class TablePlaces {
  readonly #places: readonly Place[];
  readonly #mappings: readonly ImageMapping[] | undefined;
  readonly #stack: string | undefined;
  /** How much of each place is left: tables without an offset go to its end. */
  readonly #left = new Map<string, bigint>();

  /**
   * @param mappings where there is paging: a table must lie in them without a break
   * @param stack the place whose end the stack begins at, and where no table can
   */
  constructor(places: readonly Place[], mappings: readonly ImageMapping[] | undefined, stack: string | undefined) {
    this.#places = places;
    this.#mappings = mappings;
    this.#stack = stack;
  }

  /** The place of a table of so many bytes; `undefined` where the description gives it none. `path` is the table's there. */
  find(path: string, { at, in: name, offset }: TablePlacement, size: bigint): PlacedTable | undefined {
    if (name === undefined && offset !== undefined)
      throw new LayoutError(`${path}.offset: it needs in`, { code: "INCONSISTENT", value: offset });
    if (at !== undefined && name !== undefined)
      throw new LayoutError(`${path}: at and in are both given; give one of them`, { code: "INCONSISTENT", value: at });
    if (at !== undefined) return this.#atPhysical(path, toBytes(at)!, size);
    if (name === undefined) return undefined;
    const place = findPlace(this.#places, name, `${path}.in`);
    const from = offset === undefined ? this.#atEnd(path, place, size) : toBytes(offset)!;
    if (from + size > place.size) {
      throw new LayoutError(
        `${path}: ${size} bytes at offset ${hex(from)} do not fit ${name}, which has ${sizeToText(place.size)}`,
        { code: "DOES_NOT_FIT", value: from, hint: `make the offset smaller, or ${name} larger` },
      );
    }
    return { phys: place.phys + from, virt: place.virt + from };
  }

  #atPhysical(path: string, at: PhysAddr, size: bigint): PlacedTable {
    return {
      phys: at,
      virt: this.#mappings === undefined ? (at as bigint) : virtualOf(path, this.#mappings, { at, size }),
    };
  }

  #atEnd(path: string, place: Place, size: bigint): bigint {
    if (place.name === this.#stack) {
      throw new LayoutError(`${path}.in: the stack begins at the end of ${place.name}, and would overwrite the table`, {
        code: "INCONSISTENT",
        value: place.name,
        hint: "give an offset, or put it in another place",
      });
    }
    const left = this.#left.get(place.name) ?? place.size;
    if (left < size) {
      throw new LayoutError(`${path}: ${size} bytes do not fit ${place.name}, where ${sizeToText(left)} are left`, {
        code: "DOES_NOT_FIT",
        value: size,
        hint: `make ${place.name} larger`,
      });
    }
    const from = left - size - ((place.virt + left - size) % alignment);
    this.#left.set(place.name, from);
    return from;
  }
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
