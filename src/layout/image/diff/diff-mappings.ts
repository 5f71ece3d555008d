/** What changed in the address space of an image: its mappings by their names, then what only the tables' bytes say. */
import { hex } from "../../../core/hex.ts";
import { sizeToText } from "../../../core/units.ts";
import { diff, type ComparedRange, type RangeChange } from "../../../paging/index.ts";
import type { Image, ImageMapping } from "../../image.ts";
import { imageAddressSpace } from "../address-space.ts";
import { compareItems, type Item } from "./compare-items.ts";
import type { ImageChange, ImageFieldChange } from "./image-change.ts";

/** The paging mode, and where its tables begin. */
export function diffPaging(before: Image, after: Image): readonly ImageChange[] {
  const items = ({ paging }: Image): readonly Item[] => {
    if (paging === undefined) return [];
    const { mode, root } = paging;
    return [{ subject: "paging", fields: { mode, root: hex(root) }, text: `${mode}, tables at physical ${hex(root)}` }];
  };
  return compareItems("paging", items(before), items(after));
}

/** Mappings by their names; ranges that the tables map otherwise although their mappings are the same. */
export function diffMappings(before: Image, after: Image): readonly ImageChange[] {
  const items = ({ paging }: Image): readonly Item[] => (paging?.mappings ?? []).map(mappingItem);
  const described = compareItems("mapping", items(before), items(after));
  const known = new Set(described.map(({ subject }) => subject));
  const isKnown = (range: ComparedRange | undefined): boolean => known.has(`mapping ${range?.name}`);
  const found = diff(imageAddressSpace(before), imageAddressSpace(after));
  return [...described, ...found.filter((each) => !isKnown(each.before) && !isKnown(each.after)).map(rangeChange)];
}

/** How each field of a mapping reads; where it is not given, what that means. */
const mappingFields: {
  readonly [Name in Exclude<keyof ImageMapping, "name">]-?: (value: ImageMapping[Name]) => string;
} = {
  virt: (value) => hex(value),
  phys: (value) => hex(value),
  size: (value) => sizeToText(value),
  access: (value) => value,
  backing: (value) => value,
  user: (value) => String(value ?? false),
  global: (value) => String(value ?? false),
  accessed: (value) => String(value ?? false),
  dirty: (value) => String(value ?? false),
  cache: ({ pat, pwt = false, pcd = false } = {}) => `pat ${pat ?? (pcd ? 2 : 0) + (pwt ? 1 : 0)}`,
  key: (value) => String(value ?? 0),
  software: (value) => hex(value ?? 0),
  pageSize: (value) => value ?? "by default",
  override: (value) => String(value ?? false),
};

function mappingItem(mapping: ImageMapping): Item {
  const { name, virt, phys, size, access } = mapping;
  const readers = Object.entries(mappingFields) as [keyof typeof mappingFields, (value: unknown) => string][];
  return {
    subject: `mapping ${name}`,
    fields: Object.fromEntries(readers.map(([field, read]) => [field, read(mapping[field])])),
    text: `${rangeText({ virt, phys, size, access })}${mapping.user === true ? " user" : ""}`,
  };
}

function rangeText({ virt, phys, size, access }: Pick<ComparedRange, "virt" | "phys" | "size" | "access">): string {
  return `${hex(virt)}..${hex(virt + size - 1n)} (${sizeToText(size)}) to ${hex(phys)} ${access}`;
}

function rangeChange({ kind, virt, size, before, after, fields }: RangeChange): ImageChange {
  const name = before?.name ?? after?.name;
  const where = `${hex(virt)}..${hex(virt + size - 1n)}`;
  const text = (value: bigint | number | string | boolean): string =>
    typeof value === "bigint" ? hex(value) : String(value);
  return {
    part: "mapping",
    kind,
    subject: `page tables for ${where}${name === undefined ? "" : ` in ${name}`}`,
    before: before && rangeText(before),
    after: after && rangeText(after),
    fields: fields.map((name): ImageFieldChange => ({ name, before: text(before![name]), after: text(after![name]) })),
  };
}
