/** From a description to an image. */
import { memoryOf } from "../paging/index.ts";
import { arrange } from "./arrange.ts";
import type { Consistent } from "./description/consistent.ts";
import type { GuestDescription } from "./description/description.ts";
import { checkForm } from "./description/check-form.ts";
import { requireEnterable } from "./entry/entry-rules.ts";
import { entryState } from "./entry/entry-state.ts";
import { requireReachable } from "./entry/reachable.ts";
import type { Image } from "./image.ts";
import { placeChunks } from "./memory/chunks.ts";
import { memoryRegions } from "./memory/regions.ts";
import { pageTablesKey } from "./memory/page-tables.ts";
import { stackKey, stackPointer } from "./memory/stacks.ts";
import { entryProgram } from "./programs/programs.ts";
import { finishTables, tableChunks } from "./tables/tables.ts";
import { warningsOf } from "./warnings.ts";

/** A description on its way to an image. */
export interface Layout {
  /**
   * Builds the image: assembles the programs, builds the tables, derives the entry state, and checks that all of it goes
   * together.
   *
   * @throws LayoutError, PagingError or AsmError, whichever part of the description is wrong
   */
  build(): Promise<Image>;
}

/**
 * Describes a guest: its memory, its page tables, its segments, its code, and the CPU that starts it. Everything in the
 * image derives from this one value.
 *
 * @example
 * ```ts
 * const image = await layout({
 *   mode: "real16",
 *   memory: { ram: { at: 0x0, size: "4KiB" } },
 *   place: { guest: { code: code16().hlt(), in: "ram" } },
 * }).build();
 * ```
 */
export function layout<const D extends GuestDescription>(description: D & Consistent<D>): Layout {
  return { build: () => build(description) };
}

async function build(given: unknown): Promise<Image> {
  const description = await checkForm(given);
  const memory = memoryRegions(description);
  const { space, planned, segments, programs, symbols } = await arrange(description, memory);
  const { mappings, tables: pageTables, stacks, places } = space;
  const entry = entryProgram(description, programs);
  const tables = finishTables(description, planned, { space, segments, symbols });
  const chunks = placeChunks(memory, [
    ...(pageTables === undefined
      ? []
      : [{ name: "page tables", at: pageTables.at, content: pageTables.bytes, key: pageTablesKey(memory, mappings!) }]),
    ...tableChunks(tables).map(({ path, name, at, bytes }) => ({
      ...{ name, at, content: bytes },
      key: space.placed.get(path)!.key,
    })),
    ...programs.flatMap((each) => each.contents),
    ...stacks.map(({ name, phys, size }) => ({
      ...{ name: `stacks.${name}`, at: phys, content: size },
      key: stackKey(name, memory, mappings),
    })),
  ]);
  const rsp = stackPointer(description, stacks, places, segments.ss);
  const cpu = entryState(description, {
    segments,
    gdt: planned.gdtr,
    idt: planned.idtr,
    tables: pageTables,
    rip: entry.origin,
    stackPointer: rsp?.offset,
  });
  requireEnterable(cpu);
  requireReachable({ memory: memoryOf(chunks, memory), cpu, mappings: mappings ?? [] }, cpu, rsp?.name);
  return {
    mode: description.mode,
    memory,
    chunks,
    cpu,
    ...tables,
    paging: pageTables && {
      mode: pageTables.mode,
      root: pageTables.root,
      mappings: mappings!,
      found: space.found,
      requires: pageTables.requires,
    },
    stacks,
    symbols: Object.fromEntries(symbols),
    programs: programs.map(({ program }) => program),
    warnings: warningsOf(space),
  };
}
