/** A page walk in words. */
import { hex } from "../../core/hex.ts";
import {
  pagingModes,
  PTE_A,
  PTE_D,
  PTE_G,
  PTE_NX,
  PTE_P,
  PTE_RW,
  PTE_US,
  type Walk,
  type WalkStep,
} from "../../paging/index.ts";
import type { Paint } from "./terminal.ts";

/** What a set bit of an entry says, and what a clear one does; nothing where that is the rule. */
const bitWords: readonly (readonly [bit: bigint, set: string, clear: string])[] = [
  [PTE_RW, "writable", "read-only"],
  [PTE_US, "user", "supervisor"],
  [PTE_NX, "not executable", ""],
];

/** What only the entry of a page has. */
const pageWords: typeof bitWords = [
  [PTE_A, "accessed", ""],
  [PTE_D, "dirty", ""],
  [PTE_G, "global", ""],
];

/** The access that a walk is for. */
export interface AskedAccess {
  /** What the user wrote, where that is a name. */
  readonly name: string | undefined;
  readonly access: "read" | "write" | "fetch";
  readonly user: boolean;
}

/** The lines of a walk: the tables' root, a line for each entry, the page, and what becomes of the access. */
export function walkToLines(walk: Walk, { name, access, user }: AskedAccess, paint: Paint): string[] {
  const { address, mode, steps, page, fault, exemption, mapping, hole } = walk;
  const who = user ? "user" : "supervisor";
  const asked = name === undefined ? hex(address) : `${name} at ${hex(address)}`;
  const owner = mapping === undefined ? hole : `of the mapping ${mapping}`;
  const lines = [`${asked}${owner === undefined ? "" : `, ${owner}`}; a ${access} in ${who} mode`];
  if (mode === "off") return [...lines, "paging is off: the address is physical"];
  lines.push(`${mode} paging`);
  for (const [number, step] of steps.entries()) lines.push(`  ${stepToText(walk, step, steps[number + 1])}`);
  if (page !== undefined) {
    const { phys, pageSize, access: rights, user: forUser } = page;
    lines.push(
      `physical ${hex(phys)}, in a page of ${pageSize}: ${rights}, ${forUser ? "user and supervisor" : "supervisor only"}`,
    );
  }
  const succeeds = exemption === undefined ? `the ${access} succeeds` : exemption.message;
  lines.push(fault === undefined ? paint("green", succeeds) : paint("red", fault.message));
  return lines;
}

function stepToText({ mode, page }: Walk, { entry, index, at, value }: WalkStep, next: WalkStep | undefined): string {
  const head = `${entry} ${index} at ${hex(at)}`;
  if (value === undefined) return `${head}: there is no memory`;
  if ((value & PTE_P) === 0n) return `${head} is ${hex(value)}: not present`;
  const isLast = next === undefined;
  const words = [...bitWords, ...(isLast ? pageWords : [])].map(([bit, set, clear]) =>
    (value & bit) === 0n ? clear : set,
  );
  const told = ["present", ...words].filter((word) => word !== "").join(", ");
  const to = next === undefined ? pageOf(page) : ` -> ${tableOf(mode, next)}`;
  return `${head} is ${hex(value)}: ${told}${to}`;
}

function pageOf(page: Walk["page"]): string {
  return page === undefined ? "" : ` -> a page of ${page.pageSize}`;
}

/** The table that holds an entry. */
function tableOf(mode: Walk["mode"], { entry, index, at }: WalkStep): string {
  const { levels, entryBytes } = pagingModes[mode as Exclude<Walk["mode"], "off">];
  const level = levels.find((each) => each.entry === entry)!;
  return `${level.table} at ${hex(at - BigInt(index * entryBytes))}`;
}
