/** Checks each mapping by itself: its values, its alignment, and whether the mode has its addresses and flags. */
import { hex } from "../core/hex.ts";
import type { AbsentMapping, Access, Mapping, PagingDescription, RecursiveSlot } from "./description.ts";
import { pageBytes, pagingModes, type PageSize, type PagingModeRules } from "./modes.ts";
import { invalid, PagingError, show } from "./paging-error.ts";
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
  checkObject("the description", description);
  const { mode, maxPhysAddr, pageSize, largest, recursive, parents, mappings, absent = [], budget } = description;
  if (!Object.hasOwn(pagingModes, mode)) {
    throw invalid(`there is no paging mode ${show(mode)}`, mode, `one of ${Object.keys(pagingModes).join(", ")}`);
  }
  const rules = pagingModes[mode];
  checkRange("maxPhysAddr", maxPhysAddr, 32, 52);
  checkPageSize("the description", rules, pageSize === "largest" ? undefined : pageSize);
  checkPageSize("the description", rules, largest);
  if (budget !== undefined && (typeof budget !== "bigint" || budget < 0n)) {
    throw invalid(`budget is ${show(budget)}`, budget, "a bigint of bytes");
  }
  if (recursive !== undefined) checkRecursive(rules, recursive);
  if (parents !== undefined) {
    checkObject("parents", parents);
    checkFlags("parents", parents, ["write", "user", "execute", "accessed", "dirty", "pwt", "pcd"]);
    if (parents.execute === false && !rules.executeDisable) throw cannotForbid(rules, "parents", parents.execute);
  }
  const names = new Set<string>();
  checkArray("mappings", mappings);
  for (const mapping of mappings) {
    checkObject("a mapping", mapping);
    checkName(names, mapping.name);
    checkMapping(description, rules, mapping);
  }
  checkArray("absent", absent);
  for (const each of absent) {
    checkObject("a mapping", each);
    checkName(names, each.name);
    checkAbsent(rules, each);
  }
}

function checkMapping(description: PagingDescription, rules: PagingModeRules, mapping: Mapping): void {
  const { name, phys, size, access, key, software, cache } = mapping;
  checkFlags(`mapping ${show(name)}`, mapping, ["user", "global", "accessed", "dirty", "override"]);
  if (!Object.hasOwn(accessRights, access)) {
    throw invalid(
      `mapping ${show(name)} has access ${show(access)}`,
      access,
      `one of ${Object.keys(accessRights).join(", ")}`,
    );
  }
  const chosen = mapping.pageSize ?? description.pageSize ?? "largest";
  const pageSize = chosen === "largest" ? "4KiB" : chosen;
  checkPageSize(`mapping ${show(name)}`, rules, pageSize);
  checkVirtualRange(rules, mapping, pageSize);
  checkAligned(name, "phys", phys, pageSize);
  const bits = physicalBitsOf(description);
  if (phys + size > 1n << BigInt(bits)) {
    throw new PagingError(
      `mapping ${show(name)} ends at physical ${hex(phys + size - 1n)}, but physical addresses have ${bits} bits`,
      {
        code: "BEYOND_PHYSICAL",
        value: phys,
        ...(description.maxPhysAddr === undefined ? {} : { hint: `the width is the description's maxPhysAddr` }),
      },
    );
  }
  if (!accessRights[access].execute && !rules.executeDisable)
    throw cannotForbid(rules, `mapping ${show(name)}`, access);
  checkRange(`mapping ${show(name)}: software`, software, 0, 2 ** rules.softwareBits - 1);
  if (cache !== undefined) {
    checkObject(`mapping ${show(name)}: cache`, cache);
    checkRange(`mapping ${show(name)}: cache.pat`, cache.pat, 0, 7);
    checkFlags(`mapping ${show(name)}: cache`, cache, ["pwt", "pcd"]);
  }
  if (key !== undefined && !rules.protectionKeys) {
    throw new PagingError(`mapping ${show(name)} has a protection key, but ${rules.mode} paging has none`, {
      code: "UNSUPPORTED",
      value: key,
    });
  }
  checkRange(`mapping ${show(name)}: key`, key, 0, 15);
}

