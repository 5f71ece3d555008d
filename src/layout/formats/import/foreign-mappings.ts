/** The mappings of foreign 64-bit code: its parts at the addresses that they ask for, all memory at its own. */
import { hex } from "../../../core/hex.ts";
import type { Range } from "../../memory/extent.ts";
import { smallestPage } from "../../memory/extent.ts";
import { badFile } from "./bad-file.ts";
import { roundUp } from "../../../core/units.ts";

/** A mapping of foreign code. */
export interface ForeignMapping {
  /** The parts that it is for; none where it is for memory at its own address. */
  readonly parts: readonly string[];
  readonly virt: bigint;
  readonly phys: bigint;
  readonly size: bigint;
  readonly access: "r" | "rw" | "rx" | "rwx";
}

/** Something that asks for a mapping of pages. */
interface Claim {
  /** What messages call it; `undefined` for memory at its own address, which others may take. */
  readonly name: string | undefined;
  readonly first: bigint;
  readonly end: bigint;
  /** Physical minus virtual address. */
  readonly distance: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What of foreign code a mapping depends on. */
export interface MappedPart {
  readonly name: string;
  readonly virt: bigint;
  readonly phys: bigint;
  readonly memorySize: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** From here to the upper half of the address space no address is canonical with 4-level paging (SDM vol. 1, 3.3.7.1). */
const canonicalEnd = 1n << 47n;

/**
 * The mappings. Parts that share a page get the rights of both; a page that two parts want for different memory is an error.
 *
 * @throws LayoutError `BAD_FILE`
 */
export function foreignMappings(memory: readonly Range[], parts: readonly MappedPart[]): readonly ForeignMapping[] {
  const claims = [
    ...parts.flatMap(partClaims),
    ...memory.map(({ at, size }) => ({
      ...{ name: undefined, first: at, end: at + size, distance: 0n },
      ...{ writable: true, executable: false },
    })),
  ];
  const edges = [...new Set(claims.flatMap(({ first, end }) => [first, end]))].toSorted((a, b) => (a < b ? -1 : 1));
  let active: readonly Claim[] = [];
  const found: ForeignMapping[] = [];
  edges.forEach((virt, i) => {
    const end = edges[i + 1];
    active = [...active.filter((claim) => claim.end > virt), ...claims.filter(({ first }) => first === virt)];
    const mapping = end === undefined ? undefined : mappingOf(active, virt, end - virt);
    if (mapping === undefined) return;
    const last = found.at(-1);
    if (last !== undefined && continues(last, mapping)) found[found.length - 1] = join(last, mapping);
    else found.push(mapping);
  });
  return found;
}

/** A part at the address that it asks for and, unless that is the same, at its physical one. */
function partClaims({ name, virt, phys, memorySize, writable, executable }: MappedPart): readonly Claim[] {
  const distance = phys - virt;
  if (distance % smallestPage !== 0n) {
    throw badFile(
      `${name} has virtual ${hex(virt)} and physical ${hex(phys)}: they lie differently in their pages`,
      virt,
    );
  }
  const last = virt + memorySize - 1n;
  if (last >= canonicalEnd && virt < (1n << 64n) - canonicalEnd) {
    throw badFile(`${name} has virtual ${hex(virt)}..${hex(last)}, which 4-level paging cannot translate`, virt);
  }
  const lastPhys = phys + memorySize - 1n;
  if (lastPhys >= canonicalEnd) {
    throw badFile(`${name} has physical ${hex(phys)}..${hex(lastPhys)}, where memory cannot be mapped to itself`, phys);
  }
  const claim = (at: bigint, by: bigint): Claim => {
    const first = at - (at % smallestPage);
    return { name, first, end: roundUp(at + memorySize, smallestPage), distance: by, writable, executable };
  };
  return distance === 0n ? [claim(virt, 0n)] : [claim(virt, distance), claim(phys, 0n)];
}

function mappingOf(active: readonly Claim[], virt: bigint, size: bigint): ForeignMapping | undefined {
  // Addresses that parts ask for come before memory at its own.
  const asked = active.filter(({ name, distance }) => name !== undefined && distance !== 0n);
  const own = active.filter(({ distance }) => distance === 0n);
  const [first, ...rest] = asked.length > 0 ? asked : own;
  if (first === undefined) return undefined;
  const other = rest.find(({ distance }) => distance !== first.distance);
  if (other !== undefined) {
    throw badFile(`${first.name} and ${other.name} want different memory at virtual ${hex(virt)}`, [
      first.name,
      other.name,
    ]);
  }
  const named = [first, ...rest].filter(({ name }) => name !== undefined);
  const rights = named.length > 0 ? named : [first];
  const writable = rights.some((each) => each.writable);
  const executable = rights.some((each) => each.executable);
  const access = writable ? (executable ? "rwx" : "rw") : executable ? "rx" : "r";
  const parts = [...new Set(named.map(({ name }) => name!))];
  return { parts, virt, phys: virt + first.distance, size, access };
}

function continues(a: ForeignMapping, b: ForeignMapping): boolean {
  return a.virt + a.size === b.virt && a.phys + a.size === b.phys && a.access === b.access;
}

function join(a: ForeignMapping, b: ForeignMapping): ForeignMapping {
  return { ...a, parts: [...new Set([...a.parts, ...b.parts])], size: a.size + b.size };
}

/** What messages call a mapping of foreign code: `segment-2 at 0x400000`. */
export function foreignMappingName({ parts, virt }: ForeignMapping): string {
  return `${parts.length === 0 ? "memory" : parts.join(" and ")} at ${hex(virt)}`;
}
