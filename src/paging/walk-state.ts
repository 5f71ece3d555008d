/** What a walk reads and finds. */
import type { PhysAddr } from "../core/address.ts";
import type { Access } from "./description.ts";
import type { EntryName, PageSize } from "./modes.ts";
import type { WalkLevel } from "./walk-rules.ts";

/** One entry that a walk reads. */
export interface WalkStep {
  readonly entry: EntryName;
  /** The entry's index in its table. */
  readonly index: number;
  /** The entry's physical address. */
  readonly at: PhysAddr;
  /** The entry, of 4 or 8 bytes; `undefined` where there is no memory at `at`. */
  readonly value: bigint | undefined;
}

/** The page that a walk ends in. */
export interface WalkedPage {
  /** What the address translates to. */
  readonly phys: PhysAddr;
  readonly pageSize: PageSize;
  /** What all levels together allow: R/W and U/S of every entry, XD of none. */
  readonly access: Access;
  /** Whether every level allows user mode. */
  readonly user: boolean;
  readonly global: boolean;
  readonly dirty: boolean;
  /** The index into the PAT, 0 to 7. */
  readonly pat: number;
  /** The protection key, 0 to 15; 0 in modes that have none. */
  readonly key: number;
}

/** What a walk has met so far: numbers, so that it allocates nothing until it reports. */
export interface WalkState {
  /** One for every entry read. */
  readonly steps: WalkStep[];
  /** The rules of the levels walked. */
  readonly levels: readonly WalkLevel[];
  /** The entries' words. */
  readonly low: number[];
  readonly high: number[];
  /** How the walk ended. */
  end: "page" | "not-present" | "reserved" | "no-memory";
}
