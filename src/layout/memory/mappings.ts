/** The mappings of a guest: those of `paging.map`, and its stacks. */
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import { pageBytes, type PagingMode } from "../../paging/index.ts";
import type { GuestDescription, MappingDescription, StackDescription } from "../description/description.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { ImageMapping, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { requireMemory, requireNoMemory } from "./chunks.ts";
import { type Extent, extentToText, overlap, smallestPage } from "./extent.ts";
import { freeRanges, type SharedRequest } from "./free-range.ts";

/** The paging mode of a description; `undefined` where it has no paging. Throws where its mode cannot be so. */
export function pagingModeIn({ mode, paging }: GuestDescription): PagingMode | undefined {
  const { paging: allowed, needsPaging } = entryModes[mode];
  if (paging === undefined) {
    if (!needsPaging) return undefined;
    throw new LayoutError(`paging: ${mode} needs page tables`, { code: "INCONSISTENT", value: paging });
  }
  if (allowed.length === 0)
    throw new LayoutError(`paging: ${mode} has no paging`, { code: "INCONSISTENT", value: paging });
  const chosen = paging.mode ?? allowed[0]!;
  if (allowed.includes(chosen)) return chosen;
  throw new LayoutError(`paging.mode: ${mode} has no ${chosen} paging`, {
    code: "INCONSISTENT",
    value: chosen,
    hint: `it has ${allowed.join(" and ")} paging`,
  });
}

/** A mapping on its way: its physical addresses may still have to be found. */
interface Wanted {
  readonly path: string;
  readonly name: string;
  readonly description: MappingDescription | StackDescription;
  readonly size: bigint;
  /** What free physical addresses must be a multiple of, in bytes. */
  readonly align: bigint;
}

/**
 * The mappings of a description with paging, in its order; those without physical addresses get free ones of RAM.
 *
 * @param taken physical ranges that are not free, besides those that mappings say themselves
 */
export function mappingsOf(
  { paging, stacks = {} }: GuestDescription,
  memory: readonly MemoryRegion[],
  taken: readonly Extent[],
): ImageMapping[] {
  const wanted = [
    ...Object.entries(paging!.map).map(([name, description]): Wanted => {
      const size = toBytes(description.size)!;
      return { path: `paging.map.${name}`, name, description, size, align: alignmentOf(description) };
    }),
    ...Object.entries(stacks).map(([name, description]): Wanted => {
      const size = stackSize(name, description);
      return { path: `stacks.${name}`, name, description, size, align: smallestPage };
    }),
  ];
  const twice = Object.keys(stacks).find((name) => Object.hasOwn(paging!.map, name));
  if (twice !== undefined) {
    throw new LayoutError(`stacks.${twice}: a mapping has that name, too`, { code: "INCONSISTENT", value: twice });
  }
  const given = new Map(
    wanted.flatMap((each) => {
      const { path, size, description } = each;
      if (description.phys === undefined) return [];
      const range = { at: toBytes(description.phys)!, size };
      const check = optionsOf(description).backing === "ram" ? requireMemory : requireNoMemory;
      check(memory, range, path);
      return [[each, range] as const];
    }),
  );
  const open = wanted.filter((each) => !given.has(each));
  const requests = open.map((each) => requestOf(each, memory));
  const ranges = freeRanges(requests, [...taken, ...given.values()]);
  const found = new Map(open.map((each, i) => [each, ranges[i]!]));
  const mappings = wanted.map((each) => {
    const { name, description, size } = each;
    const phys = (given.get(each) ?? found.get(each)!).at;
    return { ...optionsOf(description), name, virt: toBytes(description.virt ?? phys)!, phys, size };
  });
  for (const name of Object.keys(stacks)) if (stacks[name]!.guard !== false) requireGuards(name, mappings);
  return mappings;
}

/** What a mapping is besides its addresses. */
function optionsOf(
  description: MappingDescription | StackDescription,
): Omit<ImageMapping, "name" | "virt" | "phys" | "size"> {
  if (!("access" in description)) {
    return { access: "rw", backing: "ram", ...(description.user === undefined ? {} : { user: description.user }) };
  }
  const { virt: _virt, phys: _phys, size: _size, in: _in, backing = "ram", ...options } = description;
  return { ...structuredClone(options), backing };
}

/** Free addresses begin where the pages that are asked for can. */
function alignmentOf({ pageSize }: MappingDescription): bigint {
  return pageSize === undefined || pageSize === "largest" ? smallestPage : pageBytes[pageSize];
}

/** The size of a stack in bytes: whole pages. */
export function stackSize(name: string, { size }: StackDescription): bigint {
  const bytes = toBytes(size)!;
  if (bytes !== 0n && bytes % smallestPage === 0n) return bytes;
  throw new LayoutError(`stacks.${name}.size: ${hex(bytes)} is not made of whole pages of 4096 bytes`, {
    code: "MISALIGNED",
    value: size,
  });
}

function requestOf({ path, description, size, align }: Wanted, memory: readonly MemoryRegion[]): SharedRequest {
  if ("backing" in description && description.backing === "none") {
    throw new LayoutError(`${path}: what has backing "none" needs phys`, {
      code: "INCONSISTENT",
      value: description.backing,
    });
  }
  const within = ramFor(`${path}.in`, description.in, memory);
  const refusal = (left: bigint): LayoutError =>
    new LayoutError(`${path}: no ${sizeToText(size)} of ${description.in ?? "RAM"} are free`, {
      code: "DOES_NOT_FIT",
      value: size,
      hint: roomHint(within, left, `set ${path}.phys to share memory`),
    });
  return { within, size, align, refusal };
}

/** How much room there is, and what to do where that is too little: make the regions larger, or something else. */
export function roomHint(regions: readonly MemoryRegion[], left: bigint, otherwise: string): string {
  if (regions.length === 0) return "memory has no RAM: add a region of it";
  const free = left === 0n ? "nothing is free" : `at most ${sizeToText(left)} are free in one piece`;
  return `${free}: make ${regions.map(({ name }) => `memory.${name}`).join(" or ")} larger, or ${otherwise}`;
}

/** The regions of RAM that something may lie in: all, or the one of a name. `path` is where the description names it. */
export function ramFor(
  path: string,
  name: string | undefined,
  memory: readonly MemoryRegion[],
): readonly MemoryRegion[] {
  const ram = memory.filter(({ kind }) => kind === "ram");
  if (name === undefined) return ram;
  const found = ram.filter((region) => region.name === name);
  if (found.length > 0) return found;
  throw new LayoutError(`${path}: no RAM is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${ram.map((region) => region.name).join(", ") || "none"}`,
  });
}

/** A stack that ran into a page that is mapped would overwrite it without a fault. */
function requireGuards(name: string, mappings: readonly ImageMapping[]): void {
  const stack = mappings.find((each) => each.name === name)!;
  const guards = [
    { what: "below", at: stack.virt - smallestPage, size: smallestPage },
    { what: "above", at: stack.virt + stack.size, size: smallestPage },
  ];
  for (const { what, ...guard } of guards) {
    const other = mappings.find(({ virt, size }) => overlap({ at: virt, size }, guard));
    if (other === undefined) continue;
    throw new LayoutError(
      `stacks.${name}: the guard page ${what} it, ${extentToText(guard)}, is mapped by ${other.name}`,
      {
        code: "OVERLAP",
        value: [name, other.name],
        hint: "leave a page free there, or set guard to false",
      },
    );
  }
}
