/** Memory in the text form of an image: the map, the stacks, what the guest is told, and what its addresses lead to. */
import { hex } from "../../../core/hex.ts";
import { ranges, tablesToText, type Access } from "../../../paging/index.ts";
import type { Image, MemoryRegion } from "../../image.ts";
import { imageAddressSpace } from "../address-space.ts";
import { address, extent } from "./extent.ts";
import type { PhysicalText } from "./physical-text.ts";

/** Memory in address order, what lies in it beneath, and the gaps between, with what is mapped to them. */
export function memoryLines({ memory, chunks, stacks, paging }: Image, physical: PhysicalText): string[] {
  const unbacked = (paging?.mappings ?? [])
    .filter(({ backing }) => backing === "none")
    .filter(({ phys, size }) => !memory.some(({ at, size: length }) => at <= phys && phys + size <= at + length));
  const regions = [
    ...memory.map((region) => ({ at: region.at, size: region.size, text: regionToText(region) })),
    ...unbacked.map(({ phys, size, name }) => ({ at: phys, size, text: `no memory, mapped as ${name}` })),
  ];
  const contents = [
    ...chunks.map(({ at, bytes, name }) => ({ at, size: BigInt(bytes.length), name })),
    ...stacks.map(({ phys, size, name }) => ({ at: phys, size, name: `stack ${name}` })),
  ].toSorted(byAddress);
  const lines: string[] = [];
  let end = 0n;
  for (const { at, size, text } of regions.toSorted(byAddress)) {
    if (at > end) lines.push(`${extent(end, at - end)} no memory`);
    lines.push(`${extent(at, size)} ${text}`);
    const inside = contents.filter((each) => each.at >= at && each.at < at + size);
    lines.push(...inside.map((each) => `  ${physical.extent(each.at, each.size)} ${each.name}`));
    if (at + size > end) end = at + size;
  }
  return lines;
}

function byAddress(a: { readonly at: bigint }, b: { readonly at: bigint }): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}

function regionToText(region: MemoryRegion): string {
  const { name, kind } = region;
  const text = name === kind ? kind : `${kind} ${name}`;
  return region.kind === "alias" ? `${text} of ${region.of}+${hex(region.offset)}` : text;
}

/** The stacks, with the pages around them that fault. */
export function stackLines({ stacks, paging }: Image, physical: PhysicalText): string[] {
  return stacks.map(({ name, virt, phys, size, guard }) => {
    const behind = paging === undefined ? "" : ` -> ${physical.target(phys)}`;
    const guards = guard ? `, guard pages at ${address(virt - 0x1000n)} and ${address(virt + size)}` : "";
    return `${extent(virt, size)}${behind} ${name}${guards}`;
  });
}

/** The map of memory that the guest finds. */
export function e820Lines({ e820 }: Image, physical: PhysicalText): string[] {
  if (e820 === undefined) return [];
  return [physical.place(e820.at), ...e820.entries.map(({ at, size, type }) => `${extent(at, size)} ${type}`)];
}

const accessTexts: Readonly<Record<Access, string>> = { r: "r--", rw: "rw-", rx: "r-x", rwx: "rwx" };

/** The guest's address space as its first page walk would see it: read back from the tables, not from the description. */
export function mappingLines(image: Image, physical: PhysicalText): string[] {
  const unbacked = new Set(image.paging?.mappings.filter(({ backing }) => backing === "none").map(({ name }) => name));
  return ranges(imageAddressSpace(image)).ranges.map(({ name, virt, phys, size, access, user, pages }) => {
    const counts = Object.entries(pages).map(([page, count]) => `${count} x ${page}`);
    const notes = [user ? "user" : "", unbacked.has(name ?? "") ? "no memory" : "", ...counts].filter(
      (each) => each !== "",
    );
    return `${extent(virt, size)} -> ${physical.target(phys)} ${accessTexts[access]} ${name ?? "?"} (${notes.join(", ")})`;
  });
}

/** The page tables entry by entry, as a page walk would read them. */
export function pageTableLines(image: Image, physical: PhysicalText): string[] {
  if (image.paging === undefined) return [];
  return tablesToText(imageAddressSpace(image), physical.at).trimEnd().split("\n");
}
