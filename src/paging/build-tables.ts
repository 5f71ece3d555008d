/** The builder: tables counted first, allocated once, filled in one pass. */
import type { PhysAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { sizeToText, roundUp } from "../core/units.ts";
import { checkDescription, physicalBitsOf } from "./check-description.ts";
import {
  CR0_PE,
  CR0_PG,
  CR4_LA57,
  CR4_PAE,
  CR4_PGE,
  CR4_PKE,
  CR4_PSE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  type PagingRegisters,
} from "./control-registers.ts";
import type { PageTables, PagingDescription, PagingRequirements, TableCount } from "./description.ts";
import { fillTables } from "./fill-tables.ts";
import { pagingModes, tableBytes } from "./modes.ts";
import { invalid, PagingError, show } from "./paging-error.ts";
import { checkBudget, planOf, type Plan } from "./plan.ts";
import { segmentsOf } from "./segments.ts";

/**
 * Counts the tables that a description takes, without allocating any and whatever its budget.
 *
 * @throws PagingError where the description cannot be built
 * @example
 * ```ts
 * countTables({ mode: "4-level", tables: 0n, mappings: [identityMap({ name: "ram", at: 0n, size: 1n << 30n, access: "rwx" })] });
 * // { tables: 3, bytes: 12288n, levels: [{ table: "PML4", tables: 1 }, …], pages: { "2MiB": 512 } }
 * ```
 */
export function countTables(description: PagingDescription): TableCount {
  return plan(description).count;
}

/**
 * Builds the page tables of a description. The same description gives the same bytes.
 *
 * @throws PagingError where the hardware has no tables for the description, two mappings overlap, the tables exceed the
 * budget or do not fit their place; nothing has been allocated then
 * @example
 * ```ts
 * const tables = buildPageTables({
 *   mode: "4-level",
 *   tables: 0x0n,
 *   mappings: [{ name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" }],
 * });
 * tables.bytes; // 16 KiB: PML4, PDPT, PD, PT; the PT's first entry is 0x4001
 * ```
 */
export function buildPageTables(description: PagingDescription): PageTables {
  const planned = plan(description);
  checkBudget(description, planned.count);
  const at = place(description, planned.count);
  const { mode, mappings, absent = [] } = description;
  const bytes = allocate(planned.count);
  const { executeDisabled } = fillTables(description, planned, at, bytes);
  const requires = requirementsOf(description, planned, executeDisabled);
  return {
    mode,
    root: at,
    at,
    bytes,
    count: planned.count,
    mappings,
    absent,
    requires,
    registers: registersFor(at, requires),
  };
}

function plan(description: PagingDescription): Plan {
  checkDescription(description);
  return planOf(description, segmentsOf(description));
}

function place(description: PagingDescription, { bytes }: TableCount): PhysAddr {
  const { tables, mode } = description;
  const align = BigInt(tableBytes);
  const range = typeof tables === "object" ? tables : undefined;
  if (tables === null || (range !== undefined && (typeof range.at !== "bigint" || typeof range.size !== "bigint"))) {
    throw invalid("the page tables have no place", tables, "an address, a range with at and size, or a function");
  }
  const at =
    typeof tables === "function" ? tables(bytes, align) : range === undefined ? tables : roundUp(range.at, align);
  if (typeof at !== "bigint" || at < 0n || at % align !== 0n) {
    throw new PagingError(`the page tables are placed at ${show(at)}, which is not a multiple of 4096`, {
      code: "MISALIGNED",
      value: at,
    });
  }
  if (range !== undefined && at + bytes > range.at + range.size) {
    throw new PagingError(
      `the page tables take ${sizeToText(bytes)} from ${hex(at)}, but their range ends at ${hex(range.at + range.size)}`,
      { code: "DOES_NOT_FIT", value: tables },
    );
  }
  const { rootBits, tableBits } = pagingModes[mode];
  const width = Math.min(physicalBitsOf(description), tableBits);
  if (at >= 1n << BigInt(rootBits)) throw outOfReach(at, `CR3 has ${rootBits} bits in ${mode} paging`);
  if (at + bytes > 1n << BigInt(width))
    throw outOfReach(at + bytes - 1n, `entries hold table addresses of ${width} bits`);
  return at;
}

function outOfReach(address: bigint, why: string): PagingError {
  return new PagingError(`the page tables reach physical ${hex(address)}, but ${why}`, {
    code: "DOES_NOT_FIT",
    value: address,
  });
}

function allocate({ bytes }: TableCount): Uint8Array {
  try {
    return new Uint8Array(Number(bytes));
  } catch (cause) {
    throw new PagingError(`the page tables take ${bytes} bytes, more than this host gives to one buffer`, {
      code: "OVER_BUDGET",
      value: bytes,
      cause,
    });
  }
}

function requirementsOf(description: PagingDescription, { count }: Plan, nxe: boolean): PagingRequirements {
  const { mode, mappings } = description;
  return {
    pse: (count.pages["4MiB"] ?? 0) > 0,
    pae: mode !== "32-bit",
    la57: mode === "5-level",
    pge: mappings.some(({ global }) => global === true),
    pke: mappings.some(({ key }) => key !== undefined && key !== 0),
    lme: mode === "4-level" || mode === "5-level",
    nxe,
    gigabytePages: (count.pages["1GiB"] ?? 0) > 0,
  };
}

function registersFor(cr3: PhysAddr, requires: PagingRequirements): PagingRegisters {
  const { pse, pae, la57, pge, pke, lme, nxe } = requires;
  return {
    cr0: CR0_PG | CR0_PE,
    cr3,
    cr4:
      (pse ? CR4_PSE : 0n) |
      (pae ? CR4_PAE : 0n) |
      (pge ? CR4_PGE : 0n) |
      (la57 ? CR4_LA57 : 0n) |
      (pke ? CR4_PKE : 0n),
    efer: (lme ? EFER_LME | EFER_LMA : 0n) | (nxe ? EFER_NXE : 0n),
  };
}
