/**
 * The encoder. Entries are pairs of 32-bit words (one word in 32-bit paging), stored in little-endian order as x86 has
 * them; no bigint is made per entry.
 */
import type { PhysAddr } from "../core/address.ts";
import { accessRights } from "./check-description.ts";
import type { Access, Mapping, PagingDescription } from "./description.ts";
import { pagingModes, tableBytes, type PagingLevel } from "./modes.ts";
import type { Plan, Run } from "./plan.ts";

/** The flags of an entry, without an address: bits 0 to 31 and 32 to 63. */
interface EntryFlags {
  low: number;
  high: number;
}

const P = 0x1;
const RW = 0x2;
const US = 0x4;
const PWT = 0x8;
const PCD = 0x10;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
/** XD is bit 63. */
const XD_HIGH = 0x8000_0000;

/**
 * Writes the planned tables into `bytes`, which are zero and lie at `at`. Says whether any entry has XD set.
 */
export function fillTables(
  description: PagingDescription,
  plan: Plan,
  at: PhysAddr,
  bytes: Uint8Array,
): { readonly executeDisabled: boolean } {
  const rules = pagingModes[description.mode];
  const { levels, entryBytes } = rules;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const entryWords = entryBytes / 4;
  const tableWords = tableBytes / 4;
  const baseFrame = Number(at >> 12n);
  // The tables of a level are numbered in the order in which the runs meet them; `last` is the virtual number of the
  // newest one, `made` how many there are. Tables that one run touches follow each other in both.
  const start = plan.tables.map((_, depth) => plan.tables.slice(0, depth).reduce((sum, each) => sum + each, 0));
  const made: number[] = levels.map((_, depth) => (depth === 0 ? 1 : 0));
  const last: number[] = levels.map((_, depth) => (depth === 0 ? 0 : -1));
  let executeDisabled = false;

  const tableIndex = (depth: number, table: number): number =>
    start[depth]! + made[depth]! - 1 - (last[depth]! - table);
  const putAddress = (word: number, flags: EntryFlags, frame: number): void => {
    words[word]! |= ((frame & 0xf_ffff) << 12) | flags.low;
    if (entryWords === 2) words[word + 1]! |= Math.floor(frame / 0x10_0000) | flags.high;
  };

  /** Makes the tables of one level that a run needs and has their parents refer to them. */
  const link = (run: Run, depth: number): void => {
    const flags = parentFlags(description, levels[depth - 1]!, run);
    if (flags.high < 0) executeDisabled = true;
    const span = plan.spans[depth]!.table;
    const parent = plan.spans[depth - 1]!;
    const end = Math.floor((run.end - 1) / span);
    for (let table = Math.floor(run.first / span); table <= end; table++) {
      if (table > last[depth]!) {
        last[depth] = table;
        made[depth]!++;
      }
      const above = Math.floor((table * span) / parent.table);
      const index = table - above * (parent.table / parent.entry);
      putAddress(
        tableIndex(depth - 1, above) * tableWords + index * entryWords,
        flags,
        baseFrame + tableIndex(depth, table),
      );
    }
  };

  for (const run of plan.runs) {
    for (let depth = 1; depth <= run.depth; depth++) link(run, depth);
    const { owner, depth } = run;
    const { entry, table: span } = plan.spans[depth]!;
    if (owner.kind === "recursive") {
      const flags = recursiveFlags(owner.slot.access ?? "rwx", owner.slot.user === true);
      if (flags.high < 0) executeDisabled = true;
      putAddress((run.first / entry) * entryWords, flags, baseFrame);
      continue;
    }
    const flags =
      owner.kind === "absent" ? payloadFlags(owner.mapping.payload) : pageFlags(levels[depth]!, owner.mapping);
    if (owner.kind === "mapping" && flags.high < 0) executeDisabled = true;
    const step = owner.kind === "absent" ? 0 : entry;
    // The tables that a run touches lie side by side and are full in between, so its entries are one array.
    const table = Math.floor(run.first / span);
    const word = tableIndex(depth, table) * tableWords + ((run.first - table * span) / entry) * entryWords;
    const fill = entryWords === 2 ? fillLong : fillShort;
    fill(words, word, (run.end - run.first) / entry, run.frame, step, flags);
  }
  return { executeDisabled };
}

