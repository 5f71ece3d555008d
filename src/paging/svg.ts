/** An address space as a picture: virtual addresses to the left, physical ones to the right. */
import { hex } from "../core/hex.ts";
import { sizeToText } from "../core/units.ts";
import { pagingModeOf } from "./control-registers.ts";
import type { Access } from "./description.ts";
import type { AddressSpace } from "./memory.ts";
import { pagingModes } from "./modes.ts";
import { ranges, type MappedRange } from "./ranges.ts";
import { tablePages } from "./read-tables.ts";

/** Fill of a range by its access: told apart by lightness, too. */
const fills: Readonly<Record<Access, string>> = { r: "#d9e2ec", rw: "#9ecae9", rx: "#b5d99c", rwx: "#f2a65a" };
const tableFill = "#c3a6d8";
/** Physical memory that something maps. */
const memoryFill = "#f0f4f8";

/** A stretch of one address space, from `from` to the byte before `to`. */
interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

/** Where the addresses of one address space lie on the page, from top to bottom. */
class Axis {
  readonly #edges: readonly bigint[];
  /** The index of each edge. */
  readonly #indices: ReadonlyMap<bigint, number>;
  readonly #tops: readonly number[];

  /** Stretches get a height by the logarithm of their size, and so do the holes between them, though less. */
  constructor(stretches: readonly Stretch[], top: number) {
    this.#edges = [...new Set(stretches.flatMap(({ from, to }) => [from, to]))].toSorted((a, b) => (a < b ? -1 : 1));
    this.#indices = new Map(this.#edges.map((edge, index) => [edge, index]));
    const tops = [top];
    for (const [index, covering] of this.#covering(stretches).entries()) {
      const doublings = (this.#edges[index + 1]! - this.#edges[index]!).toString(2).length - 13;
      tops.push(tops[index]! + (covering > 0 ? 26 + Math.max(0, doublings) * 3 : 30));
    }
    this.#tops = tops;
  }

  get bottom(): number {
    return this.#tops.at(-1)!;
  }

  at(address: bigint): number {
    return this.#tops[this.#indices.get(address)!]!;
  }

  /** The stretches from edge to edge that something covers. */
  used(stretches: readonly Stretch[]): readonly Stretch[] {
    return this.#steps((covering) => covering > 0, stretches);
  }

  /** The stretches from edge to edge that nothing covers. */
  holes(stretches: readonly Stretch[]): readonly Stretch[] {
    return this.#steps((covering) => covering === 0, stretches);
  }

  /** The edges that a stretch begins at or goes across. */
  within({ from, to }: Stretch): readonly bigint[] {
    return this.#edges.slice(this.#indices.get(from), this.#indices.get(to));
  }

  #steps(wanted: (covering: number) => boolean, stretches: readonly Stretch[]): readonly Stretch[] {
    return this.#covering(stretches).flatMap((covering, index) =>
      wanted(covering) ? [{ from: this.#edges[index]!, to: this.#edges[index + 1]! }] : [],
    );
  }

  /** From edge to edge, how many of the stretches cover it. */
  #covering(stretches: readonly Stretch[]): readonly number[] {
    const changes = this.#edges.map(() => 0);
    for (const { from, to } of stretches) {
      changes[this.#indices.get(from)!]!++;
      changes[this.#indices.get(to)!]!--;
    }
    let covering = 0;
    return changes.slice(0, -1).map((change) => (covering += change));
  }
}

const left = { x: 170, width: 210 };
const right = { x: 560, width: 210 };
const width = 940;

/**
 * Draws an address space as an SVG document: each mapped range with its name, size and rights, where it lies in
 * physical memory, the holes, and the tables. Heights grow with the logarithm of the size.
 *
 * @example
 * ```ts
 * writeFileSync("space.svg", addressSpaceToSvg(addressSpaceOf(tables)));
 * ```
 */
export function addressSpaceToSvg(space: AddressSpace): string {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return document(60, [text(20, 36, "paging is off", "title")]);
  const { virtualBits } = pagingModes[mode];
  const digits = virtualBits === 32 ? 8 : 16;
  const found = ranges(space).ranges;
  const tables = tableStretches(space);
  const virtual = found.map(({ virt, size }) => ({ from: virt, to: virt + size }));
  const physical = found.map(({ phys, size }) => ({ from: phys, to: phys + size }));
  const virtualAxis = new Axis(virtual, 84);
  const physicalAxis = new Axis([...physical, ...tables], 84);
  const parts = [
    text(20, 32, `${mode} paging, CR3 ${hex(space.cpu.cr3)}`, "title"),
    text(left.x, 68, "virtual", "head"),
    text(right.x, 68, "physical", "head"),
    ...legend(),
  ];
  for (const range of found) parts.push(link(range, virtualAxis, physicalAxis));
  for (const hole of virtualAxis.holes(virtual)) parts.push(holeBox(left, hole, virtualAxis));
  for (const hole of physicalAxis.holes([...physical, ...tables])) parts.push(holeBox(right, hole, physicalAxis));
  for (const range of found) {
    const label = `${range.name ?? "mapped"}  ${rights(range)}  ${sizeToText(range.size)}`;
    parts.push(box(left, { from: range.virt, to: range.virt + range.size }, virtualAxis, fills[range.access], label));
    parts.push(text(left.x - 8, virtualAxis.at(range.virt) + 11, hex(range.virt, digits), "address end"));
  }
  const names = new Map<bigint, Set<string>>();
  for (const { name = "mapped", phys, size } of found) {
    for (const edge of physicalAxis.within({ from: phys, to: phys + size })) {
      names.set(edge, (names.get(edge) ?? new Set()).add(name));
    }
  }
  for (const stretch of physicalAxis.used(physical)) {
    parts.push(box(right, stretch, physicalAxis, memoryFill, [...names.get(stretch.from)!].join(", ")));
  }
  for (const stretch of tables) {
    parts.push(box({ x: right.x + right.width - 96, width: 96 }, stretch, physicalAxis, tableFill, stretch.label));
  }
  for (const from of new Set([...physicalAxis.used(physical), ...tables].map((stretch) => stretch.from))) {
    parts.push(text(right.x + right.width + 8, physicalAxis.at(from) + 11, hex(from), "address"));
  }
  return document(Math.max(virtualAxis.bottom, physicalAxis.bottom, 120) + 24, parts);
}

interface TableStretch extends Stretch {
  readonly label: string;
}

/** Tables of the same kind that lie side by side, as one. */
function tableStretches(space: AddressSpace): readonly TableStretch[] {
  const kinds = new Map(tablePages(space).map(({ at, table }) => [at, table]));
  const stretches: { from: bigint; to: bigint; table: string; count: number }[] = [];
  for (const [at, table] of [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const last = stretches.at(-1);
    if (last !== undefined && last.to === at && last.table === table) {
      last.to += 0x1000n;
      last.count++;
    } else stretches.push({ from: at, to: at + 0x1000n, table, count: 1 });
  }
  return stretches.map(({ from, to, table, count }) => ({
    from,
    to,
    label: count === 1 ? table : `${count} x ${table}`,
  }));
}

function rights({ access, user }: MappedRange): string {
  return `r${access.includes("w") ? "w" : "-"}${access.includes("x") ? "x" : "-"}${user ? " user" : ""}`;
}

function link({ virt, phys, size, access }: MappedRange, virtual: Axis, physical: Axis): string {
  const [x1, x2] = [left.x + left.width, right.x];
  const [a, b, c, d] = [virtual.at(virt), virtual.at(virt + size), physical.at(phys + size), physical.at(phys)];
  return `<polygon class="link" points="${x1},${a} ${x1},${b} ${x2},${c} ${x2},${d}" fill="${fills[access]}"/>`;
}

function box(
  column: { x: number; width: number },
  { from, to }: Stretch,
  axis: Axis,
  fill: string,
  label: string,
): string {
  const top = axis.at(from);
  const height = axis.at(to) - top;
  const rect = `<rect x="${column.x}" y="${top}" width="${column.width}" height="${height}" fill="${fill}"/>`;
  return `${rect}${text(column.x + 8, top + height / 2 + 4, label, "label")}`;
}

function holeBox(column: { x: number; width: number }, { from, to }: Stretch, axis: Axis): string {
  const top = axis.at(from);
  const rect = `<rect class="hole" x="${column.x}" y="${top}" width="${column.width}" height="${axis.at(to) - top}"/>`;
  return `${rect}${text(column.x + 8, top + 19, `hole  ${roughSize(to - from)}`, "faint")}`;
}

/** A size to the nearest unit: holes may be as large as the address space. */
function roughSize(bytes: bigint): string {
  const exact = sizeToText(bytes);
  const shift = [60n, 50n, 40n, 30n, 20n, 10n].find((each) => bytes >> each !== 0n) ?? 0n;
  return exact.length <= 8
    ? exact
    : `~${(bytes + (1n << shift) / 2n) >> shift}${["", "K", "M", "G", "T", "P", "E"][Number(shift / 10n)]}iB`;
}

function legend(): string[] {
  const entries = [...Object.entries(fills), ["table", tableFill]] as const;
  return entries.map(([label, fill], index) => {
    const x = 500 + index * 80;
    return `<rect x="${x}" y="20" width="14" height="14" fill="${fill}"/>${text(x + 20, 32, label, "label")}`;
  });
}

function text(x: number, y: number, content: string, kind: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text x="${x}" y="${y}" class="${kind}">${escaped}</text>`;
}

function document(height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<style>text{font:12px ui-monospace,monospace;fill:#1f2933;white-space:pre}.title{font-size:15px;font-weight:600}",
    ".head{font-weight:600}.address,.faint{fill:#616e7c}.end{text-anchor:end}rect{stroke:#52606d;stroke-width:.75}",
    ".hole{fill:none;stroke-dasharray:3 3;stroke:#9aa5b1}.link{opacity:.25}</style>",
    `<rect width="${width}" height="${height}" style="fill:#fff;stroke:none"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
