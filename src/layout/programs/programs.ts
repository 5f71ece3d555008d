/** The programs of a guest: assembled for their places, and the one that runs first. */
import { startingMode, type Mode, type Program } from "../../asm/index.ts";
import type { SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { ImageProgram, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import type { Content } from "../memory/chunks.ts";
import type { Place } from "../memory/places.ts";
import { stubsProgram, type PlannedStubs } from "../tables/stubs.ts";
import { linkPrograms, type PlannedProgram } from "./link-programs.ts";
import { notExecutable, requireRoom, spotKey, spotOf, type Reach } from "./spot.ts";

/** A program with its bytes. */
export interface AssembledProgram {
  readonly program: ImageProgram;
  /** The bytes of the program, then those of its sections that lie apart. */
  readonly contents: readonly Content[];
  readonly place: Place;
}

/**
 * Assembles the programs of a description, in its order. They see each other's labels, whose addresses may depend on them in
 * turn: programs are assembled again until no label that they use has moved.
 *
 * @param stubs the code between the IDT and the handlers, one more program after the others
 * @param symbols the other names that the programs can use; the result has the programs' labels, too
 */
export async function assemblePrograms(
  description: GuestDescription,
  { memory, places }: { readonly memory: readonly MemoryRegion[]; readonly places: readonly Place[] },
  cs: SegmentState,
  stubs: PlannedStubs | undefined,
  symbols: ReadonlyMap<string, bigint>,
): Promise<{ readonly programs: readonly AssembledProgram[]; readonly symbols: ReadonlyMap<string, bigint> }> {
  const { bits } = entryModes[description.mode];
  const reach = (mode: Mode): Reach => {
    // 64-bit code ignores the base and limit of its segment (SDM vol. 3A, 3.4.4 and 5.3.1).
    if (mode === bits && mode !== 64) return { base: cs.base, last: BigInt(cs.limit), of: "CS" };
    return { base: 0n, last: (1n << BigInt(mode)) - 1n, of: `a flat ${mode}-bit segment` };
  };
  const planned = Object.entries(description.place).map(([name, { code, sections = {}, ...rest }]): PlannedProgram => {
    const path = `place.${name}`;
    const reaches = reach(startingMode(code));
    const apart = Object.entries(sections).map(
      ([section, each]) => [section, spotOf(`${path}.sections.${section}`, each, places, reaches)] as const,
    );
    return { name, path, code, spot: spotOf(path, rest, places, reaches), sections: new Map(apart), reach: reaches };
  });
  if (stubs !== undefined) {
    const { code, placement } = stubs;
    const reaches = reach(code.mode);
    const spot = spotOf("idt.stubs", placement, places, reaches);
    planned.push({ ...stubsProgram, code, spot, sections: new Map(), reach: reaches });
  }
  const { programs, labels } = await linkPrograms(planned, symbols);
  return {
    programs: planned.map((plan, i) => placed(plan, programs[i]!, memory)),
    symbols: new Map([...symbols, ...labels]),
  };
}

/** A program at its place. */
function placed(
  { name, spot, sections: spots, reach }: PlannedProgram,
  { mode, origin, bytes, sections, labels, listing }: Program,
  memory: readonly MemoryRegion[],
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
    contents: parts.map((part) => ({
      ...{ name: part.name, at: part.spot.phys, content: part.bytes },
      key: spotKey(part.spot, reach, memory),
    })),
    place: spot.place,
  };
}

/** The program whose first byte runs first: one that the description places, and not the stubs after those. */
export function entryProgram(
  { mode, entry, place }: GuestDescription,
  programs: readonly AssembledProgram[],
): ImageProgram {
  const names = Object.keys(place);
  if (names.length === 0)
    throw new LayoutError("place: there is no program", { code: "INCONSISTENT", value: undefined });
  if (entry === undefined && names.length > 1) {
    throw new LayoutError(`entry: there are ${names.length} programs, so it must name the one that runs first`, {
      code: "INCONSISTENT",
      value: entry,
      hint: `there is ${names.join(", ")}`,
    });
  }
  const found = entry === undefined ? programs[0] : programs[names.indexOf(entry)];
  if (found === undefined) {
    throw new LayoutError(`entry: no program is named ${JSON.stringify(entry)}`, {
      code: "UNKNOWN_NAME",
      value: entry,
      hint: `there is ${names.join(", ")}`,
    });
  }
  const { program } = found;
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
  if (!found.place.executable) throw notExecutable(`entry: ${program.name} runs first`, found.place);
  return program;
}
