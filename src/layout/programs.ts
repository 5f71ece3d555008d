/** The programs of a guest: assembled for their places, and the one that runs first. */
import { assemble, type Mode } from "../asm/index.ts";
import { hex } from "../core/hex.ts";
import { sizeToText, toBytes } from "../core/units.ts";
import type { SegmentState } from "./cpu-state.ts";
import type { GuestDescription, PlaceDescription } from "./description.ts";
import { entryModes } from "./entry-mode.ts";
import type { ImageProgram } from "./image.ts";
import { LayoutError } from "./layout-error.ts";
import { findPlace, type Place } from "./places.ts";

/** A program with its bytes. */
export interface AssembledProgram {
  readonly program: ImageProgram;
  readonly bytes: Uint8Array;
  readonly place: Place;
}

/** The offsets that code of a size has, and what they are counted from. */
interface Reach {
  readonly base: bigint;
  readonly last: bigint;
  readonly of: string;
}

/** Assembles the programs of a description, in its order. */
export async function assemblePrograms(
  description: GuestDescription,
  places: readonly Place[],
  cs: SegmentState,
): Promise<readonly AssembledProgram[]> {
  const { bits } = entryModes[description.mode];
  const reach = (mode: Mode): Reach => {
    // 64-bit code ignores the base and limit of its segment (SDM vol. 3A, 3.4.4 and 5.3.1).
    if (mode === bits && mode !== 64) return { base: cs.base, last: BigInt(cs.limit), of: "CS" };
    return { base: 0n, last: (1n << BigInt(mode)) - 1n, of: `a flat ${mode}-bit segment` };
  };
  const programs: AssembledProgram[] = [];
  for (const [name, place] of Object.entries(description.place)) {
    programs.push(await assembleInto(name, place, places, reach(place.code.mode)));
  }
  return programs;
}

async function assembleInto(
  name: string,
  { code, in: placeName, offset = 0 }: PlaceDescription,
  places: readonly Place[],
  reach: Reach,
): Promise<AssembledProgram> {
  const place = findPlace(places, placeName, `place.${name}.in`);
  const from = toBytes(offset)!;
  const start = place.virt + from - reach.base;
  if (from > place.size)
    throw doesNotFit(
      `place.${name}.offset: ${hex(from)} is beyond ${placeName}, which has ${sizeToText(place.size)}`,
      from,
    );
  requireReach(name, "begins", start, reach);
  const { mode, origin, bytes, labels, listing } = await assemble(code, { origin: start });
  const size = BigInt(bytes.length);
  if (from + size > place.size) {
    throw doesNotFit(
      `place.${name}: ${bytes.length} bytes at offset ${hex(from)} do not fit ${placeName}, which has ${sizeToText(place.size)}`,
      bytes.length,
    );
  }
  if (size > 0n) requireReach(name, "ends", start + size - 1n, reach);
  if (!place.executable && listing.some(({ kind }) => kind === "instruction"))
    throw notExecutable(`place.${name}: it holds code`, placeName);
  const program = {
    name,
    mode,
    origin,
    phys: place.phys + from,
    size: bytes.length,
    labels: Object.fromEntries(labels),
    listing,
  };
  return { program, bytes, place };
}

function doesNotFit(message: string, value: unknown): LayoutError {
  return new LayoutError(message, { code: "DOES_NOT_FIT", value });
}

function notExecutable(what: string, place: string): LayoutError {
  return new LayoutError(`${what}, but ${place} is mapped without x`, { code: "NOT_EXECUTABLE", value: place });
}

function requireReach(name: string, verb: "begins" | "ends", offset: bigint, { last, of }: Reach): void {
  if (offset >= 0n && offset <= last) return;
  throw doesNotFit(
    `place.${name}: it ${verb} at offset ${hex(offset)} of ${of}, whose offsets are 0x0..${hex(last)}`,
    offset,
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
  if (!place.executable) throw notExecutable(`entry: ${program.name} runs first`, place.name);
  return program;
}
