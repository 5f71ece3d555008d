/** Where programs and their sections begin, and whether they fit there. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes, roundUp } from "../../core/units.ts";
import type { SectionDescription } from "../description/description.ts";
import type { MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { smallestPage } from "../memory/extent.ts";
import type { PlaceKey } from "../memory/place-key.ts";
import { findPlace, memoryOfPlace, type Place } from "../memory/places.ts";

/** The offsets that code of a size has, and what they are counted from. */
export interface Reach {
  readonly base: bigint;
  readonly last: bigint;
  readonly of: string;
}

/** Where something begins. */
export interface Spot {
  /** Where the description says so. */
  readonly path: string;
  readonly place: Place;
  /** Bytes from the beginning of the place. */
  readonly offset: bigint;
  /** As the code sees it. */
  readonly origin: bigint;
  readonly phys: PhysAddr;
}

/** Where something begins. `path` is where the description says so. */
export function spotOf(
  path: string,
  { in: placeName, offset = 0 }: SectionDescription,
  places: readonly Place[],
  reach: Reach,
): Spot {
  const place = findPlace(places, placeName, `${path}.in`);
  const from = toBytes(offset)!;
  if (from > place.size) {
    const what = `${path}.offset: ${hex(from)} is beyond ${placeName}, which has ${sizeToText(place.size)}`;
    throw doesNotFit(what, from, `make the offset smaller, or ${placeName} larger`);
  }
  const origin = place.virt + from - reach.base;
  requireReach(path, "begins", origin, reach);
  return { path, place, offset: from, origin, phys: place.phys + from };
}

/** The key that says where something begins: its offset, as far as the code reaches. */
export function spotKey({ path, place }: Spot, { base, last }: Reach, memory: readonly MemoryRegion[]): PlaceKey {
  const { at, size } = memoryOfPlace(place, memory);
  const first = base > place.virt ? base - place.virt : 0n;
  const reached = base + last + 1n - place.virt;
  const end = reached < size ? reached : size;
  return {
    path: `${path}.offset`,
    from: at,
    within: end > first ? [{ at: at + first, size: end - first }] : [],
    align: 16n,
  };
}

/** Throws unless bytes fit where they begin. */
export function requireRoom({ path, place, offset, origin }: Spot, { length }: Uint8Array, reach: Reach): void {
  if (offset + BigInt(length) > place.size) {
    throw doesNotFit(
      `${path}: ${length} bytes at offset ${hex(offset)} do not fit ${place.name}, which has ${sizeToText(place.size)}`,
      length,
      `give ${place.name} at least ${sizeToText(roundUp(offset + BigInt(length), smallestPage))}, or put the code elsewhere`,
    );
  }
  if (length > 0) requireReach(path, "ends", origin + BigInt(length) - 1n, reach);
}

function doesNotFit(message: string, value: unknown, hint: string): LayoutError {
  return new LayoutError(message, { code: "DOES_NOT_FIT", value, hint });
}

/** What is wrong with code in a place that cannot be executed. */
export function notExecutable(what: string, { name, writable }: Place): LayoutError {
  return new LayoutError(`${what}, but ${name} is mapped without x`, {
    code: "NOT_EXECUTABLE",
    value: name,
    hint: `set paging.map.${name}.access to "${writable ? "rwx" : "rx"}", or put it in another place`,
  });
}

function requireReach(path: string, verb: "begins" | "ends", offset: bigint, { last, of }: Reach): void {
  if (offset >= 0n && offset <= last) return;
  throw doesNotFit(
    `${path}: it ${verb} at offset ${hex(offset)} of ${of}, whose offsets are 0x0..${hex(last)}`,
    offset,
    of === "CS"
      ? "put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it"
      : `put it where ${of} reaches it`,
  );
}