function checkAbsent(rules: PagingModeRules, absent: AbsentMapping): void {
  const { name, payload } = absent;
  const pageSize = absent.pageSize ?? "4KiB";
  checkFlags(`mapping ${show(name)}`, absent, ["override"]);
  checkPageSize(`mapping ${show(name)}`, rules, pageSize);
  checkVirtualRange(rules, absent, pageSize);
  if (
    typeof payload !== "bigint" ||
    payload < 0n ||
    payload >> BigInt(rules.entryBytes * 8) !== 0n ||
    (payload & 1n) !== 0n
  ) {
    throw invalid(
      `the payload of ${show(name)} is ${show(payload)}`,
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
  if (size === 0n) throw new PagingError(`mapping ${show(name)} has size 0`, { code: "EMPTY", value: size });
  if (!isCanonical(rules, virt)) throw nonCanonical(rules, name, "starts", virt);
  const last = virt + size - 1n;
  if (last > lastAddress(rules)) {
    throw new PagingError(
      `mapping ${show(name)} starts at virtual ${hex(virt)} and runs ${hex(last - lastAddress(rules))} bytes past the last address, ${hex(lastAddress(rules))}`,
      { code: "WRAPS", value: size },
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
  return new PagingError(`mapping ${show(name)} ${verb} at virtual ${hex(address)}, which is not canonical: ${rule}`, {
    code: "NON_CANONICAL",
    value: address,
  });
}

function checkAligned(name: string, field: "virt" | "phys" | "size", value: bigint, pageSize: PageSize): void {
  if (typeof value !== "bigint" || value < 0n || value >> 64n !== 0n) {
    throw invalid(`mapping ${show(name)}: ${field} is ${show(value)}`, value, "a bigint of 64 bits");
  }
  if (value % pageBytes[pageSize] === 0n) return;
  throw new PagingError(
    `mapping ${show(name)}: ${field} ${hex(value)} is not a multiple of the page size ${pageSize}`,
    {
      code: "MISALIGNED",
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
      code: "UNSUPPORTED",
      value: pageSize,
    },
  );
}

function checkRecursive(rules: PagingModeRules, recursive: RecursiveSlot): void {
  checkObject("recursive", recursive);
  const { slot, access = "rwx" } = recursive;
  if (!rules.recursion) {
    throw new PagingError(`${rules.mode} paging has no recursive slot: the root's entries have a form of their own`, {
      code: "UNSUPPORTED",
      value: slot,
    });
  }
  if (slot === undefined) throw invalid("recursive has no slot", slot, "the index of an entry of the root");
  checkRange("recursive.slot", slot, 0, 2 ** rules.levels[0]!.indexBits - 1);
  checkFlags("recursive", recursive, ["user"]);
  if (!Object.hasOwn(accessRights, access)) {
    throw invalid(`recursive.access is ${show(access)}`, access, `one of ${Object.keys(accessRights).join(", ")}`);
  }
  if (!accessRights[access].execute && !rules.executeDisable) throw cannotForbid(rules, "recursive", access);
}

/** 32-bit entries have no XD. */
function cannotForbid({ mode }: PagingModeRules, owner: string, value: unknown): PagingError {
  const what = typeof value === "string" ? `access ${show(value)}` : `execute ${show(value)}`;
  return new PagingError(`${owner} has ${what}, but ${mode} paging cannot forbid execution`, {
    code: "UNSUPPORTED",
    value,
    hint: `${typeof value === "string" ? `say "${value}x"` : "leave it out"}, or use PAE paging, whose entries have XD`,
  });
}

function checkName(names: Set<string>, name: string): void {
  if (typeof name !== "string" || name === "")
    throw invalid("a mapping has no name", name, "a string that is not empty");
  if (names.has(name)) {
    throw new PagingError(`two mappings are named ${show(name)}`, { code: "DUPLICATE_NAME", value: name });
  }
  names.add(name);
}

function checkObject(what: string, value: unknown): void {
  if (typeof value !== "object" || value === null) throw invalid(`${what} is ${show(value)}`, value, "an object");
}

function checkArray(what: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalid(`${what} is ${show(value)}`, value, "an array");
}

function checkFlags<Flag extends string>(
  owner: string,
  object: { readonly [flag in Flag]?: boolean | undefined },
  flags: readonly Flag[],
): void {
  for (const flag of flags) {
    const value: unknown = object[flag];
    if (value !== undefined && typeof value !== "boolean")
      throw invalid(`${owner}: ${flag} is ${show(value)}`, value, "a boolean");
  }
}

function checkRange(what: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw invalid(`${what} is ${show(value)}`, value, `a whole number from ${least} to ${most}`);
}
