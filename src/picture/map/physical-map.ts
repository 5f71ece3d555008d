/** Guest-physical memory: the regions, what lies in them, and what is mapped to no memory. */
import { hex } from "../../core/hex.ts";
import { sizeToText } from "../../core/units.ts";
import type { Chunk, MemoryRegion } from "../../layout/index.ts";
import { seenChunks } from "../../layout/image/seen-chunks.ts";
import type { PageContents } from "../page/contents.ts";
import { inOrder, type MapRange, type MemoryMap, type RangeKind } from "./map-range.ts";

/** The kinds of chunks by their names' first word; the others are data. */
const chunkKinds: Readonly<Record<string, RangeKind>> = {
  code: "code",
  page: "tables",
  gdt: "tables",
  ldt: "tables",
  idt: "tables",
  tss: "tables",
};

/** The map of physical addresses. */
export function physicalMap(contents: PageContents): MemoryMap {
  const { memory, paging } = contents.image;
  const isInMemory = (from: bigint, to: bigint) => memory.some(({ at, size }) => at <= from && to <= at + size);
  const unbacked = (paging?.mappings ?? [])
    .filter(({ backing, phys, size }) => backing === "none" && !isInMemory(phys, phys + size))
    .map(({ name, phys, size }): MapRange => {
      const detail = `${sizeToText(size)}, mapped, no memory`;
      return { from: phys, to: phys + size, lane: 0, kind: "unbacked", name, detail, target: undefined };
    });
  const ranges = inOrder([...memory.map(regionRange), ...unbacked, ...physicalContents(contents)]);
  const end = ranges.reduce((most, { to }) => (to > most ? to : most), 0n);
  const digits = Math.max(8, end.toString(16).length);
  return { id: "physical", title: "Physical addresses", ranges, more: 0, digits };
}

function regionRange(region: MemoryRegion): MapRange {
  const { name, kind, at, size } = region;
  const words = [
    sizeToText(size),
    name === kind ? "" : kind,
    region.kind === "alias" ? `of ${region.of}+${hex(region.offset)}` : "",
  ];
  const detail = words.filter((word) => word !== "").join(", ");
  return { from: at, to: at + size, lane: 0, kind, name, detail, target: undefined };
}

/** What lies in memory, by its physical addresses: chunks, aliases of them, and stacks. */
export function physicalContents({ image, anchors }: PageContents): readonly MapRange[] {
  const chunks = seenChunks(image).map(({ name, at, bytes }): MapRange => {
    const size = BigInt(bytes.length);
    const detail = sizeToText(size);
    return { from: at, to: at + size, lane: 1, kind: kindOf(name), name, detail, target: anchors.bytesAt(at) };
  });
  const stacks = image.stacks.map(({ name, phys, size }): MapRange => {
    const detail = sizeToText(size);
    return { from: phys, to: phys + size, lane: 1, kind: "stack", name: `stack ${name}`, detail, target: undefined };
  });
  return [...chunks, ...stacks];
}

function kindOf(name: Chunk["name"]): RangeKind {
  return chunkKinds[name.split(" ")[0]!] ?? "data";
}