/** Stores 8-byte entries: the address moves on by `step` pages of 4 KiB each time. */
function fillLong(
  words: Uint32Array,
  from: number,
  entries: number,
  frame: number,
  step: number,
  flags: EntryFlags,
): void {
  for (let done = 0; done < entries;) {
    // Up to the next 4 GiB only the low word changes.
    const page = frame + done * step;
    const count = step === 0 ? entries : Math.min(entries - done, (0x10_0000 - (page & 0xf_ffff)) / step);
    const low = ((page & 0xf_ffff) << 12) | flags.low;
    const high = Math.floor(page / 0x10_0000) | flags.high;
    storePairs(words, from + done * 2, count, low, high, step << 12);
    done += count;
  }
}

/** The one hot loop. `| 0` keeps what it counts with in 32-bit integers. */
function storePairs(words: Uint32Array, from: number, count: number, low: number, high: number, bytes: number): void {
  const end = (from + count * 2) | 0;
  for (let word = from | 0, next = low | 0; word < end; word += 2) {
    words[word] = next;
    words[word + 1] = high;
    next = (next + bytes) | 0;
  }
}

/** Stores 4-byte entries. Physical bits 32 to 39, which only 4 MiB pages can have, go to bits 13 to 20. */
function fillShort(
  words: Uint32Array,
  from: number,
  entries: number,
  frame: number,
  step: number,
  flags: EntryFlags,
): void {
  for (let index = 0; index < entries; index++) {
    const page = frame + index * step;
    words[from + index] = ((page & 0xf_ffff) << 12) | (Math.floor(page / 0x10_0000) << 13) | flags.low;
  }
}

/** The flags of an entry that maps a page. */
function pageFlags(level: PagingLevel, mapping: Mapping): EntryFlags {
  const { write, execute } = accessRights[mapping.access];
  const { cache, key = 0, software = 0 } = mapping;
  const pat = cache?.pat ?? (cache?.pwt === true ? 1 : 0) + (cache?.pcd === true ? 2 : 0);
  return {
    low:
      P |
      (write ? RW : 0) |
      (mapping.user === true ? US : 0) |
      ((pat & 1) !== 0 ? PWT : 0) |
      ((pat & 2) !== 0 ? PCD : 0) |
      ((pat & 4) !== 0 ? 1 << level.patBit : 0) |
      (mapping.accessed === true ? A : 0) |
      (mapping.dirty === true ? D : 0) |
      (level.table === "PT" ? 0 : PS) |
      (mapping.global === true ? G : 0) |
      ((software & 7) << 9),
    high: (execute ? 0 : XD_HIGH) | (key << 27) | ((software >> 3) << 20),
  };
}

/** The flags of an entry that refers to a table with this run below it. */
function parentFlags(description: PagingDescription, level: PagingLevel, { owner }: Run): EntryFlags {
  const { parents = {} } = description;
  const mapping = owner.kind === "mapping" ? owner.mapping : undefined;
  const cache = (parents.pwt === true ? PWT : 0) | (parents.pcd === true ? PCD : 0);
  if (!level.permissions) return { low: P | cache, high: 0 };
  const write = parents.write ?? (mapping !== undefined && accessRights[mapping.access].write);
  const user = parents.user ?? mapping?.user === true;
  const used = (parents.accessed === true ? A : 0) | (parents.dirty === true ? D : 0);
  return {
    low: P | (write ? RW : 0) | (user ? US : 0) | used | cache,
    high: parents.execute === false ? XD_HIGH | 0 : 0,
  };
}

function recursiveFlags(access: Access, user: boolean): EntryFlags {
  const { write, execute } = accessRights[access];
  return { low: P | (write ? RW : 0) | (user ? US : 0), high: execute ? 0 : XD_HIGH | 0 };
}

function payloadFlags(payload: bigint): EntryFlags {
  return { low: Number(BigInt.asIntN(32, payload)), high: Number(BigInt.asIntN(32, payload >> 32n)) };
}
