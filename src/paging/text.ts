/** An address space as text that a person can review, the same every time. */
import type { PhysAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { sizeToText } from "../core/units.ts";
import { pagingModeOf } from "./control-registers.ts";
import { MappingNames } from "./mapping-name.ts";
import type { AddressSpace } from "./memory.ts";
import { pageBytes, pagingModes, type PageSize, type PagingModeRules } from "./modes.ts";
import { ranges, type MappedRange } from "./ranges.ts";
import { collectionLimit, readTables, type TableProblem } from "./read-tables.ts";
import { virtualAddress } from "./virtual-address.ts";
import type { WalkLevel } from "./walk-rules.ts";

/**
 * What an address space maps, a line for each range: virtual addresses, physical addresses, size, what supervisor and
 * user mode may do, the rest, and the mapping's name. Ends with a newline.
 *
 * @example
 * ```ts
 * rangesToText(addressSpaceOf(tables));
 * // 4-level paging, CR3 0x0
 * // 0x0000000000000000-0x0000000000000fff  0x4000-0x4fff   4KiB  r-x ---  1x4KiB  text
 * // 0x0000000000001000-0x0000000000003fff  0x5000-0x7fff  12KiB  rwx ---  3x4KiB  data
 * ```
 */
export function rangesToText(space: AddressSpace): string {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return "paging is off\n";
  const rules = pagingModes[mode];
  const { ranges: found, problems } = ranges(space);
  const rows = found.map((range) => [
    `${address(rules, range.virt)}-${address(rules, range.virt + range.size - 1n)}`,
    `${hex(range.phys)}-${hex(range.phys + range.size - 1n)}`,
    sizeToText(range.size),
    rightsToText(range),
    pagesToText(range),
    range.name ?? "",
  ]);
  const lines = [`${mode} paging, CR3 ${hex(space.cpu.cr3)}`, ...table(rows, [2])];
  for (const problem of problems) lines.push(`${address(rules, problem.virt)}: ${problemToText(rules, problem)}`);
  return `${lines.join("\n")}\n`;
}

/** Rights of supervisor and user mode, then whatever else differs from a plain page. */
function rightsToText({ access, user, global, pat, key }: MappedRange): string {
  const rights = `r${access.includes("w") ? "w" : "-"}${access.includes("x") ? "x" : "-"}`;
  const extra = `${global ? " G" : ""}${pat === 0 ? "" : ` pat=${pat}`}${key === 0 ? "" : ` key=${key}`}`;
  return `${rights} ${user ? rights : "---"}${extra}`;
}

function pagesToText({ pages }: MappedRange): string {
  const sizes = (Object.keys(pageBytes) as PageSize[]).filter((size) => pages[size] !== undefined);
  return sizes.map((size) => `${pages[size]}x${size}`).join(" ");
}

function problemToText(rules: PagingModeRules, { kind, entry, at, value }: TableProblem): string {
  const where = entry === undefined ? `CR3 ${hex(value)}` : `${entry} ${hex(value)} at ${hex(at)}`;
  const what = {
    loop:
      rules.recursion && entry === rules.levels[0]!.entry ? "is a recursive slot" : "refers to a table above itself",
    reserved: "has a bit set that must be zero",
    "no-memory": "refers to a table where there is no memory",
    limit: "is where the reader stops: there is too much",
  };
  return `${where} ${what[kind]}`;
}

function address({ virtualBits }: PagingModeRules, virt: bigint): string {
  return hex(virt, virtualBits === 32 ? 8 : 16);
}

/** Columns of the same width, the ones in `right` flush with their right side. */
function table(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  return rows.map((row) =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** Flags by the bits of an entry's low word, in the order in which they are printed. */
const flagNames: readonly (readonly [mask: number, name: string])[] = [
  [0x1, "P"],
  [0x2, "RW"],
  [0x4, "US"],
  [0x8, "PWT"],
  [0x10, "PCD"],
  [0x20, "A"],
];

/** Leaf entries side by side that differ in their address only. */
interface Leaves {
  readonly rules: WalkLevel;
  readonly first: number;
  /** The first physical page; `undefined` where the entries are not present. */
  readonly frame: number | undefined;
  /** The entries' words, those of pages without the address. */
  readonly low: number;
  readonly high: number;
  readonly name: string | undefined;
  end: number;
}

/** The bits of a page's entry, other than PAT's in a large page, that are no part of its address. */
const flagBits = { low: 0xfff, high: 0xfff0_0000 } as const;

/**
 * The page tables as a tree, a line for each table and for each run of equal entries, with the entries' own flags.
 * Ends with a newline.
 *
 * @param physical how it writes physical addresses; in hexadecimal unless given
 * @example
 * ```ts
 * tablesToText(addressSpaceOf(tables));
 * // 4-level paging, CR3 0x0
 * // PML4 at 0x0
 * //   [0] 0x0000000000000000 PDPT at 0x1000: P RW
 * //     [0] 0x0000000000000000 PD at 0x2000: P RW
 * //       [0] 0x0000000000000000 PT at 0x3000: P RW
 * //         [0] 0x0000000000000000 -> 0x4000 4KiB: P  text
 * //         [1..3] 0x0000000000001000 -> 0x5000 4KiB: P RW  data
 * ```
 */
export function tablesToText(space: AddressSpace, physical: (at: PhysAddr) => string = hex): string {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return "paging is off\n";
  const rules = pagingModes[mode];
  const lines = [`${mode} paging, CR3 ${physical(space.cpu.cr3)}`];
  const names = new MappingNames(space, rules);
  let leaves: Leaves | undefined;
  const depthOf = (name: string): number => rules.levels.findIndex(({ table }) => table === name);
  const indexOf = (depth: number, page: number): number => {
    const { shift, indexBits } = rules.levels[depth]!;
    return Math.floor(page / 2 ** (shift - 12)) % 2 ** indexBits;
  };
  const flush = (): void => {
    if (leaves === undefined) return;
    const { rules: level, first, frame, low, high, name, end } = leaves;
    leaves = undefined;
    const value = (BigInt(high) << 32n) | BigInt(low);
    const flags = frame === undefined ? `not present, ${hex(value)}` : flagsToText(value, level);
    const depth = rules.levels.indexOf(level.level);
    const index = indexOf(depth, first);
    const last = indexOf(depth, end - 1);
    const slots = index === last ? `[${index}]` : `[${index}..${last}]`;
    const to = frame === undefined ? "" : ` -> ${physical(BigInt(frame) << 12n)} ${level.level.page}`;
    const named = name === undefined ? "" : `  ${name}`;
    lines.push(
      `${"  ".repeat(depth + 1)}${slots} ${address(rules, virtualAddress(rules, first))}${to}: ${flags}${named}`,
    );
  };
  const add = (level: WalkLevel, first: number, frame: number | undefined, low: number, high: number): boolean => {
    const name = names.at(first);
    const pages = 2 ** (level.shift - 12);
    const follows =
      leaves !== undefined &&
      leaves.rules === level &&
      leaves.end === first &&
      leaves.low === low &&
      leaves.high === high &&
      leaves.name === name &&
      (leaves.frame === undefined ? undefined : leaves.frame + first - leaves.first) === frame &&
      (first / pages) % (level.indexMask + 1) !== 0;
    const end = first + pages;
    if (follows) leaves!.end = end;
    else {
      flush();
      leaves = { rules: level, first, frame, low, high, name, end };
    }
    return lines.length < collectionLimit;
  };
  readTables(space, {
    table: ({ at, table: name, virt, value }) => {
      flush();
      const depth = depthOf(name);
      if (depth === 0) return void lines.push(`${name} at ${physical(at)}`);
      const page = Number(BigInt.asUintN(rules.virtualBits, virt) >> 12n);
      const head = `${"  ".repeat(depth)}[${indexOf(depth - 1, page)}] ${address(rules, virt)}`;
      lines.push(`${head} ${name} at ${physical(at)}: ${flagsToText(value, undefined)}`);
    },
    page: (level, first, frame, low, high) => {
      const flags = flagBits.low | (1 << level.level.patBit);
      return add(level, first, frame, low & flags, (high & flagBits.high) >>> 0);
    },
    absent: (level, first, low, high) => add(level, first, undefined, low >>> 0, high >>> 0),
    problem: (problem) => {
      flush();
      const depth = rules.levels.findIndex(({ entry }) => entry === problem.entry);
      lines.push(`${"  ".repeat(depth + 1)}${address(rules, problem.virt)} ${problemToText(rules, problem)}`);
    },
  });
  flush();
  return `${lines.join("\n")}\n`;
}

function flagsToText(entry: bigint, page: WalkLevel | undefined): string {
  const low = Number(BigInt.asUintN(32, entry));
  const flags = flagNames.flatMap(([mask, name]) => ((low & mask) === 0 ? [] : [name]));
  if (page !== undefined) {
    if ((low & 0x40) !== 0) flags.push("D");
    if ((low & 0x100) !== 0) flags.push("G");
    if (((low >>> page.level.patBit) & 1) !== 0) flags.push("PAT");
    const key = Number((entry >> 59n) & 15n);
    if (key !== 0) flags.push(`key=${key}`);
    const software = ((low >>> 9) & 7) | (Number((entry >> 52n) & 0x7fn) << 3);
    if (software !== 0) flags.push(`software=${hex(software)}`);
  }
  if (entry >> 63n === 1n) flags.push("XD");
  return flags.join(" ");
}
