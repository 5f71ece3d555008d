/** Why a run ended, with links to the code that it is about. */
import { hex } from "../../core/hex.ts";
import type { Finding } from "../../kvm/explain/finding.ts";
import { locationToText, type GuestLocation } from "../../kvm/machine/location.ts";
import type { Anchors, Mention } from "../page/anchors.ts";
import { html, type Content } from "../page/html.ts";
import { link } from "../page/parts.ts";

/** What leads to the findings. */
export const findingsId = "why";

/** The findings, the most likely cause first. Nothing where there are none. */
export function findingsMarkup(findings: readonly Finding[], anchors: Anchors): Content {
  if (findings.length === 0) return undefined;
  const items = findings.map((finding) => {
    const { text, hint } = finding;
    const advice = hint === undefined ? undefined : html`<p class="hint">Hint: ${hint}</p>`;
    return html`<li>${linked(text, mentionsIn(finding, anchors))}${advice}</li> `;
  });
  return html`<h3 id="${findingsId}">Why it ended</h3>
    <ol class="findings">
      ${items}
    </ol>`;
}

/** What a finding names of the listing, in the words of its text. */
function mentionsIn(finding: Finding, anchors: Anchors): readonly Mention[] {
  const place = placeIn(finding);
  const address = "address" in finding ? finding.address : undefined;
  return [
    ...(place?.program === undefined
      ? []
      : mention(locationToText(place), anchors.place(locationToText({ ...place, source: undefined })))),
    ...(address === undefined ? [] : mention(hex(address), anchors.codeAt(address))),
  ];
}

function placeIn(finding: Finding): GuestLocation | undefined {
  if ("where" in finding) return finding.where;
  return finding.kind === "handler" ? finding.from : undefined;
}

function mention(name: string, target: string | undefined): readonly Mention[] {
  return target === undefined ? [] : [{ name, target }];
}

/** A text in which names lead to what they stand for. */
function linked(text: string, [mention, ...others]: readonly Mention[]): Content {
  if (mention === undefined) return text;
  const { name, target } = mention;
  const at = lastWord(text, name);
  if (at < 0) return linked(text, others);
  return [linked(text.slice(0, at), others), link(target, name), linked(text.slice(at + name.length), others)];
}

/** Where a name stands last as a word of its own, which 0x10 is not in 0x1000; -1 where it does not. */
function lastWord(text: string, name: string): number {
  let at = text.lastIndexOf(name);
  while (at >= 0 && (isWordAt(text, at - 1) || isWordAt(text, at + name.length))) {
    at = at === 0 ? -1 : text.lastIndexOf(name, at - 1);
  }
  return at;
}

function isWordAt(text: string, index: number): boolean {
  return /\w/.test(text.charAt(index));
}
