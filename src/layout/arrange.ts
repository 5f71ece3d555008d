/** Everything that lies in a guest's memory, at its place. */
import type { GuestDescription } from "./description/description.ts";
import { entrySegments } from "./entry/entry-segments.ts";
import type { MemoryRegion } from "./image.ts";
import { guestSpace, type GuestSpace } from "./memory/address-space.ts";
import type { Content } from "./memory/chunks.ts";
import { overlap, type Range } from "./memory/extent.ts";
import { behindAlias } from "./memory/regions.ts";
import { assemblePrograms, type AssembledProgram } from "./programs/programs.ts";
import { symbolsOf } from "./programs/symbols.ts";
import { stubsOf } from "./tables/stubs.ts";
import { tableRequests } from "./tables/table-requests.ts";
import { planTables, type PlannedTables } from "./tables/tables.ts";

/** A guest whose programs, tables and stacks have their places. */
export interface Arrangement {
  readonly space: GuestSpace;
  readonly planned: PlannedTables;
  /** The segment registers at entry. */
  readonly segments: ReturnType<typeof entrySegments>;
  /** Those of the description, in its order; then the stubs. */
  readonly programs: readonly AssembledProgram[];
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** What moves out of a program's way changes the addresses in it, but hardly ever its size more often than this. */
const mostRounds = 4;

/**
 * Finds places for what the description gives none, and assembles the programs for that. How long these are shows only then:
 * where they reach into what was found, it is found again.
 */
export async function arrange(description: GuestDescription, memory: readonly MemoryRegion[]): Promise<Arrangement> {
  const stubs = await stubsOf(description);
  const tables = tableRequests(description, memory, stubs);
  let taken: readonly Range[] = [];
  for (let round = 1; ; round++) {
    const space = guestSpace({ description, memory, tables, programs: taken });
    const planned = planTables(description, memory, space, stubs);
    const segments = entrySegments(description, planned.gdt);
    const { programs, symbols } = await assemblePrograms(
      description,
      { memory, places: space.places },
      segments.cs,
      planned.stubs,
      symbolsOf({ memory, space, planned }),
    );
    const given = programs.slice(0, Object.keys(description.place).length);
    taken = given.flatMap(({ contents }) => contents.flatMap((each) => rangesOf(each, memory)));
    const isClear = space.movable.every((each) => !taken.some((program) => overlap(each, program)));
    if (isClear || round === mostRounds) return { space, planned, segments, programs, symbols };
  }
}

function rangesOf({ at, content }: Content, memory: readonly MemoryRegion[]): readonly Range[] {
  const size = typeof content === "bigint" ? content : BigInt(content.length);
  return size === 0n ? [] : [{ at: behindAlias(memory, { at, size }), size }];
}
