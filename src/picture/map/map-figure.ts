/** A map on the page: the drawing that the script keeps, its buttons, and the same as a table. */
import { hex } from "../../core/hex.ts";
import { html, jsonScript, type Markup } from "../page/html.ts";
import { limits } from "../page/limits.ts";
import { leftOut, link, table } from "../page/parts.ts";
import { MapAxis, type AxisScale } from "./map-axis.ts";
import type { MapRange, MemoryMap, RangeKind } from "./map-range.ts";

/** What colours mean, in the order of the legend. */
const kindNames: Readonly<Record<RangeKind, string>> = {
  ram: "RAM",
  rom: "ROM",
  alias: "alias",
  mmio: "MMIO",
  reserved: "reserved",
  unbacked: "no memory",
  guard: "guard page",
  r: "r--",
  rw: "rw-",
  rx: "r-x",
  rwx: "rwx",
  code: "code",
  tables: "tables",
  data: "data",
  stack: "stack",
};

/** What a button does to the view; the script knows the words. */
const buttons = [
  ["in", "Zoom in", "+"],
  ["out", "Zoom out", "−"],
  ["up", "To lower addresses", "↑"],
  ["down", "To higher addresses", "↓"],
  ["all", "Show all", "All"],
] as const;

/** A map as a figure. */
export function mapFigure({ id, title, ranges, more, digits }: MemoryMap): Markup {
  const shown = ranges.slice(0, limits.mapRanges);
  const kinds = (Object.keys(kindNames) as RangeKind[]).filter((kind) => shown.some((range) => range.kind === kind));
  const rows = shown.map((range, index) => ({ cells: cells(id, range, index, digits) }));
  return html`<figure class="map" id="map-${id}" data-map="${id}" aria-labelledby="map-${id}-title">
    <figcaption>
      <h3 id="map-${id}-title">${title}</h3>
      <div class="buttons" role="group" aria-label="View of ${title.toLowerCase()}">
        ${buttons.map(([action, label, sign]) => html`<button type="button" data-action="${action}" aria-label="${label}" title="${label}">${sign}</button> `)}<button
          type="button"
          data-action="scale"
          aria-pressed="false"
          title="Room for every name, or lengths to scale"
        >
          Even sizes
        </button>
      </div>
    </figcaption>
    <svg
      tabindex="0"
      role="img"
      aria-label="${title}, drawn. Plus and minus zoom, arrows move, 0 shows all; the table below has the same ranges."
      aria-describedby="map-${id}-view"
    ></svg>
    <p class="view"><output id="map-${id}-view" aria-live="polite"></output></p>
    <ul class="legend" aria-label="Colours">
      ${kinds.map((kind) => html`<li><span class="swatch kind-${kind}"></span>${kindNames[kind]}</li>`)}
    </ul>
    <details>
      <summary>${title} as a table</summary>
      ${table(`${title} as a table`, ["First", "Last", "What", "", "View"], rows)}
    </details>
    ${leftOut(more + ranges.length - shown.length, "range")} ${jsonScript(`map-${id}-data`, drawing(shown, digits))}
  </figure>`;
}

function cells(id: string, { from, to, lane, name, detail, target }: MapRange, index: number, digits: number) {
  return [
    html`<code>${hex(from, digits)}</code>`,
    html`<code>${hex(to - 1n, digits)}</code>`,
    html`<span class="lane-${lane}">${link(target, name)}</span>`,
    detail,
    html`<button type="button" data-map="${id}" data-range="${index}" aria-label="Zoom to ${name}">Zoom</button>`,
  ];
}

/** What the script draws: numbers for places, finished text for everything else. */
function drawing(ranges: readonly MapRange[], digits: number): unknown {
  const axes: Readonly<Record<AxisScale, MapAxis>> = { scaled: MapAxis.scaled(ranges), even: MapAxis.even(ranges) };
  return {
    digits,
    axes: Object.values(axes).map(({ pieces }) =>
      pieces.map(({ from, to, start, length, isGap }) => [String(from), String(to - from), start, length, isGap]),
    ),
    ranges: ranges.map(({ from, to, lane, kind, name, detail }) => ({
      places: Object.values(axes).map((axis) => [axis.at(from), axis.at(to)]),
      lane,
      kind,
      name,
      detail,
      extent: `${hex(from, digits)} - ${hex(to - 1n, digits)}`,
    })),
  };
}
