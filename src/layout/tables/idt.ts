/** The IDT, or in real mode the interrupt vector table. */
import { hex } from "../../core/hex.ts";
import type { DescriptorTableRegister, SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import type { InterruptDescription, InterruptTaskDescription } from "../description/table-descriptions.ts";
import {
  encodeIdt,
  encodeIvt,
  exceptionVectors,
  type ExceptionName,
  type IdtGate,
  type RealModeVector,
} from "../descriptors/index.ts";
import type { ImageIdt, ImageVector } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import type { PlacedTable } from "../memory/table-places.ts";
import { gateBits, hasLongTables } from "./planned-entry.ts";
import { tableRegister, type PlannedGdt } from "./gdt.ts";
import { taskGate } from "./finish-gdt.ts";
import { gateSelector, valueOf } from "./labels.ts";

/** A vector of the description. */
export interface PlannedVector {
  readonly vector: number;
  /** Where the description has it. */
  readonly path: string;
  readonly description: InterruptDescription | InterruptTaskDescription;
}

/** The table with its place. */
export interface PlannedIdt {
  readonly place: PlacedTable;
  /** In bytes. */
  readonly size: number;
  /** In their order. */
  readonly vectors: readonly PlannedVector[];
}

/** The size in bytes of a vector of real mode, and of a gate outside and in long mode (SDM vol. 3B, 21.1.4; 3A, 6.11, 6.14.1). */
const entryBytes = { real: 4, short: 8, long: 16 } as const;

/** The size of the table in bytes: in real mode always that of 256 vectors, else up to the last. */
export function idtSize(description: GuestDescription): number {
  const last = vectorsOf(description).at(-1)?.vector ?? 0;
  if (description.mode === "real16") return 256 * entryBytes.real;
  return (last + 1) * entryBytes[hasLongTables(description) ? "long" : "short"];
}

/** The table of a description, with its place; `undefined` where it has none. */
export function planIdt(description: GuestDescription, { placed }: GuestSpace): PlannedIdt | undefined {
  const { idt } = description;
  if (idt === undefined) return undefined;
  const place = placed.get("idt");
  if (place === undefined)
    throw new LayoutError("idt: it has no place: give at or in", { code: "INCONSISTENT", value: idt });
  return { place, size: idtSize(description), vectors: vectorsOf(description) };
}

/** The vectors of a description, in their order. */
export function vectorsOf({ mode, idt }: GuestDescription): readonly PlannedVector[] {
  const vectors = Object.entries(idt?.vectors ?? {}).map(([name, given]): PlannedVector => {
    const path = `idt.vectors.${name}`;
    if (mode === "real16" && typeof given !== "string") {
      throw new LayoutError(`${path}: in real mode a vector is a label, and nothing else`, {
        code: "INCONSISTENT",
        value: given,
      });
    }
    return { vector: vectorAt(path, name), path, description: typeof given === "string" ? { handler: given } : given };
  });
  vectors.sort((a, b) => a.vector - b.vector);
  const twice = vectors.find(({ vector }, i) => vectors[i + 1]?.vector === vector);
  if (twice === undefined) return vectors;
  throw new LayoutError(`${twice.path}: vector ${twice.vector} is given twice`, {
    code: "INCONSISTENT",
    value: twice.vector,
  });
}

function vectorAt(path: string, name: string): number {
  const vector = Object.hasOwn(exceptionVectors, name) ? exceptionVectors[name as ExceptionName].vector : Number(name);
  if (Number.isInteger(vector) && vector >= 0 && vector <= 255) return vector;
  throw new LayoutError(`${path}: a vector is 0 to 255, or the name of an exception`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `exceptions are ${Object.keys(exceptionVectors).join(", ")}`,
  });
}

/** IDTR at entry. In real mode it holds the interrupt vector table, which begins at 0 where nothing else is said. */
export function idtRegister({ mode }: GuestDescription, planned: PlannedIdt | undefined): DescriptorTableRegister {
  if (planned !== undefined) return tableRegister("idt", mode, planned.place, planned.size);
  return { base: 0n, limit: mode === "real16" ? 256 * entryBytes.real - 1 : 0 };
}

/** What the vectors lead to, once labels have addresses. */
export interface IdtLabels {
  readonly gdt: PlannedGdt | undefined;
  /** CS at entry, for vectors of real mode. */
  readonly cs: SegmentState;
  readonly symbols: ReadonlyMap<string, bigint>;
  /** The stubs' addresses by vector, where there are stubs. */
  readonly stubs: ReadonlyMap<number, bigint> | undefined;
}

/** The table as the image has it. */
export function finishIdt(
  description: GuestDescription,
  planned: PlannedIdt | undefined,
  labels: IdtLabels,
): ImageIdt | undefined {
  if (planned === undefined) return undefined;
  const vectors = planned.vectors.map((each): ImageVector => {
    const { vector, path, description: given } = each;
    if ("task" in given) {
      const gate = taskGate(labels.gdt!, path, given, hasLongTables(description));
      return { vector, handler: `gdt.segments.${given.task}`, gate };
    }
    const { handler } = given;
    const address = valueOf(labels.symbols, path, handler);
    const offset = labels.stubs?.get(vector) ?? address;
    return labels.gdt === undefined
      ? { vector, handler, far: farVector(path, offset, labels.cs) }
      : { vector, handler, gate: gateOf(description, labels.gdt, { path, given }, offset) };
  });
  return { at: planned.place.phys, vectors };
}

function farVector(path: string, offset: bigint, cs: SegmentState): RealModeVector {
  if (offset <= 0xffffn) return { segment: cs.selector, offset: Number(offset) };
  throw new LayoutError(`${path}: ${hex(offset)} is beyond the 16 bits of an offset`, {
    code: "DOES_NOT_FIT",
    value: offset,
  });
}

function gateOf(
  description: GuestDescription,
  { entries }: PlannedGdt,
  { path, given }: { readonly path: string; readonly given: InterruptDescription },
  offset: bigint,
): IdtGate {
  const bits = gateBits(description);
  const gate = {
    type: `${given.type ?? "interrupt"}-gate`,
    selector: gateSelector(entries, path, given.segment, bits),
    offset,
    ...(given.dpl === undefined ? {} : { dpl: given.dpl }),
  } as const;
  if (given.ist === undefined) return { ...gate, bits };
  if (bits === 64) return { ...gate, bits, ist: given.ist };
  throw new LayoutError(`${path}.ist: only gates of long mode name a stack`, {
    code: "INCONSISTENT",
    value: given.ist,
  });
}

/** The table as it lies in memory. */
export function encodeVectors({ vectors }: ImageIdt): Uint8Array {
  const far = vectors.flatMap((each) => ("far" in each ? [[each.vector, each.far] as const] : []));
  if (far.length > 0) return encodeIvt(Object.fromEntries(far), "idt.vectors.");
  const gates = vectors.flatMap((each) => ("gate" in each ? [[each.vector, each.gate] as const] : []));
  const long = gates.some(([, gate]) => "bits" in gate && gate.bits === 64);
  return encodeIdt(Object.fromEntries(gates), { long, size: "minimal" }, "idt.vectors.");
}
