/** The programs of a guest: assembled for their places, and the one that runs first. */
import {
  assemble,
  definedLabels,
  startingMode,
  undefinedLabels,
  type AnyCode,
  type Mode,
  type Program,
} from "../../asm/index.ts";
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import type { SegmentState } from "../cpu-state.ts";
import type { GuestDescription, SectionDescription } from "../description/description.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { Chunk, ImageProgram } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { findPlace, type Place } from "../memory/places.ts";

/** A program with its bytes. */
export interface AssembledProgram {
  readonly program: ImageProgram;
  /** The bytes of the program, then those of its sections that lie apart. */
  readonly chunks: readonly Chunk[];
  readonly place: Place;
}

/** The offsets that code of a size has, and what they are counted from. */
interface Reach {
  readonly base: bigint;
  readonly last: bigint;
  readonly of: string;
}

/** A program on its way: where it and its sections go, and what its code can reach. */
interface Planned {
  readonly name: string;
  readonly code: AnyCode;
  readonly spot: Spot;
  readonly sections: ReadonlyMap<string, Spot>;
  readonly reach: Reach;
}

/** So often programs may move each other's labels before they count as depending on each other in a circle. */
const mostRounds = 16;

/**
 * Assembles the programs of a description, in its order. They see each other's labels, whose addresses may depend on them in
 * turn: programs are assembled again until no label that they use has moved.
 *
 * @param symbols the other names that the programs can use; the result has the programs' labels, too
 */
export async function assemblePrograms(
  description: GuestDescription,
  places: readonly Place[],
  cs: SegmentState,
  symbols: ReadonlyMap<string, bigint>,
): Promise<{ readonly programs: readonly AssembledProgram[]; readonly symbols: ReadonlyMap<string, bigint> }> {
  const { bits } = entryModes[description.mode];
  const reach = (mode: Mode): Reach => {
    // 64-bit code ignores the base and limit of its segment (SDM vol. 3A, 3.4.4 and 5.3.1).
    if (mode === bits && mode !== 64) return { base: cs.base, last: BigInt(cs.limit), of: "CS" };
    return { base: 0n, last: (1n << BigInt(mode)) - 1n, of: `a flat ${mode}-bit segment` };
  };
  const planned = Object.entries(description.place).map(([name, { code, sections = {}, ...rest }]): Planned => {
    const path = `place.${name}`;
    const reaches = reach(startingMode(code));
    const apart = Object.entries(sections).map(
      ([section, each]) => [section, spotOf(`${path}.sections.${section}`, each, places, reaches)] as const,
    );
    return { name, code, spot: spotOf(path, rest, places, reaches), sections: new Map(apart), reach: reaches };
  });
  const { programs, labels } = await linked(planned, symbols);
  return {
    programs: planned.map((plan, i) => placed(plan, programs[i]!)),
    symbols: new Map([...symbols, ...labels]),
  };
}

/** Assembles programs until the labels of each are where the others took them to be. */
async function linked(
  planned: readonly Planned[],
  symbols: ReadonlyMap<string, bigint>,
): Promise<{ readonly programs: readonly Program[]; readonly labels: ReadonlyMap<string, bigint> }> {
  const used = planned.map(({ code }) => undefinedLabels(code));
  // Before a program is assembled, its labels count as its beginning.
  const labels = new Map<string, bigint>(
    planned.flatMap(({ name, code, spot }) => [
      [`place.${name}`, spot.origin] as const,
      ...definedLabels(code).map((label) => [`place.${name}.${label}`, spot.origin] as const),
    ]),
  );
  const programs: Program[] = [];
  let stale = planned.map((_, i) => i);
  for (let round = 0; stale.length > 0; round++) {
    if (round === mostRounds) {
      throw new LayoutError(
        `place: the sizes of ${stale.map((i) => planned[i]!.name).join(" and ")} depend on each other`,
        {
          code: "INCONSISTENT",
          value: stale.map((i) => planned[i]!.name),
          hint: "use a label of the other program where the size of the instruction does not depend on it",
        },
      );
    }
    const moved = new Set<string>();
    for (const i of stale) {
      const { name, code, spot, sections } = planned[i]!;
      const program = await assemble(code, {
        origin: spot.origin,
        sections: Object.fromEntries(Array.from(sections, ([section, { origin }]) => [section, origin])),
        symbols: Object.fromEntries([...symbols, ...labels]),
      });
      programs[i] = program;
      for (const [label, address] of program.labels) {
        const path = `place.${name}.${label}`;
        if (labels.get(path) === address) continue;
        labels.set(path, address);
        moved.add(path);
      }
    }
    stale = planned.flatMap((_, i) => (used[i]!.some((name) => moved.has(name)) ? [i] : []));
  }
  return { programs, labels };
}

