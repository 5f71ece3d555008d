/**
 * The tables of a guest besides its page tables. They are planned before the programs are assembled, which use their addresses
 * and selectors, and finished after: gates lead to labels.
 */
import type { DescriptorTableRegister, SegmentName, SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import { encodeDescriptorTable, encodeTaskState, type Descriptor } from "../descriptors/index.ts";
import type { Chunk, Image, ImageDescriptor, ImageE820, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import { planStubs, stubAddresses, type PlannedStubs, type StubCode } from "./stubs.ts";
import { e820Of, encodeE820 } from "./e820.ts";
import { finishGdt } from "./finish-gdt.ts";
import { encodeVectors, finishIdt, idtRegister, planIdt, type PlannedIdt } from "./idt.ts";
import { gdtRegister, planGdt, type PlannedGdt } from "./gdt.ts";

/** The tables with their places. */
export interface PlannedTables {
  readonly gdt: PlannedGdt | undefined;
  /** GDTR at entry. */
  readonly gdtr: DescriptorTableRegister;
  readonly idt: PlannedIdt | undefined;
  /** IDTR at entry. */
  readonly idtr: DescriptorTableRegister;
  readonly stubs: PlannedStubs | undefined;
  readonly e820: ImageE820 | undefined;
}

/** What tables need to be finished. */
export interface FinishedParts {
  readonly space: GuestSpace;
  /** The segment registers at entry. */
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  /** What gates can lead to. */
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** The tables of a description at the places that they got. */
export function planTables(
  description: GuestDescription,
  memory: readonly MemoryRegion[],
  space: GuestSpace,
  stubs: StubCode | undefined,
): PlannedTables {
  const gdt = planGdt(description, space);
  const idt = planIdt(description, space);
  if (idt !== undefined && gdt !== undefined && gdt.place === undefined) {
    throw new LayoutError("gdt: the gates of the IDT load CS from it, so it needs a place: give at or in", {
      code: "INCONSISTENT",
      value: description.gdt,
    });
  }
  return {
    gdt,
    gdtr: gdtRegister(description, gdt),
    idt,
    idtr: idtRegister(description, idt),
    stubs: planStubs(description, stubs, space),
    e820: planE820(description, memory, space),
  };
}

function planE820(
  { e820 }: GuestDescription,
  memory: readonly MemoryRegion[],
  { placed }: GuestSpace,
): ImageE820 | undefined {
  if (e820 === undefined) return undefined;
  const place = placed.get("e820");
  if (place === undefined)
    throw new LayoutError("e820: it has no place: give at or in", { code: "INCONSISTENT", value: e820 });
  return { at: place.phys, virt: place.virt, entries: e820Of(memory) };
}

/** The tables as the image has them. */
export type FinishedTables = Pick<Image, "gdt" | "ldts" | "tasks" | "idt" | "e820">;

/** The tables as the image has them. */
export function finishTables(
  description: GuestDescription,
  { gdt, idt, stubs, e820 }: PlannedTables,
  parts: FinishedParts,
): FinishedTables {
  const { symbols, segments } = parts;
  return {
    ...finishGdt(description, gdt, parts),
    idt: finishIdt(description, idt, { gdt, cs: segments.cs, symbols, stubs: stubs && stubAddresses(idt!, symbols) }),
    e820,
  };
}

/** The first entry of a GDT (SDM vol. 3A, 3.5.1). */
const nullDescriptor: Descriptor = { type: "null" };

/** A GDT or an LDT as it lies in memory. `path` is where the description has its entries, which come after `first`. */
function encodeEntries(path: string, first: readonly Descriptor[], entries: readonly ImageDescriptor[]): Uint8Array {
  return encodeDescriptorTable(
    [...first, ...entries.map(({ descriptor }) => descriptor)],
    (index) => `${path}.${entries[index - first.length]?.name ?? index}.`,
  );
}

/** A table's bytes, and where the description has it. */
interface TableChunk extends Chunk {
  readonly path: string;
}

/** The bytes of the tables of an image. */
export function tableChunks({ gdt, ldts, tasks, idt, e820 }: FinishedTables): readonly TableChunk[] {
  return [
    ...(gdt?.at === undefined
      ? []
      : [
          { path: "gdt", name: "gdt", at: gdt.at, bytes: encodeEntries("gdt.segments", [nullDescriptor], gdt.entries) },
        ]),
    ...ldts.map(({ name, at, entries }) => ({
      path: `gdt.segments.${name}`,
      name: `ldt ${name}`,
      at,
      bytes: encodeEntries(`gdt.segments.${name}.segments`, [], entries),
    })),
    ...tasks.map(({ name, at, state }) => ({
      path: `gdt.segments.${name}`,
      name: `tss ${name}`,
      at,
      bytes: encodeTaskState(state),
    })),
    ...(idt === undefined ? [] : [{ path: "idt", name: "idt", at: idt.at, bytes: encodeVectors(idt) }]),
    ...(e820 === undefined ? [] : [{ path: "e820", name: "e820", at: e820.at, bytes: encodeE820(e820.entries) }]),
  ];
}
