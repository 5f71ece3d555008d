/** What is legal but suspicious. */
import type { CacheSetting } from "../paging/index.ts";
import type { ImageMapping, ImageWarning } from "./image.ts";
import type { GuestSpace } from "./memory/address-space.ts";
import { cacheAliasToText, narrowestPhysicalEnd, suspicions } from "../paging/suspicions.ts";
import { overlap, type Range } from "./memory/extent.ts";

/** A rule about one mapping. */
interface MappingRule {
  readonly code: keyof typeof suspicions;
  readonly applies: (mapping: ImageMapping) => boolean;
}

const mappingRules: readonly MappingRule[] = [
  {
    code: "WRITABLE_AND_EXECUTABLE",
    applies: ({ access, backing }) => access === "rwx" && backing === "ram",
  },
  {
    code: "USER_IN_UPPER_HALF",
    applies: ({ user, virt }) => user === true && virt >> 63n === 1n,
  },
  {
    code: "WIDE_ADDRESS",
    applies: ({ phys, size }) => phys + size > narrowestPhysicalEnd,
  },
];

/** The warnings that an address space gives. */
export function warningsOf({ mappings = [], stacks, tables }: GuestSpace): readonly ImageWarning[] {
  const isStack = new Set(stacks.map(({ name }) => name));
  const named = mappings.map((mapping) => ({
    mapping,
    path: `${isStack.has(mapping.name) ? "stacks" : "paging.map"}.${mapping.name}`,
  }));
  return [
    ...named.flatMap(({ mapping, path }) =>
      mappingRules
        .filter(({ applies }) => applies(mapping))
        .map(({ code }) => ({ code, message: `${path} ${suspicions[code]}` })),
    ),
    ...cacheAliases(named),
    ...(tables?.requires.gigabytePages === true
      ? [
          {
            code: "GIGABYTE_PAGE" as const,
            message: `paging ${suspicions.GIGABYTE_PAGE}`,
          },
        ]
      : []),
  ];
}

function cacheAliases(
  named: readonly { readonly mapping: ImageMapping; readonly path: string }[],
): readonly ImageWarning[] {
  return named.flatMap(({ mapping, path }, i) =>
    named
      .slice(i + 1)
      .filter(({ mapping: other }) => typeIndex(mapping.cache) !== typeIndex(other.cache))
      .filter(({ mapping: other }) => overlap(physical(mapping), physical(other)))
      .map(({ mapping: other, path: otherPath }): ImageWarning => {
        const at = mapping.phys > other.phys ? mapping.phys : other.phys;
        return {
          code: "CACHE_ALIAS",
          message: cacheAliasToText(path, otherPath, at),
        };
      }),
  );
}

function physical({ phys, size }: ImageMapping): Range {
  return { at: phys, size };
}

/** The entry of the PAT that a setting selects; entries 4 to 7 are as 0 to 3 after a reset (SDM vol. 3A, table 12-12). */
function typeIndex(cache: CacheSetting = {}): number {
  const { pat, pwt = false, pcd = false } = cache;
  return (pat ?? Number(pcd) * 2 + Number(pwt)) & 3;
}
