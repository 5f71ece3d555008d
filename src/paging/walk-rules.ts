/** What a CPU's page walks check at each level: the mode's rules made concrete for one CPU, as masks of 32-bit words. */
import { CR4_PSE, EFER_NXE, type PagingCpu } from "./control-registers.ts";
import { pagingModes, type BitRange, type PagingLevel, type PagingMode, type PagingModeRules } from "./modes.ts";

/** One level of a walk. */
export interface WalkLevel {
  readonly level: PagingLevel;
  readonly shift: number;
  /** The number of entries, less one. */
  readonly indexMask: number;
  /** Whether an entry maps a page always, where PS says so, or never. */
  readonly maps: "always" | "with PS" | "never";
  /** Bits that must be zero in an entry that refers to a table: 0 to 31 and 32 to 63. */
  readonly tableLow: number;
  readonly tableHigh: number;
  /** The same in an entry that maps a page. */
  readonly pageLow: number;
  readonly pageHigh: number;
}

/** A mode as one CPU walks it. */
export interface WalkRules {
  readonly rules: PagingModeRules;
  readonly levels: readonly WalkLevel[];
}

const modeNumber: Readonly<Record<PagingMode, number>> = { "32-bit": 0, pae: 1, "4-level": 2, "5-level": 3 };
const known = new Map<number, WalkRules>();

/** The rules that a CPU in a mode walks by. Equal CPUs share them. */
export function walkRulesOf(mode: PagingMode, cpu: PagingCpu): WalkRules {
  const { maxPhysAddr = 52, gigabytePages = true, vendor = "intel" } = cpu;
  const nxe = (cpu.efer & EFER_NXE) !== 0n;
  const pse = (cpu.cr4 & CR4_PSE) !== 0n;
  const key =
    modeNumber[mode] |
    (maxPhysAddr << 2) |
    (nxe ? 0x100 : 0) |
    (pse ? 0x200 : 0) |
    (gigabytePages ? 0x400 : 0) |
    (vendor === "amd" ? 0x800 : 0);
  let found = known.get(key);
  if (found === undefined) {
    const rules = pagingModes[mode];
    const levels = rules.levels.map((level) =>
      walkLevel(rules, level, { maxPhysAddr, gigabytePages, amd: vendor === "amd", nxe, pse }),
    );
    found = { rules, levels };
    known.set(key, found);
  }
  return found;
}

interface Features {
  readonly maxPhysAddr: number;
  readonly gigabytePages: boolean;
  readonly amd: boolean;
  readonly nxe: boolean;
  readonly pse: boolean;
}

function walkLevel(rules: PagingModeRules, level: PagingLevel, features: Features): WalkLevel {
  const { maxPhysAddr, gigabytePages, amd, nxe, pse } = features;
  const noGigabyte = level.page === "1GiB" && !gigabytePages;
  const everywhere: BitRange[] = [];
  if (level.reservedUpTo >= maxPhysAddr) everywhere.push([maxPhysAddr, level.reservedUpTo]);
  if (rules.executeDisable && !nxe) everywhere.push([63, 63]);
  const inTable = [...everywhere, ...level.reservedInTable, ...(amd ? level.reservedInTableOnAmd : [])];
  if (noGigabyte) inTable.push([7, 7]);
  const inPage = [...everywhere, ...level.reservedInPage];
  // Bits 13 to 20 hold the address's bits 32 to 39; those that the CPU lacks are reserved.
  if (level.pse36 && maxPhysAddr < 40) inPage.push([13 + maxPhysAddr - 32, 20]);
  const pageBit = level.page === undefined || noGigabyte || (level.page === "4MiB" && !pse) ? "never" : "with PS";
  return {
    level,
    shift: level.shift,
    indexMask: 2 ** level.indexBits - 1,
    maps: level.table === "PT" ? "always" : pageBit,
    tableLow: wordMask(inTable, 0),
    tableHigh: wordMask(inTable, 32),
    pageLow: wordMask(inPage, 0),
    pageHigh: wordMask(inPage, 32),
  };
}

/** The bits of some ranges that lie in the 32-bit word from bit `base` up. */
function wordMask(ranges: readonly BitRange[], base: number): number {
  let mask = 0;
  for (const [first, last] of ranges) {
    for (let bit = Math.max(first, base); bit <= Math.min(last, base + 31); bit++) mask |= 1 << (bit - base);
  }
  return mask;
}
