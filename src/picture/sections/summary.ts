/** What the guest is, in a few words, and what is suspicious about it. */
import { hex } from "../../core/hex.ts";
import { sizeToText } from "../../core/units.ts";
import { pagingModeOf } from "../../paging/index.ts";
import type { PageContents } from "../page/contents.ts";
import { html } from "../page/html.ts";
import { code, count, definitions, link, type Section } from "../page/parts.ts";

/** The first section. */
export function summarySection({ image, anchors, space, transcript }: PageContents): Section {
  const { mode, memory, chunks, programs, cpu, warnings } = image;
  const backed = memory.filter(({ kind }) => kind === "ram" || kind === "rom");
  const entry = cpu.segments.cs.base + cpu.regs.rip;
  const paging = pagingModeOf(cpu);
  const body = html`${definitions([
    ["Mode", mode],
    ["Entry", link(anchors.codeAt(cpu.regs.rip), code(hex(entry)))],
    [
      "Paging",
      paging === "off" ? "off" : html`${paging}, CR3 ${link(anchors.bytesAt(space.cpu.cr3), code(hex(space.cpu.cr3)))}`,
    ],
    ["Memory", `${sizeToText(backed.reduce((sum, { size }) => sum + size, 0n))} in ${count(backed.length, "region")}`],
    [
      "Content",
      `${sizeToText(BigInt(chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)))} in ${count(chunks.length, "chunk")}`,
    ],
    ["Programs", programs.map(({ name }, i) => [i === 0 ? "" : ", ", link(`program-${i}`, name)])],
    ["Run", transcript === undefined ? "none" : link("run", count(transcript.exits.length, "exit"))],
  ])}
  ${
    warnings.length === 0
      ? undefined
      : html`<h3>Warnings</h3>
          <ul class="warnings">
            ${warnings.map(({ message }) => html`<li>${message}</li> `)}
          </ul>`
  }`;
  return { id: "summary", title: "Summary", body };
}
