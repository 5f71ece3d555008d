/** What is wrong or suspicious about an address space, as data. */
import type { VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { CR4_PGE, CR4_PKE, CR4_PSE, EFER_NXE, pagingModeOf } from "./control-registers.ts";
import type { AddressSpace } from "./memory.ts";
import { pagingModes, type PagingModeRules } from "./modes.ts";
import { ranges, type MappedRange } from "./ranges.ts";
import type { TableProblem } from "./read-tables.ts";
import { cacheAliasToText, narrowestPhysicalEnd, suspicions } from "./suspicions.ts";
import { rootOf } from "./walk.ts";

/** What a lint is about. */
export type LintCode =
  /** Code can change itself, and data can be run. */
  | "WRITABLE_AND_EXECUTABLE"
  /** One physical page under two memory types: the CPU's behaviour is undefined (SDM vol. 3A, 12.12.4). */
  | "CACHE_ALIAS"
  /** User mode reaches into the upper half, which is the kernel's by custom. */
  | "USER_IN_UPPER_HALF"
  /** XD is set while EFER.NXE is clear: a reserved bit then. */
  | "NX_WITHOUT_NXE"
  /** G is set while CR4.PGE is clear: ignored then. */
  | "GLOBAL_WITHOUT_PGE"
  /** A protection key while CR4.PKE is clear: ignored then. */
  | "KEY_WITHOUT_PKE"
  /** PS is set in a PDE while CR4.PSE is clear: the entry then refers to a table. */
  | "LARGE_PAGE_WITHOUT_PSE"
  /** A page of 1 GiB, which not every CPU has. */
  | "GIGABYTE_PAGE"
  /** A physical address that the CPU does not have, or that not every CPU has. */
  | "WIDE_ADDRESS"
  /** A bit that must be zero. */
  | "RESERVED_BIT"
  /** A table where there is no memory. */
  | "NO_MEMORY"
  /** An entry that refers to a table above itself, other than a recursive slot. */
  | "LOOP"
  /** More than a reader goes through. */
  | "TOO_MUCH";

/** One finding. */
export interface Lint {
  readonly code: LintCode;
  /** An error where the hardware faults, a warning where it does not. */
  readonly severity: "error" | "warning";
  /** The mapping, where the address space names it. */
  readonly mapping: string | undefined;
  readonly virt: VirtAddr;
  /** In bytes. */
  readonly size: bigint;
  readonly message: string;
}

interface RangeRule {
  readonly code: LintCode;
  readonly severity: Lint["severity"];
  readonly applies: (range: MappedRange, space: AddressSpace, rules: PagingModeRules) => boolean;
  readonly why: string;
}

const rangeRules: readonly RangeRule[] = [
  {
    code: "WRITABLE_AND_EXECUTABLE",
    severity: "warning",
    applies: ({ access }, _, { executeDisable }) => access === "rwx" && executeDisable,
    why: suspicions.WRITABLE_AND_EXECUTABLE,
  },
  {
    code: "USER_IN_UPPER_HALF",
    severity: "warning",
    applies: ({ user, virt }, _, { virtualBits }) => user && virtualBits > 32 && virt >> 63n === 1n,
    why: suspicions.USER_IN_UPPER_HALF,
  },
  {
    code: "GLOBAL_WITHOUT_PGE",
    severity: "warning",
    applies: ({ global }, { cpu }) => global && (cpu.cr4 & CR4_PGE) === 0n,
    why: "has G set, which CR4.PGE = 0 makes void",
  },
  {
    code: "KEY_WITHOUT_PKE",
    severity: "warning",
    applies: ({ key }, { cpu }) => key !== 0 && (cpu.cr4 & CR4_PKE) === 0n,
    why: "has a protection key, which CR4.PKE = 0 makes void",
  },
  {
    code: "GIGABYTE_PAGE",
    severity: "warning",
    applies: ({ pages }, { cpu }) => pages["1GiB"] !== undefined && cpu.gigabytePages === undefined,
    why: suspicions.GIGABYTE_PAGE,
  },
  {
    code: "WIDE_ADDRESS",
    severity: "warning",
    applies: ({ phys, size }, { cpu }) => cpu.maxPhysAddr === undefined && phys + size > narrowestPhysicalEnd,
    why: suspicions.WIDE_ADDRESS,
  },
];

/**
 * Looks over an address space, ours or a foreign one, for what would fault and what is legal but suspicious. What the
 * CPU's registers and `maxPhysAddr`, `gigabytePages` and `vendor` settle is an error or nothing; what they leave open is
 * a warning.
 */
export function lint(space: AddressSpace): readonly Lint[] {
  const mode = pagingModeOf(space.cpu);
  if (mode === "off") return [];
  const rules = pagingModes[mode];
  const { ranges: found, problems } = ranges(space);
  return [
    ...found.flatMap((range) =>
      rangeRules
        .filter(({ applies }) => applies(range, space, rules))
        .map(({ code, severity, why }) => ({
          code,
          severity,
          mapping: range.name,
          virt: range.virt,
          size: range.size,
          message: `${describe(range)} ${why}`,
        })),
    ),
    ...cacheAliases(found),
    ...problems.flatMap((problem) => problemLint(space, rules, problem)),
    ...largePagesWithoutPse(space, rules),
  ];
}

function describe({ name, virt, size }: Pick<MappedRange, "virt" | "size" | "name">): string {
  return `${name === undefined ? "" : `${JSON.stringify(name)} `}${hex(virt)} to ${hex(virt + size - 1n)}`;
}

/**
 * Ranges with a physical page in common under different types, by the PAT's values after reset: index 4 is as 0. In
 * the order of physical addresses, each is compared with the one of each type that reaches furthest before it.
 */
function cacheAliases(found: readonly MappedRange[]): Lint[] {
  const lints: Lint[] = [];
  const furthest = new Map<number, MappedRange>();
  for (const range of found.toSorted((a, b) => (a.phys < b.phys ? -1 : a.phys > b.phys ? 1 : 0))) {
    const type = range.pat & 3;
    for (const [otherType, other] of furthest) {
      if (otherType === type || other.phys + other.size <= range.phys) continue;
      lints.push({
        code: "CACHE_ALIAS",
        severity: "warning",
        mapping: range.name,
        virt: range.virt,
        size: range.size,
        message: cacheAliasToText(describe(other), describe(range), range.phys),
      });
    }
    const known = furthest.get(type);
    if (known === undefined || known.phys + known.size < range.phys + range.size) furthest.set(type, range);
  }
  return lints;
}

function problemLint(space: AddressSpace, rules: PagingModeRules, problem: TableProblem): Lint[] {
  const { kind, entry, at, value, virt, size } = problem;
  const where = entry === undefined ? `CR3 ${hex(value)}` : `${entry} ${hex(value)} at ${hex(at)}`;
  const put = (code: LintCode, severity: Lint["severity"], message: string): Lint[] => [
    { code, severity, mapping: undefined, virt, size, message },
  ];
  switch (kind) {
    case "loop":
      // A recursive slot is a loop that somebody wants.
      if (rules.recursion && entry === rules.levels[0]!.entry) return [];
      return put("LOOP", "warning", `${where} refers to a table above itself`);
    case "no-memory":
      return put("NO_MEMORY", "error", `${where} refers to a table where there is no memory`);
    case "limit":
      return put("TOO_MUCH", "warning", `there is more than a reader goes through; it stopped at ${where}`);
    case "reserved": {
      const { maxPhysAddr = 52, gigabytePages, efer } = space.cpu;
      if (rules.executeDisable && entry !== undefined && value >> 63n === 1n && (efer & EFER_NXE) === 0n) {
        return put("NX_WITHOUT_NXE", "error", `${where} has XD set, which is reserved while EFER.NXE is clear`);
      }
      if (BigInt.asUintN(52, value) >> BigInt(maxPhysAddr) !== 0n) {
        return put("WIDE_ADDRESS", "error", `${where} has an address of more than ${maxPhysAddr} bits`);
      }
      if (entry === "PDPTE" && gigabytePages === false && (value & 0x80n) !== 0n) {
        return put("GIGABYTE_PAGE", "error", `${where} maps a page of 1 GiB, which this CPU does not have`);
      }
      return put("RESERVED_BIT", "error", `${where} has a bit set that must be zero`);
    }
  }
}

function largePagesWithoutPse({ memory, cpu }: AddressSpace, rules: PagingModeRules): Lint[] {
  if (rules.mode !== "32-bit" || (cpu.cr4 & CR4_PSE) !== 0n) return [];
  const root = rootOf(cpu.cr3, rules.rootBits, rules.rootShift);
  return Array.from({ length: 1024 }, (_, index) => index).flatMap((index): Lint[] => {
    const value = memory.readU32(root + index * 4) ?? 0;
    if ((value & 0x81) !== 0x81) return [];
    const message = `PDE ${hex(value)} at ${hex(root + index * 4)} has PS set, but CR4.PSE is clear, so it refers to a table`;
    const [virt, size] = [BigInt(index) << 22n, 1n << 22n];
    return [{ code: "LARGE_PAGE_WITHOUT_PSE", severity: "error", mapping: undefined, virt, size, message }];
  });
}
