/** What an address space maps, as few ranges as there can be. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { pagingModeOf } from "./control-registers.ts";
import type { Access } from "./description.ts";
import { MappingNames } from "./mapping-name.ts";
import type { AddressSpace } from "./memory.ts";
import { pagingModes, type PageSize, type PagingModeRules } from "./modes.ts";
import { collectionLimit, readTables, rightExecute, rightUser, rightWrite, type TableProblem } from "./read-tables.ts";
import { virtualAddress } from "./virtual-address.ts";
import type { WalkLevel } from "./walk-rules.ts";

/** A virtual range that translates to a physical range, all of it with the same rights and memory type. */
export interface MappedRange {
  /** The mapping that it belongs to, where the address space names any. */
  readonly name: string | undefined;
  readonly virt: VirtAddr;
  readonly phys: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
  /** What all levels together allow. */
  readonly access: Access;
  readonly user: boolean;
  readonly global: boolean;
  /** The index into the PAT, 0 to 7. */
  readonly pat: number;
  /** The protection key, 0 to 15; 0 in modes that have none. */
  readonly key: number;
  /** How many pages of each size it consists of. */
  readonly pages: Readonly<Partial<Record<PageSize, number>>>;
}

/** What an address space maps, and what in its tables cannot be followed. */
export interface AddressRanges {
  /** In the order of virtual addresses. */
  readonly ranges: readonly MappedRange[];
  readonly problems: readonly TableProblem[];
}

const accesses: readonly Access[] = ["r", "rw", "rx", "rwx"];

/**
 * Lists what an address space maps. Pages that follow each other in both address spaces, with the same rights, memory
 * type, protection key and G, are one range, whatever their size and their A and D bits; ranges end where a mapping
 * that the space names does.
 *
 * @example
 * ```ts
 * for (const { name, virt, phys, size, access } of ranges(addressSpaceOf(tables)).ranges) …
 * ```
 */
export function ranges(space: AddressSpace): AddressRanges {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return { ranges: [], problems: [] };
  const collector = new RangeCollector(space, pagingModes[mode]);
  const problems = readTables(space, { page: collector.add });
  return { ranges: collector.finish(), problems };
}

class RangeCollector {
  readonly #rules: PagingModeRules;
  readonly #names: MappingNames;
  readonly #found: MappedRange[] = [];
  #name: string | undefined;
  #first = 0;
  #next = -1;
  #frame = 0;
  #kind = -1;
  #pages: Partial<Record<PageSize, number>> = {};

  constructor(space: AddressSpace, rules: PagingModeRules) {
    this.#rules = rules;
    this.#names = new MappingNames(space, rules);
  }

  readonly add = (
    rules: WalkLevel,
    first: number,
    frame: number,
    low: number,
    high: number,
    rights: number,
  ): boolean => {
    const { level, shift } = rules;
    const pat = (((low >>> level.patBit) & 1) << 2) | ((low >>> 3) & 3);
    const key = this.#rules.protectionKeys ? (high >>> 27) & 15 : 0;
    const kind = rights | ((low & 0x100) >>> 5) | (pat << 4) | (key << 7);
    const crosses = this.#names.changesAt(first);
    if (crosses || first !== this.#next || kind !== this.#kind || frame !== this.#frame + first - this.#first) {
      this.#close();
      this.#name = this.#names.at(first);
      this.#first = first;
      this.#frame = frame;
      this.#kind = kind;
    }
    this.#next = first + 2 ** (shift - 12);
    this.#pages[level.page!] = (this.#pages[level.page!] ?? 0) + 1;
    return this.#found.length < collectionLimit;
  };

  finish(): readonly MappedRange[] {
    this.#close();
    return this.#found;
  }

  #close(): void {
    if (this.#kind === -1) return;
    const kind = this.#kind;
    this.#found.push({
      name: this.#name,
      virt: virtualAddress(this.#rules, this.#first),
      phys: BigInt(this.#frame) << 12n,
      size: BigInt(this.#next - this.#first) << 12n,
      access: accesses[((kind & rightWrite) !== 0 ? 1 : 0) | ((kind & rightExecute) !== 0 ? 2 : 0)]!,
      user: (kind & rightUser) !== 0,
      global: (kind & 8) !== 0,
      pat: (kind >>> 4) & 7,
      key: (kind >>> 7) & 15,
      pages: this.#pages,
    });
    this.#pages = {};
  }
}
