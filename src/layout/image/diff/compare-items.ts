/** Compares things that have names and fields: those of one image with those of the other. */
import { hex } from "../../../core/hex.ts";
import type { ImageChange, ImageFieldChange, ImagePart } from "./image-change.ts";

/** What a field says: its text, or where equal things may be written differently, a value to compare besides. */
export type FieldText = string | { readonly text: string; readonly value: bigint };

/** Something that an image has, as far as a comparison needs it. */
export interface Item {
  /** What the changes call it; no other of its kind is called so. */
  readonly subject: string;
  readonly fields: Readonly<Record<string, FieldText>>;
  /** All of it in words, for what was added or removed. */
  readonly text: string;
}

/** What was added, removed and changed, in the order of the things before, then of those that are new. */
export function compareItems(part: ImagePart, before: readonly Item[], after: readonly Item[]): readonly ImageChange[] {
  const now = new Map(after.map((item) => [item.subject, item]));
  const old = new Set(before.map(({ subject }) => subject));
  return [
    ...before.flatMap((item) => compareItem(part, item, now.get(item.subject))),
    ...after.filter(({ subject }) => !old.has(subject)).flatMap((item) => compareItem(part, undefined, item)),
  ];
}

function compareItem(part: ImagePart, before: Item | undefined, after: Item | undefined): readonly ImageChange[] {
  const { subject } = (before ?? after)!;
  const whole = { part, subject, before: before?.text, after: after?.text, fields: [] };
  if (before === undefined) return [{ ...whole, kind: "added" }];
  if (after === undefined) return [{ ...whole, kind: "removed" }];
  const names = [...new Set([...Object.keys(before.fields), ...Object.keys(after.fields)])];
  const differing = names.filter((name) => !areEqual(before.fields[name], after.fields[name]));
  if (differing.length === 0) return [];
  const isOfOneForm = names.every((name) => name in before.fields && name in after.fields);
  if (!isOfOneForm) return [{ ...whole, kind: "changed" }];
  const fields = differing.map((name): ImageFieldChange => ({
    name,
    before: textOf(before.fields[name]!),
    after: textOf(after.fields[name]!),
  }));
  return [{ ...whole, kind: "changed", fields }];
}

function areEqual(before: FieldText | undefined, after: FieldText | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  if (textOf(before) === textOf(after)) return true;
  return typeof before === "object" && typeof after === "object" && before.value === after.value;
}

function textOf(field: FieldText): string {
  return typeof field === "string" ? field : field.text;
}

/** Values as fields: numbers from 10 up in hexadecimal, the rest as it is. */
export function fieldsOf(values: Readonly<Record<string, number | bigint | boolean | string>>): Item["fields"] {
  const textOf = (value: number | bigint | boolean | string): string =>
    (typeof value === "bigint" || typeof value === "number") && value >= 10 ? hex(value) : String(value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(value)]));
}
