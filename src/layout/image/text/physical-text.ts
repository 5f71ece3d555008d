/** How the text form of an image writes physical addresses: as numbers, or by what the layout found them for. */
import { hex } from "../../../core/hex.ts";
import { sizeToText } from "../../../core/units.ts";
import type { Image } from "../../image.ts";
import { address, extent } from "./extent.ts";

/** The physical addresses of one image as text. */
export interface PhysicalText {
  /** A number of few digits, or what the address belongs to: `0x4000`, `data+0x10`. */
  at(address: bigint): string;
  /** Where something lies: `at physical 0x00004000`, `in data+0x10`. */
  place(address: bigint): string;
  /** A range: its first and last address and its size, or what it belongs to and its size. */
  extent(at: bigint, size: bigint): string;
  /** Where a mapping or a stack leads: an address, or `found`. */
  target(address: bigint): string;
  /** How far an address lies in what the layout found a place for; `undefined` where it is a number. */
  offset(address: bigint): bigint | undefined;
}

/** All addresses as physicalNumbers. */
export const physicalNumbers: PhysicalText = {
  at: hex,
  place: (at) => `at physical ${address(at)}`,
  extent,
  target: address,
  offset: () => undefined,
};

/** The physical addresses of an image. @param showsFound whether addresses that the layout found are numbers, too */
export function physicalText(image: Image, showsFound: boolean): PhysicalText {
  if (showsFound) return physicalNumbers;
  const found = foundRanges(image);
  const ownerOf = (at: bigint) => found.find((range) => at >= range.at && at < range.at + range.size);
  const within = (at: bigint): string | undefined => {
    const owner = ownerOf(at);
    if (owner === undefined) return undefined;
    return at === owner.at ? owner.name : `${owner.name}+${hex(at - owner.at)}`;
  };
  return {
    at: (at) => within(at) ?? physicalNumbers.at(at),
    place: (at) => (ownerOf(at) === undefined ? physicalNumbers.place(at) : `in ${within(at)}`),
    extent: (at, size) =>
      ownerOf(at) === undefined ? physicalNumbers.extent(at, size) : `in ${within(at)} (${sizeToText(size)})`,
    target: (at) => (ownerOf(at) === undefined ? physicalNumbers.target(at) : "found"),
    offset: (at) => {
      const owner = ownerOf(at);
      return owner && at - owner.at;
    },
  };
}

interface FoundRange {
  readonly name: string;
  readonly at: bigint;
  readonly size: bigint;
}

function foundRanges({ paging, chunks }: Image): readonly FoundRange[] {
  if (paging === undefined) return [];
  const found = new Set(paging.found);
  const tables = chunks.filter(({ name }) => name === "page tables" && found.has("paging.tables"));
  return [
    ...paging.mappings
      .filter(({ name }) => found.has(`paging.map.${name}`) || found.has(`stacks.${name}`))
      .map(({ name, phys, size }) => ({ name, at: phys, size })),
    ...tables.map(({ at, bytes }) => ({ name: "paging.tables", at, size: BigInt(bytes.length) })),
  ];
}
