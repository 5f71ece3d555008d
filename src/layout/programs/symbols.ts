/** What the names of a description stand for in guest code. `SymbolsIn` is the same list, for the compiler. */
import type { DescriptorTableRegister } from "../cpu-state.ts";
import type { MemoryRegion } from "../image.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import type { PlannedGdt } from "../tables/gdt.ts";
import type { PlannedTables } from "../tables/tables.ts";

/** The parts of a layout that have names. */
export interface NamedParts {
  readonly memory: readonly MemoryRegion[];
  readonly space: GuestSpace;
  readonly planned: PlannedTables;
}

type Symbols = readonly (readonly [name: string, value: bigint])[];

function range(path: string, at: bigint, size: bigint): Symbols {
  return [
    [path, at],
    [`${path}.size`, size],
    [`${path}.end`, at + size],
  ];
}

/** The values of the names, but for those of programs: they are known when the programs are assembled. */
export function symbolsOf({ memory, space, planned }: NamedParts): ReadonlyMap<string, bigint> {
  const { tables, stacks, mappings = [] } = space;
  const { gdt, gdtr, idt, idtr, e820 } = planned;
  const isStack = new Set(stacks.map(({ name }) => name));
  return new Map([
    ...memory.flatMap(({ name, at, size }) => range(`memory.${name}`, at, size)),
    ...mappings
      .filter(({ name }) => !isStack.has(name))
      .flatMap(({ name, virt, phys, size }): Symbols => {
        const path = `paging.map.${name}`;
        return [...range(path, virt, size), [`${path}.phys`, phys]];
      }),
    ...(tables === undefined ? [] : ([["paging.tables", tables.root]] as const)),
    ...stacks.flatMap(({ name, virt, size }) => range(`stacks.${name}`, virt, size)),
    ...(gdt === undefined ? [] : [...register("gdt", gdtr), ...gdtSymbols(gdt)]),
    ...(idt === undefined ? [] : register("idt", idtr)),
    ...(e820 === undefined
      ? []
      : ([
          ["e820", e820.virt],
          ["e820.entries", BigInt(e820.entries.length)],
        ] as const)),
  ]);
}

function register(name: string, { base, limit }: DescriptorTableRegister): Symbols {
  return [
    [name, base],
    [`${name}.limit`, BigInt(limit)],
  ];
}

/** The selectors of the GDT and the LDTs, and the addresses of what system segments lead to. */
function gdtSymbols({ entries, tasks, ldts }: PlannedGdt): Symbols {
  return [
    ...[...entries, ...ldts.flatMap((ldt) => ldt.entries)].map(
      ({ path, selector }) => [path, BigInt(selector)] as const,
    ),
    ...[...tasks, ...ldts].map(({ entry, place }) => [`${entry.path}.base`, place.virt] as const),
  ];
}
