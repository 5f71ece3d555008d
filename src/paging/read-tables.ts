/**
 * Reads a whole address space back from memory: ours, a guest's after it ran, or a foreign one. Every entry is checked
 * as a walk would check it; what a walk would not follow is reported and not followed.
 */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { pagingModeOf } from "./control-registers.ts";
import type { AddressSpace } from "./memory.ts";
import type { EntryName, PagingModeRules, TableName } from "./modes.ts";
import { virtualAddress } from "./virtual-address.ts";
import { rootOf } from "./walk.ts";
import { walkRulesOf, type WalkLevel } from "./walk-rules.ts";

/** Something in page tables that a reader does not follow. */
export interface TableProblem {
  /**
   * `loop`: the entry refers to a table above itself, as a recursive slot does. `reserved`: a bit is set that must be
   * zero. `no-memory`: the table that the entry refers to lies where there is no memory. `limit`: the tables refer to
   * the same tables too often, or map too many things that have nothing in common; the reader stops here.
   */
  readonly kind: "loop" | "reserved" | "no-memory" | "limit";
  /** The entry in question; `undefined` where CR3 is. */
  readonly entry: EntryName | undefined;
  /** The entry's physical address; CR3's own value where there is no entry. */
  readonly at: PhysAddr;
  /** The entry, or CR3. */
  readonly value: bigint;
  /** The first virtual address that the entry is for. */
  readonly virt: VirtAddr;
  /** How many bytes of virtual addresses it is for. */
  readonly size: bigint;
}

/** A table that the tables refer to. */
export interface TablePage {
  readonly at: PhysAddr;
  readonly table: TableName;
  /** The first virtual address that it is for. */
  readonly virt: VirtAddr;
  /** How many bytes of virtual addresses it is for. */
  readonly size: bigint;
  /** The entry that refers to it; CR3 for the root. */
  readonly value: bigint;
}

/** R/W at every level, as a bit of the rights that a visitor is given. */
export const rightWrite = 1;
/** U/S at every level. */
export const rightUser = 2;
/** XD at no level. */
export const rightExecute = 4;

/** What a reader tells, in the order of virtual addresses, counted in 4 KiB pages. It goes on as long as it hears true. */
export interface TableVisitor {
  /**
   * A page is mapped.
   *
   * @param first the number of its first virtual page of 4 KiB, without the sign extension
   * @param frame the number of its first physical page of 4 KiB
   * @param rights of all levels together
   */
  readonly page?: (
    level: WalkLevel,
    first: number,
    frame: number,
    low: number,
    high: number,
    rights: number,
  ) => boolean;
  /** An entry is not present, but not zero either. */
  readonly absent?: (level: WalkLevel, first: number, low: number, high: number) => boolean;
  /** A table is entered, before the entries in it. */
  readonly table?: (page: TablePage) => void;
  /** Something is not followed; the reader's result lists it, too. */
  readonly problem?: (problem: TableProblem) => void;
}

/**
 * How many times a reader enters tables that it has been to: 2^14. Kernels share some; tables that share all of theirs
 * could keep a reader busy for 2^36 pages.
 */
const revisitLimit = 2 ** 14;

/** How many things a reader's visitor should collect before it ends the reading: 2^20. */
export const collectionLimit: number = 2 ** 20;

/** Reads an address space. Says what it did not follow; nothing while paging is off. */
export function readTables(space: AddressSpace, visitor: TableVisitor): readonly TableProblem[] {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return [];
  const { rules, levels } = walkRulesOf(mode, space.cpu);
  const reader = new Reader(space, rules, levels, visitor);
  const root = rootOf(space.cpu.cr3, rules.rootBits, rules.rootShift);
  const whole = { entry: undefined, at: space.cpu.cr3, value: space.cpu.cr3 };
  reader.enter(root, 0, 0, rightWrite | rightUser | rightExecute, whole);
  return reader.problems;
}

/** The tables of an address space, each before the ones below it, in the order of virtual addresses. */
export function tablePages(space: AddressSpace): readonly TablePage[] {
  const pages: TablePage[] = [];
  readTables(space, { table: (page) => void pages.push(page) });
  return pages;
}

interface Referrer {
  readonly entry: EntryName | undefined;
  readonly at: bigint;
  readonly value: bigint;
}

