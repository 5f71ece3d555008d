/** The GDT, the LDTs and the TSSs with everything in them, once gates know the addresses of their labels. */
import type { CallGateDescription, GuestDescription } from "../description/description.ts";
import type { Descriptor } from "../descriptors/index.ts";
import type { Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { hasLongTables, imageEntries, taskBits, type PlannedEntry } from "./descriptor-table.ts";
import { ldtDescriptor, taskDescriptor, type PlannedGdt } from "./gdt.ts";
import type { FinishedParts } from "./tables.ts";

/** The finished tables; none where there is no GDT. */
export function finishGdt(
  description: GuestDescription,
  planned: PlannedGdt | undefined,
  parts: FinishedParts,
): Pick<Image, "gdt" | "ldts" | "tasks"> {
  if (planned === undefined) return { gdt: undefined, ldts: [], tasks: [] };
  const isLong = hasLongTables(description);
  const descriptorOf = ({ name, path, description: entry }: PlannedEntry): Descriptor => {
    switch (entry.type) {
      case "code":
      case "data":
        return entry;
      case "tss":
        return taskDescriptor(
          planned,
          planned.tasks.find((each) => each.entry.name === name)!,
        );
      case "ldt":
        return ldtDescriptor(
          isLong,
          planned.ldts.find((each) => each.entry.name === name)!,
        );
      case "call-gate":
        return callGate(description, planned, path, entry, parts);
      case "task-gate":
        return { type: "task-gate", selector: taskSelector(planned, path, entry.task), ...levelOf(entry) };
    }
  };
  const entries = imageEntries(planned.entries, descriptorOf);
  return {
    gdt: { at: planned.place?.phys, entries },
    ldts: planned.ldts.map((ldt) => ({
      name: ldt.entry.name,
      at: ldt.place.phys,
      entries: imageEntries(ldt.entries, descriptorOf),
    })),
    tasks: planned.tasks.map(({ entry, place }) => ({ name: entry.name, at: place.phys })),
  };
}

function levelOf({ dpl }: { readonly dpl?: 0 | 1 | 2 | 3 }): { readonly dpl?: 0 | 1 | 2 | 3 } {
  return dpl === undefined ? {} : { dpl };
}

function callGate(
  description: GuestDescription,
  gdt: PlannedGdt,
  path: string,
  gate: CallGateDescription,
  { segments, symbols }: FinishedParts,
): Descriptor {
  const { target, segment, parameters } = gate;
  const selector = segment === undefined ? segments.cs.selector : segmentSelector(gdt, `${path}.segment`, segment);
  const shared = {
    type: "call-gate",
    selector,
    offset: valueOf(symbols, `${path}.target`, target),
    ...levelOf(gate),
  } as const;
  if (hasLongTables(description)) return { ...shared, bits: 64 };
  const bits = taskBits(description, { type: "tss" }) === 16 ? 16 : 32;
  return { ...shared, bits, ...(parameters === undefined ? {} : { parameters }) };
}

/** What a gate leads to. `path` is where the description names it. */
export function valueOf(symbols: ReadonlyMap<string, bigint>, path: string, name: string): bigint {
  const value = symbols.get(name);
  if (value !== undefined) return value;
  const labels = Array.from(symbols.keys()).filter((each) => each.startsWith("place."));
  throw new LayoutError(`${path}: nothing is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `labels of programs are ${labels.slice(0, 12).join(", ")}${labels.length > 12 ? ", ..." : ""}`,
  });
}

/** The selector of a code segment. `path` is where the description names it. */
export function segmentSelector({ segments }: PlannedGdt, path: string, name: string): number {
  const found = segments.find((each) => each.name === name);
  if (found !== undefined) return found.state.selector;
  throw new LayoutError(`${path}: no segment is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `the GDT has ${segments.map((each) => each.name).join(", ") || "none"}`,
  });
}

function taskSelector({ tasks }: PlannedGdt, path: string, name: string): number {
  const found = tasks.find(({ entry }) => entry.name === name);
  if (found !== undefined) return found.entry.selector;
  throw new LayoutError(`${path}.task: no TSS is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `the GDT has ${tasks.map(({ entry }) => entry.name).join(", ") || "none"}`,
  });
}
