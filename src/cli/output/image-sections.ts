/** An image section by section, as text and as data. */
import { hex } from "../../core/hex.ts";
import { imageAddressSpace, imageNames, imageToText, type Image, type ImageTextOptions } from "../../layout/index.ts";
import { ranges, tablePages } from "../../paging/index.ts";
import { columns } from "./columns.ts";

/** A part of what is to be seen of an image. */
export type SectionName =
  | "memory"
  | "cpu"
  | "descriptors"
  | "mappings"
  | "tables"
  | "listing"
  | "symbols"
  | "data"
  | "warnings";

/** Each section with what the titles of its blocks in the image's text begin with; symbols are no part of that text. */
const titles: Readonly<Record<SectionName, readonly string[]>> = {
  memory: ["memory map", "stacks", "e820"],
  cpu: ["cpu at entry"],
  descriptors: ["gdt", "ldt", "tss", "idt", "interrupt vectors"],
  mappings: ["mappings"],
  tables: ["page tables"],
  listing: ["listing"],
  symbols: [],
  data: ["data"],
  warnings: ["warnings"],
};

/** The sections, in the order in which they are shown. */
export const sectionNames: readonly SectionName[] = Object.keys(titles) as SectionName[];

/** For names of what a section shows, the section. */
export const sectionHints: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(titles).flatMap(([section, shown]) => shown.map((title) => [title, `${section} has it`])),
);

/** The sections of one image. */
export interface ImageSections {
  /** The blocks of a section: a title and lines each. */
  asText(name: SectionName): readonly (readonly string[])[];
  /** What each section holds, as plain data. */
  readonly asData: Readonly<Record<SectionName, () => unknown>>;
}

/** Takes an image apart. */
export function imageSections(image: Image, options: ImageTextOptions): ImageSections {
  const blocks = imageToText(image, options)
    .split(/\n\n(?=\S)/)
    .map((block) => block.split("\n"));
  const space = imageAddressSpace(image);
  return {
    asText: (name) => {
      if (name === "symbols") return symbolBlocks(image);
      return blocks.filter(([title]) => titles[name].some((begin) => title!.startsWith(begin)));
    },
    asData: {
      memory: () => ({
        regions: image.memory,
        chunks: image.chunks.map(({ name, at, bytes }) => ({ name, at, size: bytes.length })),
        stacks: image.stacks,
        e820: image.e820,
      }),
      cpu: () => ({ mode: image.mode, ...image.cpu }),
      descriptors: () => ({ gdt: image.gdt, ldts: image.ldts, tasks: image.tasks, idt: image.idt }),
      mappings: () => ranges(space).ranges,
      tables: () => tablePages(space),
      listing: () => image.programs,
      symbols: () => imageNames(image),
      data: () => image.chunks,
      warnings: () => image.warnings,
    },
  };
}

function symbolBlocks(image: Image): string[][] {
  const rows = imageNames(image).map(({ name, kind, value, physical }) => [
    hex(value, 8),
    kind === "physical" || physical === undefined ? "" : `physical ${hex(physical, 8)}`,
    kind,
    name,
  ]);
  return rows.length === 0 ? [] : [["symbols", ...columns(rows).map((row) => `  ${row}`)]];
}
