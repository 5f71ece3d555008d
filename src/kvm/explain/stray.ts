/** Whether the guest executes what is none of its code. */
import { hex } from "../../core/hex.ts";
import type { ImageProgram } from "../../layout/image.ts";
import { locationToText, type GuestLocation } from "../machine/location.ts";
import type { StrayFinding } from "./finding.ts";
import type { GuestView } from "./guest-view.ts";

/** How far behind a program zeros are looked at: further away, something else has led there. */
const FAR = 0x10_0000n;

/** What is wrong with the place where the guest is; `undefined` where it is in code, or nothing is known of its code. */
export function findStray(view: GuestView, where: GuestLocation): StrayFinding | undefined {
  const { linear, physical } = where;
  const { programs = [] } = view.guest.image;
  const tell: Tell = (reason, text, hint) => ({
    ...{ kind: "stray", reason, where, text: `rip ${hex(linear)} ${text}`, hint },
  });
  const end = programEnd(view, programs, where);
  if (end !== undefined) {
    const zeros = end.gap === 0n ? "; the zeros there" : `, after ${end.gap} bytes of zeros, which`;
    const text = `lies behind the end of program ${end.name}${zeros} run as ${zeroInstructions[view.bits]}`;
    return tell("past-end", text, `most likely the guest ran past its end: end ${end.name} with hlt, or a jump`);
  }
  // What is not mapped is an exception, and told as one.
  if (physical === undefined) return undefined;
  if (view.guest.readMemory(physical, 1) === undefined) {
    const { mapping } = view.walk(linear, "fetch");
    const named = mapping === undefined ? "" : ` (mapping "${mapping}")`;
    return tell("no-memory", `leads to physical ${hex(physical)}${named}, where there is no memory`);
  }
  if (where.program !== undefined)
    return strayIn(
      programs.find(({ name }) => name === where.program)!,
      where,
      tell,
    );
  return programs.length === 0 ? undefined : tell("outside", "lies in none of the image's programs");
}

type Tell = (reason: StrayFinding["reason"], text: string, hint?: string) => StrayFinding;

function strayIn({ listing }: ImageProgram, where: GuestLocation, tell: Tell): StrayFinding | undefined {
  const line = listing.find(
    ({ kind, address, bytes }) =>
      kind !== "label" && where.rip >= address && where.rip < address + BigInt(bytes.length),
  );
  if (line === undefined) return undefined;
  const place = locationToText(where);
  if (line.kind === "data") return tell("data", `lies in data, ${line.text}, at ${place}`);
  return line.address === where.rip
    ? undefined
    : tell("inside-instruction", `lies in the middle of ${line.text}, at ${place}`);
}

/** What two bytes of zeros are (SDM vol. 2A, ADD, and tables 2-1 and 2-2 for the operand). */
const zeroInstructions = { 16: "add [bx+si], al", 32: "add [eax], al", 64: "add [rax], al" } as const;

/** A program, or a section of one, from whose end the guest went on. */
interface ProgramEnd {
  readonly name: string;
  /** How many bytes the guest is behind it. */
  readonly gap: bigint;
}

/** The program from whose end to RIP there is nothing but zeros, in memory and in the code's own addresses. */
function programEnd(
  view: GuestView,
  programs: readonly ImageProgram[],
  { rip, linear, physical, program }: GuestLocation,
): ProgramEnd | undefined {
  if (program !== undefined) return undefined;
  // At the first byte of a page that cannot be fetched, zeros end with the page before.
  const last = physical ?? view.physical(linear - 1n);
  if (last === undefined) return undefined;
  const behind = physical === undefined ? last + 1n : last;
  const [nearest] = programs
    .flatMap((each) => [each, ...each.sections.map((part) => ({ ...part, name: `${each.name}:${part.name}` }))])
    .map(({ name, phys, origin, size }) => ({ name, end: phys + BigInt(size), shift: phys - origin }))
    .filter(({ end, shift }) => end <= behind && behind - end <= FAR && behind - rip === shift)
    .toSorted((a, b) => Number(b.end - a.end));
  if (nearest === undefined) return undefined;
  const gap = behind - nearest.end;
  // Where the guest stands is a zero, too.
  const bytes = view.guest.readMemory(nearest.end, Number(gap) + (physical === undefined ? 0 : 1));
  return bytes?.every((byte) => byte === 0) === true ? { name: nearest.name, gap } : undefined;
}