/** A program at its place. */
function placed(
  { name, spot, sections: spots, reach }: Planned,
  { mode, origin, bytes, sections, labels, listing }: Program,
): AssembledProgram {
  const parts = [
    { spot, name: `code ${name}`, bytes },
    ...sections.map((each) => ({ spot: spots.get(each.name)!, name: `code ${name} ${each.name}`, bytes: each.bytes })),
  ];
  for (const part of parts) requireRoom(part.spot, part.bytes, reach);
  for (const { kind, address } of listing) {
    if (kind !== "instruction") continue;
    const part = parts.find(
      (each) => each.spot.origin <= address && address < each.spot.origin + BigInt(each.bytes.length),
    );
    if (part?.spot.place.executable === false) throw notExecutable(`${part.spot.path}: it holds code`, part.spot.place);
  }
  const program = {
    name,
    mode,
    origin,
    phys: spot.phys,
    size: bytes.length,
    sections: sections.map((each) => ({
      name: each.name,
      origin: each.origin,
      phys: spots.get(each.name)!.phys,
      size: each.bytes.length,
    })),
    labels: Object.fromEntries(labels),
    listing,
  };
  return {
    program,
    chunks: parts.map((part) => ({ name: part.name, at: part.spot.phys, bytes: part.bytes })),
    place: spot.place,
  };
}

/** Where something begins. */
interface Spot {
  /** Where the description says so. */
  readonly path: string;
  readonly place: Place;
  /** Bytes from the beginning of the place. */
  readonly offset: bigint;
  /** As the code sees it. */
  readonly origin: bigint;
  readonly phys: PhysAddr;
}

function spotOf(
  path: string,
  { in: placeName, offset = 0 }: SectionDescription,
  places: readonly Place[],
  reach: Reach,
): Spot {
  const place = findPlace(places, placeName, `${path}.in`);
  const from = toBytes(offset)!;
  if (from > place.size) {
    const what = `${path}.offset: ${hex(from)} is beyond ${placeName}, which has ${sizeToText(place.size)}`;
    throw doesNotFit(what, from, `make the offset smaller, or ${placeName} larger`);
  }
  const origin = place.virt + from - reach.base;
  requireReach(path, "begins", origin, reach);
  return { path, place, offset: from, origin, phys: place.phys + from };
}

function requireRoom({ path, place, offset, origin }: Spot, { length }: Uint8Array, reach: Reach): void {
  if (offset + BigInt(length) > place.size) {
    throw doesNotFit(
      `${path}: ${length} bytes at offset ${hex(offset)} do not fit ${place.name}, which has ${sizeToText(place.size)}`,
      length,
      `give ${place.name} at least ${sizeToText(wholePages(offset + BigInt(length)))}, or put the code elsewhere`,
    );
  }
  if (length > 0) requireReach(path, "ends", origin + BigInt(length) - 1n, reach);
}

/** A size rounded up to pages of 4096 bytes: places are made of them. */
function wholePages(size: bigint): bigint {
  return ((size + 0xfffn) / 0x1000n) * 0x1000n;
}

function doesNotFit(message: string, value: unknown, hint: string): LayoutError {
  return new LayoutError(message, { code: "DOES_NOT_FIT", value, hint });
}

function notExecutable(what: string, { name, writable }: Place): LayoutError {
  return new LayoutError(`${what}, but ${name} is mapped without x`, {
    code: "NOT_EXECUTABLE",
    value: name,
    hint: `set paging.map.${name}.access to "${writable ? "rwx" : "rx"}", or put it in another place`,
  });
}

function requireReach(path: string, verb: "begins" | "ends", offset: bigint, { last, of }: Reach): void {
  if (offset >= 0n && offset <= last) return;
  throw doesNotFit(
    `${path}: it ${verb} at offset ${hex(offset)} of ${of}, whose offsets are 0x0..${hex(last)}`,
    offset,
    of === "CS"
      ? "put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it"
      : `put it where ${of} reaches it`,
  );
}

/** The program whose first byte runs first. */
export function entryProgram({ mode, entry }: GuestDescription, programs: readonly AssembledProgram[]): ImageProgram {
  const names = programs.map(({ program }) => program.name);
  if (names.length === 0)
    throw new LayoutError("place: there is no program", { code: "INCONSISTENT", value: undefined });
  if (entry === undefined && names.length > 1) {
    throw new LayoutError(`entry: there are ${names.length} programs, so it must name the one that runs first`, {
      code: "INCONSISTENT",
      value: entry,
      hint: `there is ${names.join(", ")}`,
    });
  }
  const found = entry === undefined ? programs[0] : programs.find(({ program }) => program.name === entry);
  if (found === undefined) {
    throw new LayoutError(`entry: no program is named ${JSON.stringify(entry)}`, {
      code: "UNKNOWN_NAME",
      value: entry,
      hint: `there is ${names.join(", ")}`,
    });
  }
  const { program, place } = found;
  const { bits } = entryModes[mode];
  if (program.mode !== bits) {
    throw new LayoutError(
      `entry: ${mode} starts in ${bits}-bit code, but ${program.name} is ${program.mode}-bit code`,
      {
        code: "INCONSISTENT",
        value: program.mode,
      },
    );
  }
  if (program.size === 0)
    throw new LayoutError(`entry: ${program.name} is empty`, { code: "INCONSISTENT", value: program.name });
  if (!place.executable) throw notExecutable(`entry: ${program.name} runs first`, place);
  return program;
}
