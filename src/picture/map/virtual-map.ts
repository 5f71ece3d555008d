/** The guest's address space: what the page tables map, what lies behind the mappings, and the guard pages of stacks. */
import { hex } from "../../core/hex.ts";
import { sizeToText } from "../../core/units.ts";
import { pagingModeOf, pagingModes, type AddressGap, type MappedRange } from "../../paging/index.ts";
import type { PageContents } from "../page/contents.ts";
import { limits } from "../page/limits.ts";
import { inOrder, type MapRange, type MemoryMap } from "./map-range.ts";
import { physicalContents } from "./physical-map.ts";

/** The map of virtual addresses; `undefined` while paging is off. */
export function virtualMap(contents: PageContents): MemoryMap | undefined {
  const { space, mapped } = contents;
  const mode = pagingModeOf(space.cpu);
  if (mode === "off" || mapped.ranges.length === 0) return undefined;
  const inside = physicalContents(contents);
  const ranges = mapped.ranges
    .slice(0, limits.mapRanges)
    .flatMap((range) => [mappingRange(range), ...inside.flatMap((each) => seenThrough(range, each))]);
  const guards = (space.gaps ?? []).map(guardRange);
  const digits = pagingModes[mode].virtualBits === 32 ? 8 : 16;
  const more = Math.max(0, mapped.ranges.length - limits.mapRanges);
  return { id: "virtual", title: "Virtual addresses", ranges: inOrder([...ranges, ...guards]), more, digits };
}

/** What supervisor mode may do, and whether user mode may, too: `r-x user`. */
export function rightsToText({ access, user }: Pick<MappedRange, "access" | "user">): string {
  return `r${access.includes("w") ? "w" : "-"}${access.includes("x") ? "x" : "-"}${user ? " user" : ""}`;
}

function mappingRange(range: MappedRange): MapRange {
  const { name = "mapped", virt, phys, size, access } = range;
  const detail = `${sizeToText(size)}, ${rightsToText(range)}, to ${hex(phys)}`;
  return { from: virt, to: virt + size, lane: 0, kind: access, name, detail, target: undefined };
}

function guardRange({ what, virt, size }: AddressGap): MapRange {
  const detail = `${sizeToText(size)}, not mapped`;
  return { from: virt, to: virt + size, lane: 0, kind: "guard", name: what, detail, target: undefined };
}

/** The part of something in physical memory that a mapping shows, at the addresses where it shows it. */
function seenThrough({ virt, phys, size }: MappedRange, inside: MapRange): readonly MapRange[] {
  const from = inside.from > phys ? inside.from : phys;
  const to = inside.to < phys + size ? inside.to : phys + size;
  return from < to ? [{ ...inside, from: virt + (from - phys), to: virt + (to - phys) }] : [];
}
