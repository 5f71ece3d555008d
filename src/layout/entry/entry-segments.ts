/** The segment registers at entry: which segment each is loaded with, and whether the CPU would let it. */
import { hex } from "../../core/hex.ts";
import type { SegmentName, SegmentState } from "../cpu-state.ts";
import type { GuestDescription, SettableSegment } from "../description/description.ts";
import { segmentToText, typeBits } from "../descriptors/segment.ts";
import { entryModes } from "./entry-mode.ts";
import { LayoutError } from "../layout-error.ts";
import { systemRegisters, type PlannedGdt } from "../tables/gdt.ts";

/** What a segment register holds after a null selector was loaded. */
const nullSegment: SegmentState = {
  base: 0n,
  limit: 0,
  selector: 0,
  type: 0,
  present: 0,
  dpl: 0,
  db: 0,
  s: 0,
  l: 0,
  g: 0,
  avl: 0,
  unusable: 1,
};

/**
 * TR at entry. VT-x enters no guest without a busy TSS in TR, though this one has no memory (SDM vol. 3C, 27.3.1.2); the
 * limit is that of an empty TSS, 104 bytes.
 */
const entryTask: SegmentState = { ...nullSegment, limit: 0x67, type: 11, present: 1, unusable: 0 };

/** The segment registers at entry. */
export function entrySegments(
  description: GuestDescription,
  gdt: PlannedGdt | undefined,
): Record<SegmentName, SegmentState> {
  const { tr = entryTask, ldt = nullSegment } = systemRegisters(description, gdt);
  return { ...(gdt === undefined ? realSegments(description) : loadedSegments(description, gdt)), tr, ldt };
}

function realSegments({ cpu }: GuestDescription): Record<SettableSegment, SegmentState> {
  const load = (name: SettableSegment): SegmentState => realSegment(name, cpu?.segments?.[name] ?? 0);
  return { cs: load("cs"), ds: load("ds"), es: load("es"), fs: load("fs"), gs: load("gs"), ss: load("ss") };
}

/** A segment register in real-address mode: 64 KiB from sixteen times the selector (SDM vol. 3B, 21.1.1). */
function realSegment(register: SettableSegment, choice: number | string): SegmentState {
  if (typeof choice !== "number" || choice < 0 || choice > 0xffff) {
    const got = typeof choice === "number" ? hex(choice) : JSON.stringify(choice);
    throw new LayoutError(`cpu.segments.${register}: in real mode a segment is 0 to 0xffff, got ${got}`, {
      code: "BAD_DESCRIPTION",
      value: choice,
    });
  }
  const type = register === "cs" ? 11 : 3;
  return {
    ...nullSegment,
    base: BigInt(choice) * 16n,
    limit: 0xffff,
    selector: choice,
    type,
    present: 1,
    s: 1,
    unusable: 0,
  };
}

/** What a register asks of its segment (SDM vol. 3A, 5.5 and 5.7; for VT-x vol. 3C, 27.3.1.2). */
interface Demand {
  readonly text: string;
  readonly holds: (state: SegmentState) => boolean;
}

function loadedSegments({ mode, cpu }: GuestDescription, gdt: PlannedGdt): Record<SettableSegment, SegmentState> {
  const { bits } = entryModes[mode];
  const chosen = cpu?.segments ?? {};
  const segments = gdt.segments.map(({ state }) => state);
  /** The segment that a register is given, or the first that is for it, or none. */
  const load = (register: SettableSegment, demand: Demand, isFor = demand.holds): SegmentState | undefined => {
    const choice = chosen[register];
    if (choice !== undefined) return accessed(requireSegment(register, choice, gdt, [present, demand]));
    const found = segments.find((state) => present.holds(state) && isFor(state));
    return found && accessed(found);
  };
  const forCode = {
    text: `a ${bits}-bit code segment`,
    holds: (state: SegmentState) => isCode(state) && bitsOf(state) === bits,
  };
  const cs = load("cs", forCode) ?? none("CS", forCode, gdt);
  const forStack = {
    text: `a writable data segment of privilege level ${cs.dpl}`,
    holds: (state: SegmentState) => isData(state) && isReadableOrWritable(state) && state.dpl === cs.dpl,
  };
  const forData = {
    text: `a segment that privilege level ${cs.dpl} can read`,
    holds: (state: SegmentState) =>
      (isData(state) || isReadableOrWritable(state)) && (state.dpl >= cs.dpl || isConforming(state)),
  };
  const data = (name: SettableSegment): SegmentState =>
    load(name, forData, (state) => isData(state) && state.dpl === cs.dpl) ?? nullSegment;
  // 64-bit code needs no stack segment below level 3 (SDM vol. 3A, 5.4.1); at level 0 the null selector has its RPL.
  const ss = load("ss", forStack) ?? (bits === 64 && cs.dpl === 0 ? nullSegment : none("SS", forStack, gdt));
  return { cs, ds: data("ds"), es: data("es"), fs: data("fs"), gs: data("gs"), ss };
}

const present: Demand = { text: "a present segment", holds: (state) => state.present === 1 };
const isCode = ({ type }: SegmentState): boolean => (type & typeBits.code) !== 0;
const isData = (state: SegmentState): boolean => !isCode(state);
const isReadableOrWritable = ({ type }: SegmentState): boolean => (type & typeBits.writableOrReadable) !== 0;
const isConforming = (state: SegmentState): boolean =>
  isCode(state) && (state.type & typeBits.expandDownOrConforming) !== 0;
const bitsOf = ({ l, db }: SegmentState): 16 | 32 | 64 => (l === 1 ? 64 : db === 1 ? 32 : 16);

/** A load sets the accessed bit (SDM vol. 3A, 3.4.5.1), and VT-x enters no guest whose registers lack it. */
function accessed(state: SegmentState): SegmentState {
  return { ...state, type: state.type | typeBits.accessed };
}

function requireSegment(
  register: SettableSegment,
  choice: number | string,
  gdt: PlannedGdt,
  demands: readonly Demand[],
): SegmentState {
  const state = gdt.segments.find(({ name }) => name === choice)?.state;
  if (state === undefined) {
    throw new LayoutError(`cpu.segments.${register}: no segment is named ${JSON.stringify(choice)}`, {
      code: "UNKNOWN_NAME",
      value: choice,
      hint: `the GDT has ${gdt.segments.map(({ name }) => name).join(", ") || "none"}`,
    });
  }
  const broken = demands.find(({ holds }) => !holds(state));
  if (broken === undefined) return state;
  throw new LayoutError(
    `cpu.segments.${register}: it needs ${broken.text}, but ${JSON.stringify(choice)} is ${segmentToText(state)}`,
    {
      code: "INCONSISTENT",
      value: choice,
    },
  );
}

function none(register: string, { text }: Demand, gdt: PlannedGdt): never {
  throw new LayoutError(`gdt.segments: ${register} needs ${text}, and none of them is a present one`, {
    code: "INCONSISTENT",
    value: gdt.segments.map(({ name }) => name),
  });
}
