/** The run: its exits as a timeline and one by one, why it ended, and the registers at its end. */
import { hex } from "../../core/hex.ts";
import type { TranscriptExit, Transcript } from "../../kvm/transcript/transcript.ts";
import { isSettled } from "../../kvm/transcript/guest-place.ts";
import { exitToText } from "../../kvm/transcript/transcript-text.ts";
import { flagsToText } from "../../layout/entry/control-register-text.ts";
import type { Anchors } from "../page/anchors.ts";
import type { PageContents } from "../page/contents.ts";
import { html, type Content } from "../page/html.ts";
import { limits } from "../page/limits.ts";
import { code, count, leftOut, link, scrollingTable, table, type Section } from "../page/parts.ts";
import { findingsId, findingsMarkup } from "./findings.ts";

/** What the guest did. Empty where nothing is known of a run. */
export function runSection({ transcript, findings, anchors }: PageContents): Section {
  const parts = [
    transcript && exitsMarkup(transcript, anchors, findings.length > 0),
    findingsMarkup(findings, anchors),
    transcript && endMarkup(transcript, anchors),
  ];
  return { id: "run", title: "Run", body: parts.every((part) => part === undefined) ? undefined : parts };
}

/** The exits. @param isExplained whether the page says why the last one ended the run */
function exitsMarkup({ exits }: Transcript, anchors: Anchors, isExplained: boolean): Content {
  const shown = exits.slice(0, limits.exits);
  const rows = shown.map((exit, index) => {
    const why = isExplained && index === exits.length - 1 ? link(findingsId, "why") : undefined;
    return html`<tr id="exit-${index}">
      <td>${index + 1}</td>
      <td>${exit.kind}</td>
      <td>
        <pre class="exit">${withoutKind(exit)}</pre>
        ${why}
      </td>
      <td>${whereLink(exit.where, anchors)}</td>
    </tr> `;
  });
  return html`<p class="faint">
      ${count(exits.length, "exit")}, in order, not to the clock. Accesses in a row to one port are one exit.
    </p>
    ${timeline(shown)} ${scrollingTable("Exits", ["", "Exit", "What", "Where"], rows)}
    ${leftOut(exits.length - shown.length, "exit")}`;
}

/** The exit's text without what has a column of its own. */
function withoutKind(exit: TranscriptExit): string {
  const fields = Object.entries(exit).filter(([name]) => name !== "where");
  return exitToText(Object.fromEntries(fields) as unknown as TranscriptExit)
    .slice(exit.kind.length)
    .replace(/^[:\s]+/, "");
}

function whereLink(where: string | undefined, anchors: Anchors): Content {
  return where === undefined ? undefined : link(anchors.place(where), code(where));
}

const picture = { width: 1000, left: 140, lane: 24, top: 12 } as const;

/** A lane for each kind of exit, in the order in which they come first; a mark for each exit. */
function timeline(exits: readonly TranscriptExit[]): Content {
  if (exits.length === 0) return undefined;
  const kinds = [...new Set(exits.map(({ kind }) => kind))];
  const { width, left, lane, top } = picture;
  const height = kinds.length * lane + 2 * top;
  const step = (width - left - 2 * top) / exits.length;
  const mark = Math.min(14, Math.max(1.5, step * 0.7));
  const y = (kind: TranscriptExit["kind"]) => top + (kinds.indexOf(kind) + 0.5) * lane;
  const lanes = kinds.map(
    (kind) =>
      html`<line class="lane" x1="${left}" x2="${width - top}" y1="${y(kind)}" y2="${y(kind)}" /><text
          x="${top}"
          y="${y(kind) + 4}"
          >${kind}</text
        > `,
  );
  const marks = exits.map((exit, i) => {
    const x = (left + top + i * step).toFixed(2);
    return html`<a href="#exit-${i}" aria-label="Exit ${i + 1}: ${exit.kind}"
      ><rect
        class="exit"
        x="${x}"
        y="${y(exit.kind) - 7}"
        width="${mark.toFixed(2)}"
        height="14"
        rx="${mark > 4 ? 2 : 0}"
        ><title>${i + 1}: ${exitToText(exit)}</title></rect
      ></a
    > `;
  });
  return html`<svg class="timeline" viewBox="0 0 ${width} ${height}" role="group" aria-label="Timeline of exits">
    ${lanes}${marks}
  </svg>`;
}

/** The registers that are not 0, or why there are none. */
function endMarkup({ exits, end }: Transcript, anchors: Anchors): Content {
  if (end === undefined) return unsettledMarkup(exits.at(-1));
  const rows = Object.entries(end.registers)
    .filter(([name, value]) => value !== 0n || name === "rip")
    .map(([name, value]) => {
      const register: bigint = value;
      const text = name === "rflags" ? flagsToText(name, register) : hex(register);
      return { cells: [code(name), code(text)] };
    });
  return html`<h3>At the end ${whereLink(end.where, anchors)}</h3>
    ${table("Registers at the end", ["Register", "Value"], rows)}`;
}

function unsettledMarkup(last: TranscriptExit | undefined): Content {
  if (last === undefined || isSettled(last.kind)) return undefined;
  return html`<h3>At the end</h3>
    <p>The registers after ${last.kind} differ between hosts. A page is the same on all, so it leaves them out.</p>`;
}
