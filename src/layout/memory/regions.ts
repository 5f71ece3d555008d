/** The regions of guest-physical memory. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes, roundUp } from "../../core/units.ts";
import type {
  AliasDescription,
  GuestDescription,
  MemoryDescription,
  StorageDescription,
} from "../description/description.ts";
import type { MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText, holds, smallestPage, physicalEnd, type Range } from "./extent.ts";
import { freeRange } from "./free-range.ts";
import { sortWithoutOverlap } from "./place-key.ts";

type Descriptions = GuestDescription["memory"];

/** The regions of a description, in address order: where it says an address, there; the others each as low as it can. */
export function memoryRegions({ memory }: GuestDescription): MemoryRegion[] {
  const regions: MemoryRegion[] = [];
  for (const [name, region] of Object.entries(memory)) {
    if (region.kind === "alias") regions.push(aliasRegion(name, region, memory));
    else if (region.at !== undefined) {
      const range = { at: toBytes(region.at)!, size: toBytes(region.size)! };
      regions.push({ name, kind: region.kind ?? "ram", ...checked(`memory.${name}`, range, region) });
    }
  }
  sortWithoutOverlap(regions, regionNaming);
  for (const [name, region] of Object.entries(memory)) {
    if (!isStorage(region) || region.at !== undefined) continue;
    regions.push({ name, kind: region.kind ?? "ram", ...allocated(name, region, regions) });
  }
  return sortWithoutOverlap(regions, regionNaming);
}

/** Whether there is memory behind a region. */
export function hasMemory({ kind }: MemoryRegion): boolean {
  return kind !== "mmio" && kind !== "reserved";
}

/** Where the memory is that a range shows: elsewhere, where it lies in an alias. */
export function behindAlias(regions: readonly MemoryRegion[], range: Range): PhysAddr {
  const alias = regions.find((region) => region.kind === "alias" && holds(region, range));
  if (alias?.kind !== "alias") return range.at;
  return regions.find(({ name }) => name === alias.of)!.at + alias.offset + range.at - alias.at;
}

function isStorage(region: MemoryDescription): region is StorageDescription {
  return ["ram", "rom"].includes(region.kind ?? "ram");
}

const regionNaming = {
  nameOf: ({ name }: MemoryRegion) => `memory.${name}`,
  keyOf: ({ name }: MemoryRegion) => ({
    ...{ path: `memory.${name}.at`, from: 0n, align: smallestPage },
    within: [{ at: 0n, size: physicalEnd }],
  }),
};

/** The range itself, where it is made of whole pages that a CPU can address. */
function checked(path: string, range: Range, value: unknown): Range {
  if (range.at % smallestPage !== 0n || range.size % smallestPage !== 0n) {
    throw new LayoutError(`${path}: ${extentToText(range)} is not made of whole pages of 4096 bytes`, {
      code: "MISALIGNED",
      value,
      hint: `the whole pages around it: ${pagesAround(range)}`,
    });
  }
  if (range.size === 0n || range.at + range.size > physicalEnd) {
    throw new LayoutError(
      range.size === 0n
        ? `${path}: its size is 0`
        : `${path}: ${extentToText(range)} runs past 2^52, the widest physical address`,
      { code: "BAD_DESCRIPTION", value },
    );
  }
  return range;
}

/** The smallest range of whole pages that holds another, as a description gives it. */
function pagesAround({ at, size }: Range): string {
  const first = at - (at % smallestPage);
  return `at ${hex(first)}, size "${sizeToText(roundUp(at + size, smallestPage) - first)}"`;
}

function aliasRegion(name: string, alias: AliasDescription, memory: Descriptions): MemoryRegion {
  const path = `memory.${name}`;
  const offset = toBytes(alias.offset ?? 0)!;
  const base = Object.hasOwn(memory, alias.of) ? memory[alias.of]! : undefined;
  if (base === undefined || !isStorage(base)) {
    const storage = Object.keys(memory).filter((each) => isStorage(memory[each]!));
    throw new LayoutError(`${path}.of: no ram or rom is named ${JSON.stringify(alias.of)}`, {
      code: "UNKNOWN_NAME",
      value: alias.of,
      hint: `there is ${storage.join(", ") || "none"}`,
    });
  }
  const whole = toBytes(base.size)!;
  const size = alias.size === undefined ? (offset < whole ? whole - offset : 0n) : toBytes(alias.size)!;
  if (offset % smallestPage !== 0n) {
    throw new LayoutError(`${path}.offset: ${hex(offset)} is not a multiple of 4096`, {
      code: "MISALIGNED",
      value: alias.offset,
    });
  }
  const range = checked(path, { at: toBytes(alias.at)!, size }, alias);
  if (offset + size > whole) {
    throw new LayoutError(
      `${path}: ${sizeToText(size)} from ${hex(offset)} on are not in ${alias.of}, which has ${sizeToText(whole)}`,
      { code: "DOES_NOT_FIT", value: alias },
    );
  }
  return { name, kind: "alias", ...range, of: alias.of, offset };
}

function allocated(name: string, region: StorageDescription, taken: readonly Range[]): Range {
  const path = `memory.${name}`;
  const size = toBytes(region.size)!;
  const align = toBytes(region.align ?? smallestPage)!;
  const below = region.below === undefined ? undefined : toBytes(region.below)!;
  if (align < smallestPage || (align & (align - 1n)) !== 0n) {
    throw new LayoutError(`${path}.align: ${hex(align)} is not a power of two from 4096 on`, {
      code: "MISALIGNED",
      value: region.align,
    });
  }
  checked(path, { at: 0n, size }, region);
  const range = freeRange([{ at: 0n, size: physicalEnd }], taken, { size, align, below });
  if (range !== undefined) return range;
  throw new LayoutError(
    `${path}: ${sizeToText(size)} are not free below ${hex(below ?? physicalEnd)} at a multiple of ${sizeToText(align)}`,
    { code: "DOES_NOT_FIT", value: region, hint: "raise below, or move what has an address" },
  );
}
