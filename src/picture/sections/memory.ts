/** The maps of memory, and what the page tables map as a list. */
import { hex } from "../../core/hex.ts";
import { sizeToText } from "../../core/units.ts";
import { pagingModeOf } from "../../paging/index.ts";
import { mapFigure } from "../map/map-figure.ts";
import { physicalMap } from "../map/physical-map.ts";
import { rightsToText, virtualMap } from "../map/virtual-map.ts";
import type { PageContents } from "../page/contents.ts";
import { html } from "../page/html.ts";
import { code, link, table, type Section } from "../page/parts.ts";
import { e820List, stackList } from "./memory-lists.ts";

/** Physical and virtual memory, drawn. */
export function memorySection(contents: PageContents): Section {
  const virtual = virtualMap(contents);
  const physical = physicalMap(contents);
  const body = html`<p class="faint">
      To scale; gaps are cut short. Click a range to see it close, drag to move, turn the wheel to zoom. Even sizes give
      every range room for its name.
    </p>
    <noscript><p>The drawings take JavaScript. The tables have the same ranges.</p></noscript>
    <div class="maps">
      ${physical.ranges.length === 0 ? undefined : mapFigure(physical)}
      ${virtual === undefined ? html`<p>${whyNoMap(contents)}</p>` : mapFigure(virtual)}
    </div>
    ${stackList(contents)} ${e820List(contents)}`;
  return { id: "memory", title: "Memory", body };
}

function whyNoMap({ space }: PageContents): string {
  return pagingModeOf(space.cpu) === "off" ? "Paging is off: addresses are physical." : "The page tables map nothing.";
}

/** What the guest's first page walk finds; nothing while paging is off. */
export function mappingsSection({ mapped, anchors, image }: PageContents): Section {
  const unbacked = new Set(image.paging?.mappings.filter(({ backing }) => backing === "none").map(({ name }) => name));
  const rows = mapped.ranges.map((range) => {
    const { name, virt, phys, size, global, pat, key, pages } = range;
    const notes = [
      unbacked.has(name ?? "") ? "no memory" : "",
      global ? "global" : "",
      pat === 0 ? "" : `PAT ${pat}`,
      key === 0 ? "" : `key ${key}`,
      ...Object.entries(pages).map(([page, number]) => `${number} x ${page}`),
    ];
    const cells = [
      name ?? "",
      code(`${hex(virt)} - ${hex(virt + size - 1n)}`),
      link(anchors.bytesAt(phys), code(hex(phys))),
      sizeToText(size),
      code(rightsToText(range)),
      notes.filter((note) => note !== "").join(", "),
    ];
    return { cells };
  });
  const columns = ["Name", "Virtual", "Physical", "Size", "Rights", "Pages"];
  return { id: "mappings", title: "Mappings", body: table("Mappings", columns, rows) };
}
