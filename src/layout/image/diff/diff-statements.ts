/**
 * What changed in a program, statement by statement. Statements are compared by their text: an instruction that is only
 * moved by one before it, and the numbers of labels in it, are no changes.
 */
import type { ListingLine } from "../../../asm/index.ts";
import type { VirtAddr } from "../../../core/address.ts";
import { codeAtAddress, codePlaceToText } from "../../../core/code-place.ts";
import { hex, hexBytes } from "../../../core/hex.ts";
import type { ImageProgram } from "../../image.ts";
import { diffBytes } from "./diff-bytes.ts";
import { editScript, type Edit } from "./edit-script.ts";
import type { ImageChange } from "./image-change.ts";

/** The lines that an edit removes or adds: labels apart, since they take no place. */
interface Part {
  /** The labels, and what stands behind each. */
  readonly labels: readonly (readonly [label: string, place: string])[];
  readonly statements: readonly ListingLine[];
}

/** What differs between two programs of the same name. */
export function diffStatements(before: ImageProgram, after: ImageProgram): readonly ImageChange[] {
  const edits = editsOf(before, after);
  const parts = edits.map((edit) => ({
    edit,
    old: partOf(before.listing, edit.from, edit.removed),
    now: partOf(after.listing, edit.to, edit.added),
  }));
  const labels = (of: "old" | "now"): ReadonlyMap<string, string> => new Map(parts.flatMap((part) => part[of].labels));
  return [
    ...parts.flatMap(({ edit, old, now }) => statementChanges(before, after, edit, old.statements, now.statements)),
    ...labelChanges(before.name, labels("old"), labels("now")),
    ...keptLines(before, after, edits)
      .filter(([{ kind, text }]) => kind === "data" && namelessData.test(text))
      .flatMap(([{ address, bytes }, other]) => diffBytes(placeOf(before, address), address, bytes, other.bytes)),
  ];
}

/** Statements that read the same and are encoded otherwise. */
export function diffEncodings(before: ImageProgram, after: ImageProgram): readonly ImageChange[] {
  return keptLines(before, after, editsOf(before, after))
    .map(([line, other]) => [line, hexBytes(line.bytes), hexBytes(other.bytes)] as const)
    .filter(([, old, now]) => old !== now)
    .map(([line, old, now]) => ({
      ...{ part: "statement", kind: "changed", fields: [] },
      subject: `${placeOf(before, line.address)} ${line.text}`,
      before: old,
      after: now,
    }));
}

/** Data whose text does not say its bytes. */
const namelessData = /^bytes of \d+$/;

function editsOf(before: ImageProgram, after: ImageProgram): readonly Edit[] {
  const keys = ({ listing }: ImageProgram): readonly string[] => listing.map(({ kind, text }) => `${kind} ${text}`);
  return editScript(keys(before), keys(after));
}

function partOf(listing: readonly ListingLine[], from: number, count: number): Part {
  const lines = listing.slice(from, from + count);
  const placeAt = (index: number): string => {
    const next = listing.slice(index).find(({ kind }) => kind !== "label");
    return next === undefined ? "at the end" : `before ${next.text}`;
  };
  return {
    labels: lines.flatMap(({ kind, text }, i) => (kind === "label" ? [[text, placeAt(from + i)] as const] : [])),
    statements: lines.filter(({ kind }) => kind !== "label"),
  };
}

/** As many statements for as many others are a change of each; else the edit is one change. */
function statementChanges(
  before: ImageProgram,
  after: ImageProgram,
  { from, to }: Edit,
  old: readonly ListingLine[],
  now: readonly ListingLine[],
): readonly ImageChange[] {
  const change = { part: "statement", fields: [] } as const;
  if (old.length === now.length) {
    return old.flatMap(({ address, text }, i): ImageChange[] => {
      const other = now[i]!.text;
      if (text === other) return [];
      return [{ ...change, kind: "changed", subject: placeOf(before, address), before: text, after: other }];
    });
  }
  const textOf = (lines: readonly ListingLine[]): string | undefined =>
    lines.length === 0 ? undefined : lines.map(({ text }) => text).join("\n");
  const [kind, subject] =
    old.length === 0
      ? (["added", placeAt(after, to)] as const)
      : ([now.length === 0 ? "removed" : "changed", placeAt(before, from)] as const);
  return [{ ...change, kind, subject, before: textOf(old), after: textOf(now) }];
}

function labelChanges(
  program: string,
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
): readonly ImageChange[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((label): ImageChange[] => {
    const [before, after] = [from.get(label), to.get(label)];
    if (before === after) return [];
    const kind = before === undefined ? "added" : after === undefined ? "removed" : "changed";
    return [{ part: "label", kind, subject: `label ${program}.${label}`, before, after, fields: [] }];
  });
}

/** The lines that both listings have, in pairs. */
function keptLines(
  { listing: before }: ImageProgram,
  { listing: after }: ImageProgram,
  edits: readonly Edit[],
): readonly (readonly [ListingLine, ListingLine])[] {
  const pairs: (readonly [ListingLine, ListingLine])[] = [];
  let [x, y] = [0, 0];
  for (const { from, removed, to, added } of [
    ...edits,
    { from: before.length, removed: 0, to: after.length, added: 0 },
  ]) {
    while (x < from) pairs.push([before[x++]!, after[y++]!]);
    [x, y] = [from + removed, to + added];
  }
  return pairs;
}

function placeAt(program: ImageProgram, index: number): string {
  const line = program.listing.slice(index).find(({ kind }) => kind !== "label");
  return line === undefined ? `${program.name} at the end` : placeOf(program, line.address);
}

/** An address in a program: `guest:loop+0x4`. */
function placeOf(program: ImageProgram, address: VirtAddr): string {
  const place = codeAtAddress([program], address);
  return place === undefined ? `${program.name} at ${hex(address)}` : codePlaceToText({ ...place, source: undefined });
}
