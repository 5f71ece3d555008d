/** From a description to an image. */
import { memoryOf } from "../paging/index.ts";
import type { Consistent } from "./description/consistent.ts";
import type { GuestDescription } from "./description/description.ts";
import { checkForm } from "./description/check-form.ts";
import { entrySegments } from "./entry/entry-segments.ts";
import { requireEnterable } from "./entry/entry-rules.ts";
import { entryState } from "./entry/entry-state.ts";
import { requireReachable } from "./entry/reachable.ts";
import type { Image } from "./image.ts";
import { guestSpace } from "./memory/address-space.ts";
import { placeChunks } from "./memory/chunks.ts";
import { memoryRegions } from "./memory/regions.ts";
import { stackPointer } from "./memory/stacks.ts";
import { assemblePrograms, entryProgram } from "./programs/programs.ts";
import { symbolsOf } from "./programs/symbols.ts";
import { finishTables, fixedTables, planTables, tableChunks } from "./tables/tables.ts";
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
  const space = guestSpace(description, memory, fixedTables(description, memory));
  const { mappings, tables: pageTables, stacks, places } = space;
  const planned = await planTables(description, memory, space);
  const segments = entrySegments(description, planned.gdt);
  const { programs, symbols } = await assemblePrograms(
    description,
    places,
    segments.cs,
    planned.stubs,
    symbolsOf({ memory, space, planned }),
  );
  const entry = entryProgram(description, programs);
  const tables = finishTables(description, planned, { space, segments, symbols });
  const chunks = placeChunks(
    memory,
    [
      ...(pageTables === undefined ? [] : [{ name: "page tables", at: pageTables.at, bytes: pageTables.bytes }]),
      ...tableChunks(tables),
      ...programs.flatMap((each) => each.chunks),
    ],
    stacks.map(({ name, phys, size }) => ({ name: `stacks.${name}`, at: phys, size })),
  );
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
