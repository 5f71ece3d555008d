/** Where in assembled programs an address lies: program, section, label and statement. */
import type { PhysAddr, VirtAddr } from "./address.ts";
import { sourceToText, type SourceLocation } from "./source.ts";

/** Bytes of a program that lie together. */
interface CodePart {
  /** The address of the first byte as the code sees it. */
  readonly origin: VirtAddr;
  readonly phys: PhysAddr;
  /** In bytes. */
  readonly size: number;
}

/** A program as far as a lookup needs to know it. */
export interface LocatableProgram extends CodePart {
  readonly name: string;
  /** The sections that lie apart. */
  readonly sections: readonly (CodePart & { readonly name: string })[];
  /** The address of each label as the code sees it. */
  readonly labels: Readonly<Record<string, VirtAddr>>;
  readonly listing: readonly {
    readonly kind: "instruction" | "label" | "data";
    readonly address: VirtAddr;
    readonly bytes: Uint8Array;
    readonly text: string;
    readonly source: SourceLocation | undefined;
  }[];
}

/** A place in a program. */
export interface CodePlace {
  readonly program: string;
  /** The section that lies apart and holds the place; `undefined` in the rest of the program. */
  readonly section: string | undefined;
  /** The label at or before the place, in the same section; of several at one address, the first in the program. */
  readonly label: string | undefined;
  /** How many bytes the place lies behind the label; behind the first byte of its section where there is no label. */
  readonly offset: bigint;
  /** The statement there, in Intel syntax. */
  readonly text: string | undefined;
  /** Where the statement was written. */
  readonly source: SourceLocation | undefined;
}

/** What of the programs lies at a physical address. */
export function codeAtPhysical(programs: readonly LocatableProgram[], physical: PhysAddr): CodePlace | undefined {
  return find(programs, ({ phys }) => physical - phys);
}

/** What of the programs lies at an address as their code sees it; of several programs there, the first. */
export function codeAtAddress(programs: readonly LocatableProgram[], address: VirtAddr): CodePlace | undefined {
  return find(programs, ({ origin }) => address - origin);
}

function find(programs: readonly LocatableProgram[], distanceFrom: (part: CodePart) => bigint): CodePlace | undefined {
  for (const program of programs) {
    for (const part of [{ ...program, name: undefined }, ...program.sections]) {
      const distance = distanceFrom(part);
      if (distance >= 0n && distance < BigInt(part.size)) return placeIn(program, part, part.origin + distance);
    }
  }
  return undefined;
}

function placeIn(
  { name, labels, listing }: LocatableProgram,
  { name: section, origin }: { readonly name: string | undefined; readonly origin: VirtAddr },
  address: VirtAddr,
): CodePlace {
  let label: string | undefined;
  let labelAt = origin;
  for (const [each, at] of Object.entries(labels)) {
    if (at > address || at < labelAt || (at === labelAt && label !== undefined)) continue;
    label = each;
    labelAt = at;
  }
  const line = listing.find(
    (each) => each.kind !== "label" && address >= each.address && address < each.address + BigInt(each.bytes.length),
  );
  return { program: name, section, label, offset: address - labelAt, text: line?.text, source: line?.source };
}

/**
 * A place in one line: program, label and offset, and where it was written: `boot:next+0x2 (guest.ts:14)`.
 * Without a label the section stands in its place.
 */
export function codePlaceToText({ program, section, label, offset, source }: CodePlace): string {
  const inner = label ?? section;
  const name = inner === undefined ? program : `${program}:${inner}`;
  const place = offset === 0n ? name : `${name}+0x${offset.toString(16)}`;
  return source === undefined ? place : `${place} (${sourceToText(source)})`;
}
