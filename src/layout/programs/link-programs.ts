/** Programs that see each other's labels: assembled until each label is where the others took it to be. */
import { assemble, definedLabels, undefinedLabels, type AnyCode, type Program } from "../../asm/index.ts";
import { LayoutError } from "../layout-error.ts";
import type { Reach, Spot } from "./spot.ts";

/** A program on its way: where it and its sections go, and what its code can reach. */
export interface PlannedProgram {
  readonly name: string;
  /** What the names of its labels begin with: `place.guest`. */
  readonly path: string;
  readonly code: AnyCode;
  readonly spot: Spot;
  readonly sections: ReadonlyMap<string, Spot>;
  readonly reach: Reach;
}

/** So often programs may move each other's labels before they count as depending on each other in a circle. */
const mostRounds = 16;

/** Assembles programs until the labels of each are where the others took them to be. */
export async function linkPrograms(
  planned: readonly PlannedProgram[],
  symbols: ReadonlyMap<string, bigint>,
): Promise<{ readonly programs: readonly Program[]; readonly labels: ReadonlyMap<string, bigint> }> {
  const used = planned.map(({ code }) => undefinedLabels(code));
  // Before a program is assembled, its labels count as its beginning.
  const labels = new Map<string, bigint>(
    planned.flatMap(({ path, code, spot }) => [
      [path, spot.origin] as const,
      ...definedLabels(code).map((label) => [`${path}.${label}`, spot.origin] as const),
    ]),
  );
  const programs: Program[] = [];
  let stale = planned.map((_, i) => i);
  for (let round = 0; stale.length > 0; round++) {
    if (round === mostRounds) {
      throw new LayoutError(
        `place: the sizes of ${stale.map((i) => planned[i]!.name).join(" and ")} depend on each other`,
        {
          code: "INCONSISTENT",
          value: stale.map((i) => planned[i]!.name),
          hint: "use a label of the other program where the size of the instruction does not depend on it",
        },
      );
    }
    const moved = new Set<string>();
    for (const i of stale) {
      const { path, code, spot, sections } = planned[i]!;
      const program = await assemble(code, {
        origin: spot.origin,
        sections: Object.fromEntries(Array.from(sections, ([section, { origin }]) => [section, origin])),
        symbols: Object.fromEntries([...symbols, ...labels]),
      });
      programs[i] = program;
      for (const [label, address] of program.labels) {
        const name = `${path}.${label}`;
        if (labels.get(name) === address) continue;
        labels.set(name, address);
        moved.add(name);
      }
    }
    stale = planned.flatMap((_, i) => (used[i]!.some((name) => moved.has(name)) ? [i] : []));
  }
  return { programs, labels };
}
