/** What changed between two images, as data and in words. */

/** The part of an image that a change is in. */
export type ImagePart =
  | "mode"
  | "memory"
  | "cpu"
  | "gdt"
  | "ldt"
  | "tss"
  | "idt"
  | "paging"
  | "mapping"
  | "stack"
  | "e820"
  | "program"
  | "statement"
  | "label"
  | "data"
  | "warning"
  | "image";

/** A field that differs. */
export interface ImageFieldChange {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** One difference between two images. Plain data; {@link imageChangesToText} puts it in words. */
export interface ImageChange {
  readonly part: ImagePart;
  readonly kind: "added" | "removed" | "changed";
  /** What changed, as the text names it: `gdt data`, `mapping text`, `guest:loop+0x4`. */
  readonly subject: string;
  /** What it was, a line for each statement or row of bytes; `undefined` for what was added. */
  readonly before: string | undefined;
  /** What it is; `undefined` for what was removed. */
  readonly after: string | undefined;
  /** In what the two differ, where both have the same fields; else nothing, and `before` and `after` say all. */
  readonly fields: readonly ImageFieldChange[];
}

/**
 * Changes in words, a line for each; of several statements or rows of bytes, a line for each of these below, with `-` or `+`
 * before it. No changes give an empty text.
 *
 * @example
 * ```ts
 * imageChangesToText(diffImages(before, after));
 * // mapping data: access rw -> rwx
 * // guest+0x7: added nop
 * ```
 */
export function imageChangesToText(changes: readonly ImageChange[]): string {
  return changes.map(changeToText).join("\n");
}

function changeToText({ subject, before, after, fields }: ImageChange): string {
  if (fields.length > 0) {
    return `${subject}: ${fields.map((field) => `${field.name} ${field.before} -> ${field.after}`).join(", ")}`;
  }
  const [old, now] = [linesOf(before), linesOf(after)];
  if (old.length <= 1 && now.length <= 1) return `${subject}: ${inOneLine(old[0], now[0])}`;
  return [`${subject}: ${countsToText(old.length, now.length)}`, ...marked("-", old), ...marked("+", now)].join("\n");
}

function linesOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split("\n");
}

function inOneLine(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `added ${after}`;
  return after === undefined ? `removed ${before}` : `${before} -> ${after}`;
}

function countsToText(before: number, after: number): string {
  const lines = (count: number): string => `${count} ${count === 1 ? "line" : "lines"}`;
  if (before === 0) return `added ${lines(after)}`;
  return after === 0 ? `removed ${lines(before)}` : `${lines(before)} -> ${lines(after)}`;
}

function marked(mark: string, lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${mark} ${line}`);
}
