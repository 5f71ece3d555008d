/** The tables of a description with their sizes, which depend on no address: so all of them can get their places at once. */
import type { GuestDescription } from "../description/description.ts";
import type { TablePlacement } from "../description/table-descriptions.ts";
import { encodeTaskState } from "../descriptors/index.ts";
import type { MemoryRegion } from "../image.ts";
import type { TableRequest } from "../memory/table-places.ts";
import { e820Of, entryBytes } from "./e820.ts";
import { gdtEntries } from "./gdt.ts";
import { idtSize } from "./idt.ts";
import { hasLongTables, localEntries, tableSize, taskBits, type PlannedEntry } from "./planned-entry.ts";
import type { StubCode } from "./stubs.ts";
import { taskForm } from "./tss.ts";

/** The tables that a description asks for, in the order in which they get their places. */
export function tableRequests(
  description: GuestDescription,
  memory: readonly MemoryRegion[],
  stubs: StubCode | undefined,
): readonly TableRequest[] {
  const { gdt, idt, e820 } = description;
  const entries = gdtEntries(description) ?? [];
  const systemTables = systemTableRequests(description, entries);
  return [
    ...request("gdt", gdt, tableSize(entries)),
    ...systemTables.filter(({ type }) => type === "tss"),
    ...systemTables.filter(({ type }) => type === "ldt"),
    ...request("idt", idtPlacement(description), idt === undefined ? 0 : idtSize(description)),
    ...request("e820", e820, e820Of(memory).length * entryBytes),
    ...request("idt.stubs", idt?.stubs, stubs?.size ?? 0),
  ];
}

function request(path: string, placement: TablePlacement | undefined, size: number): readonly TableRequest[] {
  return placement === undefined ? [] : [{ path, placement, size: BigInt(size) }];
}

/** What TSS and LDT descriptors lead to. */
function systemTableRequests(
  description: GuestDescription,
  entries: readonly PlannedEntry[],
): readonly (TableRequest & { readonly type: "tss" | "ldt" })[] {
  return entries.flatMap((entry) => {
    const { path, description: each } = entry;
    if (each.type !== "tss" && each.type !== "ldt") return [];
    const size =
      each.type === "ldt"
        ? tableSize(localEntries(entry, each, hasLongTables(description)))
        : encodeTaskState(taskForm(path, each, taskBits(description, path, each)), `${path}.`).length;
    return [{ type: each.type, path, placement: each, size: BigInt(size) }];
  });
}

/** In real mode the table begins at address 0 where nothing else is said. */
function idtPlacement({ mode, idt }: GuestDescription): TablePlacement | undefined {
  return mode === "real16" && idt !== undefined && idt.at === undefined && idt.in === undefined
    ? { ...idt, at: 0 }
    : idt;
}
