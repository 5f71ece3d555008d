/** The GDT and what its system segments lead to, on their way: where each lies, and what the registers hold of it. */
import { hex } from "../../core/hex.ts";
import type { DescriptorTableRegister, SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import type { LdtDescription, TssDescription } from "../description/table-descriptions.ts";
import { encodeTaskState, type SystemSegment, type TaskState } from "../descriptors/index.ts";
import { segmentStateAt } from "../descriptors/segment-state.ts";
import { entryModes } from "../entry/entry-mode.ts";
import { LayoutError } from "../layout-error.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import type { PlacedTable } from "../memory/table-places.ts";
import { hasLongTables, localEntries, planEntries, tableSize, taskBits, type PlannedEntry } from "./planned-entry.ts";
import { taskState, type TaskSurroundings } from "./tss.ts";

/** A table that has its place. */
interface PlannedTable<Place = PlacedTable> {
  readonly place: Place;
  /** In bytes. */
  readonly size: number;
}

/** A TSS that has its place. */
export interface PlannedTask extends PlannedTable {
  readonly entry: PlannedEntry;
  readonly description: TssDescription;
  readonly state: TaskState;
}

/** An LDT that has its place. */
export interface PlannedLdt extends PlannedTable {
  readonly entry: PlannedEntry;
  readonly entries: readonly PlannedEntry[];
}

/** The GDT with its place, if it has one, and what it leads to. */
export interface PlannedGdt extends PlannedTable<PlacedTable | undefined> {
  readonly entries: readonly PlannedEntry[];
  readonly tasks: readonly PlannedTask[];
  readonly ldts: readonly PlannedLdt[];
  /** What a load of each code and data segment gives. */
  readonly segments: readonly { readonly name: string; readonly state: SegmentState }[];
  /** The names of the TSS in TR and the LDT in LDTR at entry; `undefined` for none. */
  readonly loaded: { readonly tr: string | undefined; readonly ldtr: string | undefined };
}

/** The GDT of a description; `undefined` in real mode, which has none at entry. */
export function planGdt(description: GuestDescription, space: GuestSpace): PlannedGdt | undefined {
  const entries = gdtEntries(description);
  if (entries === undefined) return undefined;
  const isLong = hasLongTables(description);
  const size = tableSize(entries);
  const place = space.placed.get("gdt");
  const tasks = entries.flatMap((entry) =>
    entry.description.type === "tss"
      ? [planTask(entry, entry.description, taskBits(description, entry.path, entry.description), { entries, space })]
      : [],
  );
  const ldts = entries.flatMap((entry) =>
    entry.description.type === "ldt" ? [planLdt(entry, entry.description, isLong, space)] : [],
  );
  const segments = entries.flatMap(({ name, path, selector, description: segment }) =>
    segment.type === "code" || segment.type === "data"
      ? [{ name, state: segmentStateAt(`${path}.`, segment, selector) }]
      : [],
  );
  const loaded = {
    tr: loadedName("tr", "TSS", description, tasks),
    ldtr: loadedName("ldtr", "LDT", description, ldts),
  };
  return { entries, place, size, tasks, ldts, segments, loaded };
}

/** The entries of the GDT; `undefined` in real mode. */
export function gdtEntries(description: GuestDescription): readonly PlannedEntry[] | undefined {
  const { mode, gdt } = description;
  if (mode === "real16") {
    if (gdt === undefined) return undefined;
    throw new LayoutError("gdt: real16 has no GDT at entry", { code: "INCONSISTENT", value: gdt });
  }
  const segments = gdt?.segments ?? entryModes[mode].segments;
  return planEntries("gdt.segments", segments, { isLocal: false, isLong: hasLongTables(description) });
}

function planTask(
  entry: PlannedEntry,
  task: TssDescription,
  bits: 16 | 32 | 64,
  surroundings: TaskSurroundings,
): PlannedTask {
  const state = taskState(entry.path, task, bits, surroundings);
  const size = encodeTaskState(state, `${entry.path}.`).length;
  return { entry, description: task, state, size, place: placeOf(entry, surroundings.space) };
}

function planLdt(entry: PlannedEntry, ldt: LdtDescription, isLong: boolean, space: GuestSpace): PlannedLdt {
  const entries = localEntries(entry, ldt, isLong);
  return { entry, entries, size: tableSize(entries), place: placeOf(entry, space) };
}

function placeOf({ path, description }: PlannedEntry, { placed }: GuestSpace): PlacedTable {
  const place = placed.get(path);
  if (place !== undefined) return place;
  throw new LayoutError(`${path}: it has no place: give at or in`, { code: "INCONSISTENT", value: description });
}

/** The TSS or LDT that a register holds at entry. */
function loadedName(
  register: "tr" | "ldtr",
  what: string,
  { cpu }: GuestDescription,
  tables: readonly { readonly entry: PlannedEntry }[],
): string | undefined {
  const name = cpu?.[register];
  if (name === null) return undefined;
  if (name === undefined) return tables[0]?.entry.name;
  if (tables.some(({ entry }) => entry.name === name)) return name;
  throw new LayoutError(`cpu.${register}: no ${what} is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `the GDT has ${tables.map(({ entry }) => entry.name).join(", ") || "none"}`,
  });
}

/** The descriptor of a TSS: marked busy where TR holds it at entry, as `ltr` leaves it. */
export function taskDescriptor(
  gdt: PlannedGdt,
  { entry, description, state, place, size }: PlannedTask,
): SystemSegment {
  return {
    type: "tss",
    bits: state.bits,
    base: place.virt,
    limit: size - 1,
    busy: gdt.loaded.tr === entry.name,
    ...(description.dpl === undefined ? {} : { dpl: description.dpl }),
  };
}

/** The descriptor of an LDT. */
export function ldtDescriptor(isLong: boolean, { place, size }: PlannedLdt): SystemSegment {
  return { type: "ldt", bits: isLong ? 64 : 32, base: place.virt, limit: size - 1 };
}

/** TR and LDTR at entry, where they hold a segment of the GDT. */
export function systemRegisters(
  description: GuestDescription,
  gdt: PlannedGdt | undefined,
): { readonly tr: SegmentState | undefined; readonly ldt: SegmentState | undefined } {
  const task = gdt?.tasks.find(({ entry }) => entry.name === gdt.loaded.tr);
  const ldt = gdt?.ldts.find(({ entry }) => entry.name === gdt.loaded.ldtr);
  return {
    tr: task && segmentStateAt(`${task.entry.path}.`, taskDescriptor(gdt!, task), task.entry.selector),
    ldt:
      ldt && segmentStateAt(`${ldt.entry.path}.`, ldtDescriptor(hasLongTables(description), ldt), ldt.entry.selector),
  };
}

/** GDTR at entry. */
export function gdtRegister({ mode }: GuestDescription, planned: PlannedGdt | undefined): DescriptorTableRegister {
  return planned?.place === undefined
    ? { base: 0n, limit: 0 }
    : tableRegister("gdt", mode, planned.place, planned.size);
}

/** GDTR or IDTR with a table. Throws where its base is beyond what the register holds. */
export function tableRegister(
  path: "gdt" | "idt",
  mode: GuestDescription["mode"],
  { virt }: PlacedTable,
  size: number,
): DescriptorTableRegister {
  if (entryModes[mode].bits === 64 || virt + BigInt(size) <= 1n << 32n) return { base: virt, limit: size - 1 };
  const register = `${path.toUpperCase()}R`;
  throw new LayoutError(`${path}: ${hex(virt)} is beyond the 32 bits of ${register}'s base in ${mode}`, {
    code: "DOES_NOT_FIT",
    value: virt,
  });
}
