/** How messages name an access, the entry that decides about it, and that entry's bits. */
import type { VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import type { MemoryAccess } from "./fault.ts";
import type { WalkStep } from "./walk-state.ts";

/** What an address belongs to: a mapping, or the space that mappings leave. */
export interface AddressOwner {
  readonly mapping: string | undefined;
  readonly hole: string | undefined;
}

/** An access in words: `a supervisor write to 0x1000 ("text")`. */
export function accessToText({ kind, cpl }: MemoryAccess, address: VirtAddr, { mapping, hole }: AddressOwner): string {
  const owner = mapping === undefined ? hole : JSON.stringify(mapping);
  const who = cpl === 3 ? "user" : "supervisor";
  return `a ${who} ${kind} ${kind === "write" ? "to" : "from"} ${hex(address)}${owner === undefined ? "" : ` (${owner})`}`;
}

/** An entry in words: `PTE 0x4001 at 0x3000`. */
export function stepToText({ entry, at, value }: WalkStep): string {
  return value === undefined ? `${entry} at ${hex(at)}` : `${entry} ${hex(value)} at ${hex(at)}`;
}

/** The names of an entry's bits, as messages give them. */
const bitNames: Readonly<Record<number, string>> = {
  0: "P",
  1: "R/W",
  2: "U/S",
  3: "PWT",
  4: "PCD",
  5: "A",
  6: "D",
  7: "PS",
  8: "G",
  63: "XD",
};

/** Bits with their names: `R/W (bit 1)`. */
export function bitsToText(bits: readonly number[]): string {
  return bits.map((bit) => (bitNames[bit] === undefined ? `bit ${bit}` : `${bitNames[bit]} (bit ${bit})`)).join(", ");
}
