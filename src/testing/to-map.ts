/** The matcher of mappings. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { show } from "../core/show.ts";
import { toBytes, type Size } from "../core/units.ts";
import { imageAddressSpace, isImage } from "../layout/index.ts";
import { ranges, walk, type Access, type AddressSpace, type MappedRange } from "../paging/index.ts";
import type { MatcherResult } from "./matcher-result.ts";
import { badArgument, buildHint, isOnItsWay, requireOptions } from "./testing-error.ts";

/** What else is expected of a mapping. */
export interface ToMapOptions {
  /** How many bytes from the address on are mapped so, in bytes. 1 where not given. */
  readonly size?: Size;
  /** Whether user mode (CPL 3) may use it. Not compared where not given. */
  readonly user?: boolean;
}

/** Whether an address space maps a range as expected. */
export function toMap(
  received: unknown,
  virt: Size,
  phys: Size,
  access: Access,
  options: ToMapOptions = {},
): MatcherResult {
  requireAccess(access);
  requireOptions("toMap", ["size", "user"], options);
  const { size = 1, user } = options;
  const space = spaceOf(received);
  const expected = {
    virt: bytesOf("virt", virt),
    phys: bytesOf("phys", phys),
    size: bytesOf("size", size),
    access,
    user,
  };
  const problem = problemOf(space, expected);
  const what = `${range(expected.virt, expected.size)} to map to ${range(expected.phys, expected.size)} with ${rights(expected)}`;
  return {
    pass: problem === undefined,
    message: () =>
      problem === undefined
        ? `expected ${what.replace(" to map", " not to map")}, but it does`
        : `expected ${what}, but ${problem}`,
  };
}

interface Expected {
  readonly virt: VirtAddr;
  readonly phys: PhysAddr;
  readonly size: bigint;
  readonly access: Access;
  readonly user: boolean | undefined;
}

function spaceOf(received: unknown): AddressSpace {
  if (isImage(received)) return imageAddressSpace(received);
  const isSpace = typeof received === "object" && received !== null && "memory" in received && "cpu" in received;
  if (isSpace) return received as AddressSpace;
  throw badArgument(
    `toMap takes an image or an address space, got ${show(received)}`,
    received,
    isOnItsWay(received) ? buildHint : "of page tables: expect(addressSpaceOf(tables))",
  );
}

const accesses: Readonly<Record<Access, true>> = { r: true, rw: true, rx: true, rwx: true };

function requireAccess(access: Access): void {
  if (typeof access === "string" && Object.hasOwn(accesses, access)) return;
  const list = Object.keys(accesses).join(", ");
  throw badArgument(`toMap: access: expected one of ${list}, got ${show(access)}`, access);
}

function bytesOf(name: string, size: Size): bigint {
  const bytes = toBytes(size);
  if (bytes !== undefined) return bytes;
  throw badArgument(`toMap: ${name}: expected an address or a size such as 0x1000 or "4KiB", got ${show(size)}`, size);
}

/** What the range's first part that is mapped otherwise is instead. */
function problemOf(space: AddressSpace, expected: Expected): string | undefined {
  const { virt, phys, size, access, user } = expected;
  const mapped = ranges(space).ranges;
  for (let at: bigint = virt; at < virt + size;) {
    const found = mapped.find((each) => at >= each.virt && at < each.virt + each.size);
    if (found === undefined) return unmapped(space, at);
    const isSame =
      found.phys + (at - found.virt) === phys + (at - virt) &&
      found.access === access &&
      (user === undefined || found.user === user);
    if (!isSame) {
      const actual = rights({ ...found, user: user === undefined ? undefined : found.user });
      const where = `${hex(at)} maps to ${hex(found.phys + (at - found.virt))}`;
      return `${where} with ${actual}${named(found)}${exempted(space, at, access, found)}`;
    }
    at = found.virt + found.size;
  }
  return undefined;
}

function unmapped(space: AddressSpace, at: VirtAddr): string {
  const fault = walk(space, at).fault;
  return fault === undefined ? `${hex(at)} is not mapped: paging is off` : `it is not mapped: ${fault.message}`;
}

/** That the supervisor can write all the same, where the page should be writable and is not. */
function exempted(space: AddressSpace, at: VirtAddr, expected: Access, found: MappedRange): string {
  const isMissing = expected.includes("w") && !found.access.includes("w");
  const isSpared = isMissing && walk(space, at, "write").exemption?.reason === "wp-clear";
  return isSpared ? "; the supervisor can write to it all the same, since CR0.WP is clear" : "";
}

function range(at: bigint, size: bigint): string {
  return size <= 1n ? hex(at) : `${hex(at)}..${hex(at + size - 1n)}`;
}

function rights({ access, user }: Pick<Expected, "access" | "user">): string {
  return `${access}${user === undefined ? "" : user ? " for user mode" : " for supervisor mode only"}`;
}

function named({ name }: MappedRange): string {
  return name === undefined ? "" : ` (mapping ${name})`;
}
