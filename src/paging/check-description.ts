/** Checks each mapping by itself: its values, its alignment, and whether the mode has its addresses and flags. */
import { hex } from "../core/hex.ts";
import type { Access, AbsentMapping, Mapping, PagingDescription } from "./description.ts";
import { pageBytes, pagingModes, type PageSize, type PagingModeRules } from "./modes.ts";
import { PagingError } from "./paging-error.ts";
import { isCanonical } from "./virtual-address.ts";

/** The rights that each kind of access gives. */
export const accessRights: Readonly<Record<Access, { readonly write: boolean; readonly execute: boolean }>> = {
  r: { write: false, execute: false },
  rw: { write: true, execute: false },
  rx: { write: false, execute: true },
  rwx: { write: true, execute: true },
};

/** The sizes of page that a mode has, the smallest first. */
function pageSizesOf(rules: PagingModeRules): readonly PageSize[] {
  return rules.levels.flatMap((level) => (level.page === undefined ? [] : [level.page])).toReversed();
}

/** The width of physical addresses that a description is checked against, in bits. */
export function physicalBitsOf(description: PagingDescription): number {
  const { physicalBits } = pagingModes[description.mode];
  return Math.min(description.maxPhysAddr ?? physicalBits, physicalBits);
}

/** Throws a PagingError where the description as a whole, or one of its mappings by itself, cannot be built. */
export function checkDescription(description: PagingDescription): void {
  const rules = pagingModes[description.mode] as PagingModeRules | undefined;
  if (rules === undefined) {
    throw invalid(
      `there is no paging mode ${quote(description.mode)}`,
      description.mode,
      `one of ${Object.keys(pagingModes).join(", ")}`,
    );
  }
  const { maxPhysAddr, pageSize, largest, recursive } = description;
  checkRange("maxPhysAddr", maxPhysAddr, 32, 52);
  checkPageSize("the description", rules, pageSize === "largest" ? undefined : pageSize);
  checkPageSize("the description", rules, largest);
  if (recursive !== undefined) checkRecursive(rules, recursive.slot, recursive.access);
  const names = new Set<string>();
  for (const mapping of description.mappings) {
    checkName(names, mapping.name);
    checkMapping(description, rules, mapping);
  }
  for (const absent of description.absent ?? []) {
    checkName(names, absent.name);
    checkAbsent(rules, absent);
  }
}

function checkMapping(description: PagingDescription, rules: PagingModeRules, mapping: Mapping): void {
  const { name, phys, size, access, key, software, cache } = mapping;
  if (!(access in accessRights)) {
    throw invalid(
      `mapping ${quote(name)} has access ${quote(access)}`,
      access,
      `one of ${Object.keys(accessRights).join(", ")}`,
    );
  }
  const chosen = mapping.pageSize ?? description.pageSize ?? "largest";
  const pageSize = chosen === "largest" ? "4KiB" : chosen;
  checkPageSize(`mapping ${quote(name)}`, rules, pageSize);
  checkVirtualRange(rules, mapping, pageSize);
  checkAligned(name, "phys", phys, pageSize);
  const bits = physicalBitsOf(description);
  if (phys + size > 1n << BigInt(bits)) {
    throw new PagingError(
      `mapping ${quote(name)} ends at physical ${hex(phys + size - 1n)}, but physical addresses have ${bits} bits`,
      {
        code: "paging-beyond-physical",
        value: phys,
        ...(description.maxPhysAddr === undefined ? {} : { hint: `the width is the description's maxPhysAddr` }),
      },
    );
  }
  if (!accessRights[access].execute && !rules.executeDisable) {
    throw new PagingError(
      `mapping ${quote(name)} has access "${access}", but ${rules.mode} paging cannot forbid execution`,
      {
        code: "paging-unsupported",
        value: access,
        hint: `say "${access}x", or use PAE paging, whose entries have XD`,
      },
    );
  }
  checkRange(`mapping ${quote(name)}: software`, software, 0, 2 ** rules.softwareBits - 1);
  checkRange(`mapping ${quote(name)}: cache.pat`, cache?.pat, 0, 7);
  if (key !== undefined && !rules.protectionKeys) {
    throw new PagingError(`mapping ${quote(name)} has a protection key, but ${rules.mode} paging has none`, {
      code: "paging-unsupported",
      value: key,
    });
  }
  checkRange(`mapping ${quote(name)}: key`, key, 0, 15);
}

