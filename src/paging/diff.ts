/** What changed between two address spaces. */
import type { VirtAddr } from "../core/address.ts";
import type { AddressSpace } from "./memory.ts";
import { ranges, type MappedRange } from "./ranges.ts";

/** What is said of a range on one side of a comparison. */
export type ComparedRange = Omit<MappedRange, "pages">;

/** What may differ between the two sides. */
export type ChangedField = "phys" | "access" | "user" | "global" | "pat" | "key";

/** A virtual range that is not the same in two address spaces. */
export interface RangeChange {
  readonly kind: "added" | "removed" | "changed";
  readonly virt: VirtAddr;
  /** In bytes. */
  readonly size: bigint;
  /** What the range was; `undefined` where it was not mapped. */
  readonly before: ComparedRange | undefined;
  /** What the range is; `undefined` where it is not mapped. */
  readonly after: ComparedRange | undefined;
  /** In what the two differ, where both are mapped. */
  readonly fields: readonly ChangedField[];
}

/** The part of a range from one virtual address to another. */
function cut(range: MappedRange, from: bigint, to: bigint): ComparedRange {
  const { pages: _, ...rest } = range;
  return { ...rest, virt: from, phys: range.phys + from - range.virt, size: to - from };
}

const fields: readonly ChangedField[] = ["phys", "access", "user", "global", "pat", "key"];

/**
 * Compares what two address spaces map: addresses, rights, G, memory type and key, in the order of virtual addresses.
 * Page sizes, A and D are not compared, and neither are names; the names say which mappings a change is in.
 *
 * @example
 * ```ts
 * diff(addressSpaceOf(before), addressSpaceOf(after));
 * // [{ kind: "changed", virt: 0x1000n, size: 0x3000n, fields: ["access"], before: { name: "data", … }, after: … }]
 * ```
 */
export function diff(before: AddressSpace, after: AddressSpace): readonly RangeChange[] {
  const changes: RangeChange[] = [];
  const [old, now] = [ranges(before).ranges, ranges(after).ranges];
  const edges = [...old, ...now].flatMap(({ virt, size }) => [virt, virt + size]);
  const sorted = [...new Set(edges)].toSorted((a, b) => (a < b ? -1 : 1));
  let [i, j] = [0, 0];
  for (let index = 0; index + 1 < sorted.length; index++) {
    const [from, to] = [sorted[index]!, sorted[index + 1]!];
    while (i < old.length && old[i]!.virt + old[i]!.size <= from) i++;
    while (j < now.length && now[j]!.virt + now[j]!.size <= from) j++;
    const was = partAt(old[i], from, to);
    const is = partAt(now[j], from, to);
    const differing = was === undefined || is === undefined ? [] : fields.filter((field) => was[field] !== is[field]);
    if (was === undefined ? is === undefined : is !== undefined && differing.length === 0) continue;
    const kind = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    changes.push({ kind, virt: from, size: to - from, before: was, after: is, fields: differing });
  }
  return changes;
}

function partAt(range: MappedRange | undefined, from: bigint, to: bigint): ComparedRange | undefined {
  return range === undefined || from < range.virt ? undefined : cut(range, from, to);
}
