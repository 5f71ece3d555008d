/** From tables back to the description that builds them. */
import { pagingModeOf } from "./control-registers.ts";
import type { AbsentMapping, Access, Mapping, PagingDescription, RecursiveSlot } from "./description.ts";
import type { AddressSpace } from "./memory.ts";
import { pagingModes, type PagingModeRules } from "./modes.ts";
import { PagingError } from "./paging-error.ts";
import { collectionLimit, readTables, type TableProblem } from "./read-tables.ts";
import { virtualAddress } from "./virtual-address.ts";
import { rootOf } from "./walk.ts";
import type { WalkLevel } from "./walk-rules.ts";

/** A description that was read, and what in the tables it cannot say. */
export interface ReadDescription {
  readonly description: PagingDescription;
  /** What was not followed; a recursive slot is part of the description instead. */
  readonly problems: readonly TableProblem[];
}

/** Equal entries side by side, as they are collected. */
interface Piece {
  readonly level: WalkLevel;
  readonly first: number;
  /** The first physical page of 4 KiB; `undefined` where nothing is present. */
  readonly frame: number | undefined;
  /** The entry without its address, or the whole of one that is not present. */
  readonly low: number;
  readonly high: number;
  end: number;
}

/**
 * Reads the description of an address space back from its tables: mappings with the flags that the pages' own entries
 * have, one for each run of equal pages. Building it gives the same tables again, as long as the entries above the pages
 * have the flags that the pages need, and the tables lie in the order in which they are built.
 *
 * @throws PagingError `BAD_ARGUMENT` while paging is off
 */
export function readDescription(space: AddressSpace): ReadDescription {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") {
    const { cr0 } = space.cpu;
    throw new PagingError("there are no page tables to read: CR0.PG is clear", { code: "BAD_ARGUMENT", value: cr0 });
  }
  const rules = pagingModes[mode];
  const pieces: Piece[] = [];
  const problems = readTables(space, {
    page: (level, first, frame, low, high) => {
      // Of a page's low word, the flags are the bits up to the PAT bit; of its high word, those from bit 52 up.
      const flags = level.level.patBit === 12 ? 0x1fff : 0xfff;
      return collect(pieces, {
        level,
        first,
        frame,
        low: low & flags,
        high: high & ~0xf_ffff,
        end: pagesAfter(level, first),
      });
    },
    absent: (level, first, low, high) => {
      return collect(pieces, { level, first, frame: undefined, low, high, end: pagesAfter(level, first) });
    },
  });
  const slot = rules.recursion
    ? problems.find(({ kind, entry }) => kind === "loop" && entry === rules.levels[0]!.entry)
    : undefined;
  return {
    description: {
      mode,
      tables: BigInt(rootOf(space.cpu.cr3, rules.rootBits, rules.rootShift)),
      mappings: pieces.flatMap((piece) => (piece.frame === undefined ? [] : [mappingOf(rules, piece, piece.frame)])),
      absent: pieces.flatMap((piece) => (piece.frame === undefined ? absentOf(rules, piece) : [])),
      ...(slot === undefined ? {} : { recursive: recursiveOf(rules, slot) }),
    },
    problems: problems.filter((problem) => problem !== slot),
  };
}

function pagesAfter({ shift }: WalkLevel, first: number): number {
  return first + 2 ** (shift - 12);
}

/** Adds an entry to the last piece where it goes on from there, as a new one elsewhere. */
function collect(pieces: Piece[], piece: Piece): boolean {
  const last = pieces.at(-1);
  const goesOn =
    last !== undefined &&
    last.level === piece.level &&
    last.end === piece.first &&
    last.low === piece.low &&
    last.high === piece.high &&
    (last.frame === undefined ? undefined : last.frame + piece.first - last.first) === piece.frame;
  if (goesOn) last.end = piece.end;
  else pieces.push(piece);
  return pieces.length < collectionLimit;
}

function mappingOf(rules: PagingModeRules, { level, first, end, low, high }: Piece, frame: number): Mapping {
  const { level: rule } = level;
  const execute = !rules.executeDisable || high >= 0;
  const pat = (((low >>> rule.patBit) & 1) << 2) | ((low >>> 3) & 3);
  const key = rules.protectionKeys ? (high >>> 27) & 15 : 0;
  const software = ((low >>> 9) & 7) | (rules.softwareBits === 10 ? ((high >>> 20) & 0x7f) << 3 : 0);
  const virt = virtualAddress(rules, first);
  return {
    name: `page ${virt.toString(16)}`,
    virt,
    phys: BigInt(frame) << 12n,
    size: BigInt(end - first) << 12n,
    access: `r${(low & 2) === 0 ? "" : "w"}${execute ? "x" : ""}` as Access,
    pageSize: rule.page!,
    ...((low & 4) === 0 ? {} : { user: true }),
    ...((low & 0x20) === 0 ? {} : { accessed: true }),
    ...((low & 0x40) === 0 ? {} : { dirty: true }),
    ...((low & 0x100) === 0 ? {} : { global: true }),
    ...(pat === 0 ? {} : { cache: { pat } }),
    ...(key === 0 ? {} : { key }),
    ...(software === 0 ? {} : { software }),
  };
}

/** Nothing for an entry too high up to be one of a page. */
function absentOf(rules: PagingModeRules, { level, first, end, low, high }: Piece): AbsentMapping[] {
  const { page } = level.level;
  if (page === undefined) return [];
  const virt = virtualAddress(rules, first);
  const payload = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return [{ name: `absent ${virt.toString(16)}`, virt, size: BigInt(end - first) << 12n, payload, pageSize: page }];
}

function recursiveOf({ levels, executeDisable }: PagingModeRules, { at, value }: TableProblem): RecursiveSlot {
  const execute = !executeDisable || value >> 63n === 0n;
  const entryBytes = levels[0]!.indexBits === 10 ? 4n : 8n;
  return {
    slot: Number((at & 0xfffn) / entryBytes),
    access: `r${(value & 2n) === 0n ? "" : "w"}${execute ? "x" : ""}` as Access,
    ...((value & 4n) === 0n ? {} : { user: true }),
  };
}