function checkAbsent(rules: PagingModeRules, absent: AbsentMapping): void {
  const { name, payload } = absent;
  const pageSize = absent.pageSize ?? "4KiB";
  checkPageSize(`mapping ${quote(name)}`, rules, pageSize);
  checkVirtualRange(rules, absent, pageSize);
  if (
    typeof payload !== "bigint" ||
    payload < 0n ||
    payload >> BigInt(rules.entryBytes * 8) !== 0n ||
    (payload & 1n) !== 0n
  ) {
    throw invalid(
      `the payload of ${quote(name)} is ${show(payload)}`,
      payload,
      `a bigint of ${rules.entryBytes * 8} bits with bit 0 (P) clear`,
    );
  }
}

/** The last virtual address of the mode's whole space, as 64-bit addresses count. */
function lastAddress(rules: PagingModeRules): bigint {
  return rules.virtualBits === 32 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
}

function checkVirtualRange(rules: PagingModeRules, mapping: Mapping | AbsentMapping, pageSize: PageSize): void {
  const { name, virt, size } = mapping;
  checkAligned(name, "virt", virt, pageSize);
  checkAligned(name, "size", size, pageSize);
  if (size === 0n) throw new PagingError(`mapping ${quote(name)} has size 0`, { code: "paging-empty", value: size });
  if (!isCanonical(rules, virt)) throw nonCanonical(rules, name, "starts", virt);
  const last = virt + size - 1n;
  if (last > lastAddress(rules)) {
    throw new PagingError(
      `mapping ${quote(name)} starts at virtual ${hex(virt)} and runs ${hex(last - lastAddress(rules))} bytes past the last address, ${hex(lastAddress(rules))}`,
      { code: "paging-wraps", value: size },
    );
  }
  const half = 1n << BigInt(rules.virtualBits - 1);
  if (!isCanonical(rules, last) || (rules.virtualBits > 32 && virt < half && last >= half))
    throw nonCanonical(rules, name, "ends", last);
}

function nonCanonical(rules: PagingModeRules, name: string, verb: "starts" | "ends", address: bigint): PagingError {
  const { mode, virtualBits } = rules;
  const rule =
    virtualBits === 32
      ? `${mode} paging has addresses of 32 bits`
      : `in ${mode} paging bits 63 to ${virtualBits - 1} of an address are all equal`;
  return new PagingError(`mapping ${quote(name)} ${verb} at virtual ${hex(address)}, which is not canonical: ${rule}`, {
    code: "paging-non-canonical",
    value: address,
  });
}

function checkAligned(name: string, field: "virt" | "phys" | "size", value: bigint, pageSize: PageSize): void {
  if (typeof value !== "bigint" || value < 0n || value >> 64n !== 0n) {
    throw invalid(`mapping ${quote(name)}: ${field} is ${show(value)}`, value, "a bigint of 64 bits");
  }
  if (value % pageBytes[pageSize] === 0n) return;
  throw new PagingError(
    `mapping ${quote(name)}: ${field} ${hex(value)} is not a multiple of the page size ${pageSize}`,
    {
      code: "paging-misaligned",
      value,
    },
  );
}

function checkPageSize(owner: string, rules: PagingModeRules, pageSize: PageSize | undefined): void {
  const sizes = pageSizesOf(rules);
  if (pageSize === undefined || sizes.includes(pageSize)) return;
  throw new PagingError(
    `${owner} asks for pages of ${show(pageSize)}, but ${rules.mode} paging has ${sizes.join(", ")}`,
    {
      code: "paging-unsupported",
      value: pageSize,
    },
  );
}

function checkRecursive(rules: PagingModeRules, slot: number, access: Access = "rwx"): void {
  if (!rules.recursion) {
    throw new PagingError(`${rules.mode} paging has no recursive slot: the root's entries have a form of their own`, {
      code: "paging-unsupported",
      value: slot,
    });
  }
  checkRange("recursive.slot", slot, 0, 2 ** rules.levels[0]!.indexBits - 1);
  if (!(access in accessRights) || (!accessRights[access].execute && !rules.executeDisable)) {
    throw invalid(`recursive.access is ${quote(access)}`, access, `an access that ${rules.mode} paging has`);
  }
}

function checkName(names: Set<string>, name: string): void {
  if (typeof name !== "string" || name === "")
    throw invalid("a mapping has no name", name, "a string that is not empty");
  if (names.has(name)) {
    throw new PagingError(`two mappings are named ${quote(name)}`, { code: "paging-duplicate-name", value: name });
  }
  names.add(name);
}

function checkRange(what: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw invalid(`${what} is ${show(value)}`, value, `a whole number from ${least} to ${most}`);
}

function invalid(found: string, value: unknown, expected: string): PagingError {
  return new PagingError(`${found}; expected ${expected}`, { code: "paging-invalid", value });
}

function quote(text: unknown): string {
  return JSON.stringify(String(text));
}

function show(value: unknown): string {
  return typeof value === "bigint" ? hex(value) : String(value);
}
