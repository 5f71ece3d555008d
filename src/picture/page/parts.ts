/** Pieces that several sections of the page are made of. */
import { html, type Content, type Markup } from "./html.ts";
import { limits } from "./limits.ts";

/** A part of the page with a heading, which the contents lead to. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

/** Something that is in the page under its id. */
export function link(id: string | undefined, content: Content): Content {
  return id === undefined ? content : html`<a href="#${id}">${content}</a>`;
}

/** Text of fixed width: addresses, code. */
export function code(text: Content): Markup {
  return html`<code>${text}</code>`;
}

/** How many things there are: `1 exit`, `3 exits`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** Says how many things are not shown; nothing where all are. */
export function leftOut(number: number, thing: string): Markup | undefined {
  return number <= 0 ? undefined : html`<p class="left-out">${count(number, `more ${thing}`)} left out.</p>`;
}

/** A row of a table: its cells, and the id that leads to it. */
export interface Row {
  readonly id?: string | undefined;
  readonly cells: readonly Content[];
}

/** A table that scrolls sideways where it is too wide, up to {@link limits} rows. Nothing where there are no rows. */
export function table(label: string, columns: readonly string[], rows: readonly Row[]): Content {
  if (rows.length === 0) return undefined;
  const shown = rows.slice(0, limits.rows);
  const body = shown.map(
    ({ id, cells }) =>
      html`<tr${id === undefined ? "" : html` id="${id}"`}>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  );
  return html`${scrollingTable(label, columns, body)} ${leftOut(rows.length - shown.length, "row")}`;
}

/** A table of rows as they are, in a frame of a kind that scrolls sideways where the table is too wide. */
export function scrollingTable(
  label: string,
  columns: readonly string[],
  rows: readonly Content[],
  kind: "scroll" | "scroll listing" = "scroll",
): Markup {
  return html`<div class="${kind}" role="region" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** Names and values. */
export function definitions(entries: readonly (readonly [name: string, value: Content])[]): Markup {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div> `,
    )}
  </dl>`;
}
