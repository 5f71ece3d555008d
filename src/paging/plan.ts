/**
 * From segments to runs of equal pages, and from runs to the number of tables: everything that has to be known before
 * memory is allocated. Time and space are in the number of mappings, not of pages.
 */
import { hex } from "../core/hex.ts";
import { sizeToText } from "../core/units.ts";
import { physicalBitsOf } from "./check-description.ts";
import type { PagingDescription, TableCount } from "./description.ts";
import { pageBytes, pagingModes, tableBytes, type PageSize, type PagingModeRules } from "./modes.ts";
import { PagingError } from "./paging-error.ts";
import { nameOf, type Segment, type SegmentOwner } from "./segments.ts";

/** Pages of one size, side by side in both address spaces, that differ in their address only. */
export interface Run {
  /** The level whose entries map these pages, as an index into the mode's levels: 0 is the root. */
  readonly depth: number;
  /** The number of the first virtual page, in 4 KiB pages. */
  readonly first: number;
  /** The number of the virtual page after the last. */
  readonly end: number;
  /** The number of the first physical page. */
  readonly frame: number;
  readonly owner: SegmentOwner;
}

/** The geometry of one level, in 4 KiB pages. */
export interface LevelSpan {
  /** What one entry covers. */
  readonly entry: number;
  /** What one table covers. */
  readonly table: number;
}

/** What is to be built. */
export interface Plan {
  readonly runs: readonly Run[];
  readonly spans: readonly LevelSpan[];
  /** The number of tables of each level, from the root down. */
  readonly tables: readonly number[];
  readonly count: TableCount;
}

/** What a description's tables may take where it does not say, in bytes: 256 MiB. */
export const defaultBudget: bigint = 1n << 28n;

/** Plans the tables of a description's segments. */
export function planOf(description: PagingDescription, segments: readonly Segment[]): Plan {
  const rules = pagingModes[description.mode];
  const spans = rules.levels.map(({ shift, indexBits }) => ({
    entry: 2 ** (shift - 12),
    table: 2 ** (shift - 12 + indexBits),
  }));
  const runs = segments.flatMap((segment) => runsOf(description, rules, spans, segment));
  const tables = countPerLevel(spans, runs);
  const total = tables.reduce((sum, each) => sum + each, 0);
  const pages: Partial<Record<PageSize, number>> = {};
  for (const { owner, depth, first, end } of runs) {
    const { page } = rules.levels[depth]!;
    if (owner.kind === "mapping" && page !== undefined)
      pages[page] = (pages[page] ?? 0) + (end - first) / spans[depth]!.entry;
  }
  const levels = rules.levels.map(({ table }, depth) => ({ table, tables: tables[depth]! }));
  return { runs, spans, tables, count: { tables: total, bytes: BigInt(total) * BigInt(tableBytes), levels, pages } };
}

/** Throws where the tables take more than the description allows. */
export function checkBudget(description: PagingDescription, { tables, bytes }: TableCount): void {
  const budget = description.budget ?? defaultBudget;
  if (bytes <= budget) return;
  throw new PagingError(
    `the page tables take ${bytes} bytes (${tables} tables), but the budget is ${sizeToText(budget)}`,
    {
      code: "OVER_BUDGET",
      value: bytes,
      hint: `say \`budget: ${bytes}n\` in the description to allow it, or use larger pages`,
    },
  );
}

function runsOf(
  description: PagingDescription,
  rules: PagingModeRules,
  spans: readonly LevelSpan[],
  segment: Segment,
): Run[] {
  const { owner, end } = segment;
  if (owner.kind === "recursive") return [{ depth: 0, first: segment.first, end, frame: 0, owner }];
  const most = pageBytes[largestPage(description, owner)];
  const depths = rules.levels.flatMap(({ page }, depth) =>
    page !== undefined && pageBytes[page] <= most ? [depth] : [],
  );
  const runs: Run[] = [];
  let { first, frame } = segment;
  while (first < end) {
    const depth = depths.find((each) => {
      const { entry } = spans[each]!;
      return first % entry === 0 && frame % entry === 0 && end - first >= entry;
    })!;
    const { entry } = spans[depth]!;
    // These pages go on until larger ones can begin, or until the last one that fits.
    const larger = depths.findLast((each) => each < depth && (first - frame) % spans[each]!.entry === 0);
    const next = larger === undefined ? end : Math.ceil((first + 1) / spans[larger]!.entry) * spans[larger]!.entry;
    const fits = first + Math.floor((end - first) / entry) * entry;
    const stop = larger !== undefined && next + spans[larger]!.entry <= end ? Math.min(next, fits) : fits;
    runs.push({ depth, first, end: stop, frame, owner });
    checkReach(description, rules, depth, frame + stop - first, owner);
    frame += stop - first;
    first = stop;
  }
  return runs;
}

function largestPage(description: PagingDescription, owner: Exclude<SegmentOwner, { kind: "recursive" }>): PageSize {
  if (owner.kind === "absent") return owner.mapping.pageSize ?? "4KiB";
  const wish = owner.mapping.pageSize ?? description.pageSize ?? "largest";
  if (wish !== "largest") return wish;
  return description.largest ?? (description.mode === "32-bit" ? "4MiB" : "2MiB");
}

/** 4 KiB pages of 32-bit paging reach 4 GiB; only its 4 MiB pages reach further (PSE-36). */
function checkReach(
  description: PagingDescription,
  rules: PagingModeRules,
  depth: number,
  endFrame: number,
  owner: SegmentOwner,
): void {
  const { pse36, page } = rules.levels[depth]!;
  const bits = pse36 ? physicalBitsOf(description) : Math.min(physicalBitsOf(description), rules.tableBits);
  if (endFrame <= 2 ** (bits - 12)) return;
  throw new PagingError(
    `${nameOf(owner)} needs pages of ${page} up to physical ${hex((BigInt(endFrame) << 12n) - 1n)}, but their addresses have ${bits} bits`,
    { code: "BEYOND_PHYSICAL", value: owner, hint: "align it so that pages of 4MiB fit" },
  );
}

/** Runs are sorted, so a table is new where its number is past that of the last one on its level. */
function countPerLevel(spans: readonly LevelSpan[], runs: readonly Run[]): number[] {
  return spans.map(({ table }, depth) => {
    if (depth === 0) return 1;
    let count = 0;
    let seen = -1;
    for (const run of runs) {
      if (run.depth < depth) continue;
      const last = Math.floor((run.end - 1) / table);
      count += last - Math.max(Math.floor(run.first / table), seen + 1) + 1;
      seen = last;
    }
    return count;
  });
}