class Reader {
  readonly problems: TableProblem[] = [];
  readonly #space: AddressSpace;
  readonly #rules: PagingModeRules;
  readonly #levels: readonly WalkLevel[];
  readonly #visitor: TableVisitor;
  readonly #path: number[] = [];
  readonly #known = new Set<number>();
  #revisits = 0;

  constructor(space: AddressSpace, rules: PagingModeRules, levels: readonly WalkLevel[], visitor: TableVisitor) {
    this.#space = space;
    this.#rules = rules;
    this.#levels = levels;
    this.#visitor = visitor;
  }

  /** Enters the table at an address, which is for the virtual pages from `first` on. False where the limit is reached. */
  enter(table: number, depth: number, first: number, rights: number, from: Referrer): boolean {
    const { level, shift, indexMask } = this.#levels[depth]!;
    const pages = 2 ** (shift - 12);
    const size = pages * (indexMask + 1);
    if (this.#path.includes(table)) {
      this.#report("loop", from, first, size);
      return true;
    }
    if (this.#space.memory.readU32(table) === undefined) {
      this.#report("no-memory", from, first, size);
      return true;
    }
    if (this.#known.has(table) && ++this.#revisits > revisitLimit) {
      this.#report("limit", from, first, size);
      return false;
    }
    this.#known.add(table);
    this.#visitor.table?.({
      at: BigInt(table),
      table: level.table,
      virt: virtualAddress(this.#rules, first),
      size: bytesOf(size),
      value: from.value,
    });
    this.#path.push(table);
    const goesOn = this.#readEntries(table, depth, first, rights);
    this.#path.pop();
    return goesOn;
  }

  #readEntries(table: number, depth: number, base: number, rights: number): boolean {
    const rules = this.#levels[depth]!;
    const { readU32 } = this.#space.memory;
    const { level, maps, pageLow, pageHigh, tableLow, tableHigh } = rules;
    const { entryBytes } = this.#rules;
    const pages = 2 ** (rules.shift - 12);
    for (let index = 0, at = table, first = base; index <= rules.indexMask; index++, at += entryBytes, first += pages) {
      const low = readU32(at) ?? 0;
      const high = entryBytes === 4 ? 0 : (readU32(at + 4) ?? 0);
      if ((low & 1) === 0) {
        const goesOn = (low | high) === 0 || (this.#visitor.absent?.(rules, first, low, high) ?? true);
        if (!goesOn) return this.#stop(level.entry, at, low, high, first, pages);
        continue;
      }
      const isPage = maps === "always" || (maps === "with PS" && (low & 0x80) !== 0);
      const reserved = isPage ? (low & pageLow) | (high & pageHigh) : (low & tableLow) | (high & tableHigh);
      if (reserved !== 0) {
        if (this.problems.length >= collectionLimit) return this.#stop(level.entry, at, low, high, first, pages);
        this.#report("reserved", referrer(level.entry, at, low, high), first, pages);
        continue;
      }
      const here = level.permissions ? rights & (((low >> 1) & 3) | (high >>> 31 === 0 ? rightExecute : 0)) : rights;
      if (!isPage) {
        const below = (high & 0xf_ffff) * 0x1_0000_0000 + ((low & 0xffff_f000) >>> 0);
        if (!this.enter(below, depth + 1, first, here, referrer(level.entry, at, low, high))) return false;
      } else if (this.#visitor.page !== undefined) {
        const upper = level.pse36 ? (low >>> 13) & 0xff : high & 0xf_ffff;
        const frame = upper * 0x10_0000 + ((low & -(2 ** rules.shift)) >>> 12);
        const goesOn = this.#visitor.page(rules, first, frame, low, high, here);
        if (!goesOn) return this.#stop(level.entry, at, low, high, first, pages);
      }
    }
    return true;
  }

  #stop(entry: EntryName, at: number, low: number, high: number, first: number, pages: number): false {
    this.#report("limit", referrer(entry, at, low, high), first, pages);
    return false;
  }

  #report(kind: TableProblem["kind"], { entry, at, value }: Referrer, first: number, pages: number): void {
    const problem = { kind, entry, at, value, virt: virtualAddress(this.#rules, first), size: bytesOf(pages) };
    this.problems.push(problem);
    this.#visitor.problem?.(problem);
  }
}

function referrer(entry: EntryName, at: number, low: number, high: number): Referrer {
  return { entry, at: BigInt(at), value: (BigInt(high) << 32n) | BigInt(low) };
}

function bytesOf(pages: number): bigint {
  return BigInt(pages) << 12n;
}
