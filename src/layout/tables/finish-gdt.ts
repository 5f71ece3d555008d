/** The GDT, the LDTs and the TSSs with everything in them, once gates know the addresses of their labels. */
import type { GuestDescription } from "../description/description.ts";
import type { CallGateDescription, TaskGateDescription } from "../description/table-descriptions.ts";
import type { Descriptor, TaskGate } from "../descriptors/index.ts";
import type { Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { hasLongTables, gateBits, imageEntries, type PlannedEntry } from "./planned-entry.ts";
import { ldtDescriptor, taskDescriptor, type PlannedGdt } from "./gdt.ts";
import { gateSelector, valueOf } from "./labels.ts";
import type { FinishedParts } from "./tables.ts";
import { withEntry } from "./tss.ts";

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
        return taskGate(planned, path, entry, isLong);
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
    tasks: planned.tasks.map(({ entry, description: task, state, place }) => ({
      name: entry.name,
      at: place.phys,
      state: withEntry(entry.path, task, state, parts),
    })),
  };
}

function levelOf({ dpl }: { readonly dpl?: 0 | 1 | 2 | 3 }): { readonly dpl?: 0 | 1 | 2 | 3 } {
  return dpl === undefined ? {} : { dpl };
}

function callGate(
  description: GuestDescription,
  { entries }: PlannedGdt,
  path: string,
  gate: CallGateDescription,
  { symbols }: FinishedParts,
): Descriptor {
  const bits = gateBits(description);
  const shared = {
    type: "call-gate",
    selector: gateSelector(entries, path, gate.segment, bits),
    offset: valueOf(symbols, `${path}.target`, gate.target),
    ...levelOf(gate),
  } as const;
  if (gate.parameters === undefined) return { ...shared, bits };
  if (bits !== 64) return { ...shared, bits, parameters: gate.parameters };
  throw new LayoutError(`${path}.parameters: call gates of long mode copy none`, {
    code: "INCONSISTENT",
    value: gate.parameters,
  });
}

/** A gate to a task, of the GDT or an IDT. `path` is where the description has it. */
export function taskGate(
  { tasks }: PlannedGdt,
  path: string,
  gate: Omit<TaskGateDescription, "type">,
  isLong: boolean,
): TaskGate {
  if (isLong) throw new LayoutError(`${path}: long mode has no task gates`, { code: "INCONSISTENT", value: gate });
  const found = tasks.find(({ entry }) => entry.name === gate.task);
  if (found !== undefined) return { type: "task-gate", selector: found.entry.selector, ...levelOf(gate) };
  throw new LayoutError(`${path}.task: no TSS is named ${JSON.stringify(gate.task)}`, {
    code: "UNKNOWN_NAME",
    value: gate.task,
    hint: `the GDT has ${tasks.map(({ entry }) => entry.name).join(", ") || "none"}`,
  });
}
