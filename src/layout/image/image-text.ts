/**
 * The image as text that a person can review: the memory map, the CPU, descriptors, gates, task states, mappings, page tables
 * entry by entry, listings, and the bytes that none of these show.
 */
import { listingToText } from "../../asm/index.ts";
import { hexdump } from "../../core/hexdump.ts";
import type { Chunk, Image, ImageProgram } from "../image.ts";
import { requireOptions } from "../layout-error.ts";
import { requireImage } from "./require-image.ts";
import { cpuLines } from "./text/cpu-lines.ts";
import { e820Lines, mappingLines, memoryLines, pageTableLines, stackLines } from "./text/memory-lines.ts";
import { physicalText, type PhysicalText } from "./text/physical-text.ts";
import { type Section, tableSections } from "./text/table-lines.ts";
import { toldBy } from "./told-chunks.ts";

/** What of an image the text shows. */
export interface ImageTextOptions {
  /** Whether listings say where each statement was written. Leave it out of snapshots: moving code would change them. */
  readonly source?: boolean;
  /**
   * Whether physical addresses that the layout found are numbers; they are unless this is false. Then they are written by what
   * they were found for, as in `data+0x10`: such text changes where the description does, and not with every page that the
   * layout moves.
   */
  readonly found?: boolean;
}

/**
 * The image as text: stable, the same for the same image.
 *
 * @throws LayoutError `BAD_DESCRIPTION` for what is no image
 * @example
 * ```ts
 * console.log(imageToText(image, { source: true }));
 * ```
 */
export function imageToText(image: Image, options: ImageTextOptions = {}): string {
  requireImage("imageToText", image);
  requireOptions("imageToText", ["source", "found"], options);
  const physical = physicalText(image, options.found ?? true);
  const sections: readonly Section[] = [
    ["memory map (physical)", memoryLines(image, physical)],
    ["stacks", stackLines(image, physical)],
    ["e820", e820Lines(image, physical)],
    [`cpu at entry (${image.mode})`, cpuLines(image, physical)],
    ...tableSections(image, physical),
    ["mappings", mappingLines(image, physical)],
    ["page tables", pageTableLines(image, physical)],
    ...image.programs.map((program) => programSection(program, options, physical)),
    ...otherChunks(image).map((chunk) => dataSection(chunk, physical)),
    ["warnings", image.warnings.map(({ message }) => message)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [title, ...lines.map((line) => `  ${line}`)].join("\n"))
    .join("\n\n");
}

function programSection(
  { name, mode, phys, sections, listing }: ImageProgram,
  options: ImageTextOptions,
  physical: PhysicalText,
): Section {
  const apart = sections.map((each) => `, ${each.name} ${physical.place(each.phys).replace("physical ", "")}`).join("");
  return [
    `listing: ${name} (${mode}-bit, ${physical.place(phys)}${apart})`,
    listingToText(listing, options).split("\n"),
  ];
}

/** The chunks whose bytes no other section shows: page tables entry by entry, other tables, a listing. */
function otherChunks(image: Image): readonly Chunk[] {
  const isTold = toldBy(image);
  return image.chunks.filter(
    (chunk) => !(image.paging !== undefined && chunk.name === "page tables") && !isTold(chunk),
  );
}

function dataSection({ name, at, bytes }: Chunk, physical: PhysicalText): Section {
  const offset = physical.offset(at);
  const where = offset === undefined ? "" : ` (${physical.place(at)})`;
  return [`data: ${name}${where}`, hexdump(bytes, offset ?? at).split("\n")];
}
