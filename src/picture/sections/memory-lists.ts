/** What of memory a map does not tell: guard pages of stacks, and the map that the guest itself finds. */
import { hex } from "../../core/hex.ts";
import { sizeToText } from "../../core/units.ts";
import type { PageContents } from "../page/contents.ts";
import { html, type Content } from "../page/html.ts";
import { code, link, table } from "../page/parts.ts";

/** The stacks, with the pages around them that fault. */
export function stackList({ image }: PageContents): Content {
  if (image.stacks.length === 0) return undefined;
  const rows = image.stacks.map(({ name, virt, phys, size, guard }) => ({
    cells: [
      name,
      code(`${hex(virt, 8)} - ${hex(virt + size - 1n, 8)}`),
      code(hex(phys, 8)),
      sizeToText(size),
      guard ? [code(hex(virt - 0x1000n, 8)), " and ", code(hex(virt + size, 8))] : "none",
    ],
  }));
  return html`<h3>Stacks</h3>
    ${table("Stacks", ["Name", "Addresses", "Physical", "Size", "Guard pages"], rows)}`;
}

/** The map of memory that the guest finds. */
export function e820List({ image, anchors }: PageContents): Content {
  if (image.e820 === undefined) return undefined;
  const { at, entries } = image.e820;
  const rows = entries.map((entry) => ({
    cells: [code(`${hex(entry.at, 8)} - ${hex(entry.at + entry.size - 1n, 8)}`), sizeToText(entry.size), entry.type],
  }));
  return html`<h3>E820 <small class="faint">at physical ${link(anchors.bytesAt(at), code(hex(at, 8)))}</small></h3>
    ${table("E820", ["Addresses", "Size", "Type"], rows)}`;
}
