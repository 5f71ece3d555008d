/** The guest's programs, with links from names to what they stand for and back. */
import { hexBytes, hex } from "../../core/hex.ts";
import { sourceToText } from "../../core/source.ts";
import type { ImageProgram } from "../../layout/index.ts";
import type { Anchors } from "../page/anchors.ts";
import type { PageContents } from "../page/contents.ts";
import { html, type Content } from "../page/html.ts";
import { limits } from "../page/limits.ts";
import { code, leftOut, link, scrollingTable, type Section } from "../page/parts.ts";

type Line = ImageProgram["listing"][number];

/** A line that names something, to go back to. */
interface Reference {
  readonly line: string;
  readonly address: bigint;
}

/** All programs. */
export function listingSection({ image, anchors }: PageContents): Section {
  const references = referencesIn(image.programs, anchors);
  const programs = image.programs.map((program, index) => programMarkup(program, index, anchors, references));
  return { id: "listing", title: "Listing", body: programs.length === 0 ? undefined : programs };
}

/** By the id of what is named: the lines that name it. */
function referencesIn(programs: readonly ImageProgram[], anchors: Anchors): ReadonlyMap<string, readonly Reference[]> {
  const found = new Map<string, Reference[]>();
  for (const [program, { listing }] of programs.entries()) {
    for (const [index, { kind, text, address }] of listing.entries()) {
      const line = anchors.line(program, index);
      if (line === undefined || kind === "label") continue;
      const targets = anchors
        .pieces(program, text)
        .flatMap((piece) => (typeof piece === "string" ? [] : [piece.target]));
      for (const target of new Set(targets)) {
        const known = found.get(target) ?? [];
        found.set(target, known);
        known.push({ line, address });
      }
    }
  }
  return found;
}

function programMarkup(
  { name, mode, phys, sections, listing }: ImageProgram,
  program: number,
  anchors: Anchors,
  references: ReadonlyMap<string, readonly Reference[]>,
): Content {
  const rows = listing.flatMap((line, index) => {
    const id = anchors.line(program, index);
    if (id === undefined) return [];
    return [line.kind === "label" ? labelRow(id, line, references.get(id)) : statementRow(id, line, program, anchors)];
  });
  const place = (at: bigint) => link(anchors.bytesAt(at), code(hex(at, 8)));
  const apart = sections.map((section) => html`, ${section.name} at ${place(section.phys)}`);
  return html`<h3 id="program-${program}">
      ${name} <small class="faint">${mode}-bit, at physical ${place(phys)}${apart}</small>
    </h3>
    ${scrollingTable(`Listing of ${name}`, ["Address", "Bytes", "Statement", "Source"], rows, "scroll listing")}
    ${leftOut(listing.length - rows.length, "line")}`;
}

/** The most lines that a label says it is named in. */
const mostReferences = 20;

function labelRow(id: string, { text, address }: Line, references: readonly Reference[] = []): Content {
  const from = references.slice(0, mostReferences).map(({ line, address }) => [" ", link(line, code(hex(address)))]);
  const more = references.length > mostReferences ? ` and ${references.length - mostReferences} more` : "";
  return html`<tr class="label" id="${id}">
    <td>${addressLink(id, address)}</td>
    <td></td>
    <td>
      <code><b>${text}:</b></code>
    </td>
    <td class="faint">${references.length === 0 ? undefined : ["named at", from, more]}</td>
  </tr> `;
}

function statementRow(
  id: string,
  { text, address, bytes, source, writer }: Line,
  program: number,
  anchors: Anchors,
): Content {
  const shown = Array.from(bytes.subarray(0, limits.statementBytes));
  const rows = Array.from({ length: Math.ceil(shown.length / 8) }, (_, i) => hexBytes(shown.slice(i * 8, i * 8 + 8)));
  const left = bytes.length - shown.length;
  const dump = [
    rows.map((row, i) => [i === 0 ? undefined : html`<br />`, row]),
    left > 0 ? [html`<br />`, `… ${left} more`] : undefined,
  ];
  const statement = anchors
    .pieces(program, text)
    .map((piece) => (typeof piece === "string" ? piece : link(piece.target, piece.name)));
  const place = source === undefined ? undefined : sourceToText(source);
  const writtenBy = writer === undefined || writer === "keystone" ? undefined : ` [${writer}]`;
  return html`<tr id="${id}">
    <td>${addressLink(id, address)}</td>
    <td>${code(dump)}</td>
    <td>${code(statement)}</td>
    <td class="source">${place}${writtenBy}</td>
  </tr> `;
}

function addressLink(id: string, address: bigint): Content {
  return link(id, code(address.toString(16).padStart(8, "0")));
}
