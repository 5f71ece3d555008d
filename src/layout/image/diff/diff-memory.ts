/** What changed in the memory of an image: regions, stacks, the map that the guest finds, and warnings about them. */
import { hex } from "../../../core/hex.ts";
import { sizeToText } from "../../../core/units.ts";
import type { Image, MemoryRegion } from "../../image.ts";
import { compareItems, type Item } from "./compare-items.ts";
import type { ImageChange } from "./image-change.ts";

/** A range of addresses with its size. */
function extent(at: bigint, size: bigint): string {
  return `${hex(at)}..${hex(at + size - 1n)} (${sizeToText(size)})`;
}

function regionItem(region: MemoryRegion): Item {
  const { name, kind, at, size } = region;
  const shown = region.kind === "alias" ? { of: region.of, offset: hex(region.offset) } : undefined;
  const what = shown === undefined ? kind : `alias of ${shown.of} from ${shown.offset} on`;
  return {
    subject: `memory ${name}`,
    fields: { kind, at: hex(at), size: sizeToText(size), ...shown },
    text: `${what} at ${extent(at, size)}`,
  };
}

/** Regions by their names. */
export function diffMemory(before: Image, after: Image): readonly ImageChange[] {
  return compareItems("memory", before.memory.map(regionItem), after.memory.map(regionItem));
}

/** Stacks by their names. With paging each is a mapping of its name, which has the addresses. */
export function diffStacks(before: Image, after: Image): readonly ImageChange[] {
  const items = ({ stacks, paging }: Image): readonly Item[] =>
    stacks.map(({ name, virt, phys, size, guard }) => ({
      subject: `stack ${name}`,
      fields: {
        guard: String(guard),
        ...(paging === undefined ? { virt: hex(virt), phys: hex(phys), size: sizeToText(size) } : {}),
      },
      text: `${extent(virt, size)} at physical ${hex(phys)}, ${guard ? "with" : "without"} guard pages`,
    }));
  return compareItems("stack", items(before), items(after));
}

/** The E820 map's ranges by their first address. */
export function diffE820(before: Image, after: Image): readonly ImageChange[] {
  const map = ({ e820 }: Image): readonly Item[] => {
    if (e820 === undefined) return [];
    const fields = { at: hex(e820.at), virt: hex(e820.virt) };
    return [{ subject: "e820", fields, text: `a map of ${e820.entries.length} ranges at physical ${hex(e820.at)}` }];
  };
  const ranges = ({ e820 }: Image): readonly Item[] =>
    (e820?.entries ?? []).map(({ at, size, type }) => ({
      subject: `e820 ${hex(at)}`,
      fields: { size: sizeToText(size), type },
      text: `${type} ${extent(at, size)}`,
    }));
  const ofMap = compareItems("e820", map(before), map(after));
  if (before.e820 === undefined || after.e820 === undefined) return ofMap;
  return [...ofMap, ...compareItems("e820", ranges(before), ranges(after))];
}

/** Warnings by their messages. */
export function diffWarnings(before: Image, after: Image): readonly ImageChange[] {
  const messages = ({ warnings }: Image): readonly string[] => warnings.map(({ message }) => message);
  const [old, now] = [messages(before), messages(after)];
  const change = { part: "warning", subject: "warning", fields: [], before: undefined, after: undefined } as const;
  return [
    ...old
      .filter((each) => !now.includes(each))
      .map((each): ImageChange => ({ ...change, kind: "removed", before: each })),
    ...now
      .filter((each) => !old.includes(each))
      .map((each): ImageChange => ({ ...change, kind: "added", after: each })),
  ];
}
