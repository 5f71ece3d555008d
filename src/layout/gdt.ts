/** The GDT: selectors, the table's bytes, and which segment each register is loaded with. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { toBytes } from "../core/units.ts";
import type { DescriptorTableRegister, SegmentName, SegmentState } from "./cpu-state.ts";
import type { GuestDescription, SettableSegment } from "./description.ts";
import { entryModes } from "./entry-mode.ts";
import type { Chunk, ImageGdt } from "./image.ts";
import { LayoutError } from "./layout-error.ts";
import { encodeDescriptor, segmentState } from "./segment.ts";

/** The most entries that a GDT has: selectors hold a 13-bit index (SDM vol. 3A, 3.5.1). */
const mostEntries = 8192;

/** The GDT of a description; `undefined` in real mode, which has none at entry. */
export function gdtOf({ mode, gdt }: GuestDescription): ImageGdt | undefined {
  if (mode === "real16") {
    if (gdt === undefined) return undefined;
    throw new LayoutError("gdt: real16 has no GDT at entry", { code: "INCONSISTENT", value: gdt });
  }
  const segments = Object.entries(gdt?.segments ?? entryModes[mode].segments);
  if (segments.length >= mostEntries) {
    throw new LayoutError(`gdt.segments: a GDT holds ${mostEntries} entries with the null one, got ${segments.length + 1}`, {
      code: "BAD_DESCRIPTION",
      value: segments.length,
    });
  }
  return {
    at: gdt?.at === undefined ? undefined : toBytes(gdt.at)!,
    segments: segments.map(([name, segment], i) => ({ name, state: segmentState(segment, (i + 1) * 8 + (segment.dpl ?? 0)) })),
  };
}

/** The table as it lies in memory: the null descriptor, then the segments. No chunk where it has no place. */
export function gdtChunks(gdt: ImageGdt | undefined): Chunk[] {
  if (gdt?.at === undefined) return [];
  const entries = [0n, ...gdt.segments.map(({ state }) => encodeDescriptor(state))];
  return [{ name: "gdt", at: gdt.at, bytes: new Uint8Array(BigUint64Array.from(entries).buffer) }];
}

/** GDTR at entry. */
export function gdtRegister(gdt: ImageGdt | undefined, toVirtual: (at: PhysAddr) => VirtAddr): DescriptorTableRegister {
  if (gdt?.at === undefined) return { base: 0n, limit: 0 };
  return { base: toVirtual(gdt.at), limit: (gdt.segments.length + 1) * 8 - 1 };
}

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
export function entrySegments(description: GuestDescription, gdt: ImageGdt | undefined): Record<SegmentName, SegmentState> {
  const chosen = description.cpu?.segments ?? {};
  const load = (register: SettableSegment, fallback: () => SegmentState): SegmentState => {
    const choice = chosen[register];
    if (choice === undefined) return fallback();
    return gdt === undefined ? realSegment(register, choice) : namedSegment(register, choice, gdt);
  };
  if (gdt === undefined) {
    const all = (["cs", "ds", "es", "fs", "gs", "ss"] as const).map((name) => [name, load(name, () => realSegment(name, 0))]);
    return { ...Object.fromEntries(all), tr: entryTask, ldt: nullSegment } as Record<SegmentName, SegmentState>;
  }
  const { bits } = entryModes[description.mode];
  const cs = load("cs", () => codeSegment(gdt, bits));
  const data = gdt.segments.find(({ state }) => (state.type & 8) === 0 && state.dpl === cs.dpl)?.state ?? nullSegment;
  const rest = (["ds", "es", "fs", "gs", "ss"] as const).map((name) => [name, load(name, () => data)]);
  return { cs, ...Object.fromEntries(rest), tr: entryTask, ldt: nullSegment } as Record<SegmentName, SegmentState>;
}

function codeSegment(gdt: ImageGdt, bits: 16 | 32 | 64): SegmentState {
  const found = gdt.segments.find(
    ({ state }) => (state.type & 8) !== 0 && (state.l === 1 ? 64 : state.db === 1 ? 32 : 16) === bits,
  );
  if (found !== undefined) return found.state;
  throw new LayoutError(`gdt.segments: there is no ${bits}-bit code segment for CS`, {
    code: "INCONSISTENT",
    value: gdt.segments.map(({ name }) => name),
  });
}

function namedSegment(register: SettableSegment, choice: number | string, gdt: ImageGdt): SegmentState {
  const found = gdt.segments.find(({ name }) => name === choice);
  if (found !== undefined) return found.state;
  throw new LayoutError(`cpu.segments.${register}: no segment is named ${JSON.stringify(choice)}`, {
    code: "UNKNOWN_NAME",
    value: choice,
    hint: `the GDT has ${gdt.segments.map(({ name }) => name).join(", ")}`,
  });
}

/** A segment register in real-address mode: 64 KiB from sixteen times the selector (SDM vol. 3B, 21.1.1). */
function realSegment(register: SettableSegment, choice: number | string): SegmentState {
  if (typeof choice !== "number" || !Number.isInteger(choice) || choice < 0 || choice > 0xffff) {
    throw new LayoutError(`cpu.segments.${register}: in real mode a segment is 0 to 0xffff, got ${typeof choice === "number" ? hex(choice) : JSON.stringify(choice)}`, {
      code: "BAD_DESCRIPTION",
      value: choice,
    });
  }
  const isCode = register === "cs";
  return { ...nullSegment, base: BigInt(choice) * 16n, limit: 0xffff, selector: choice, type: isCode ? 11 : 3, present: 1, s: 1, unusable: 0 };
}
