/** What is legal but suspicious. */
import { hex } from "../core/hex.ts";
import type { CacheSetting } from "../paging/index.ts";
import type { ImageMapping, ImageWarning } from "./image.ts";
import type { GuestSpace } from "./memory/address-space.ts";
import { overlap, type Range } from "./memory/extent.ts";

/** The least physical address width that CPUs have whose CPUID does not say it: 36 bits (SDM vol. 3A, 4.1.4). */
const narrowestPhysicalEnd = 1n << 36n;

/** A rule about one mapping. */
interface MappingRule {
  readonly code: ImageWarning["code"];
  readonly applies: (mapping: ImageMapping) => boolean;
  readonly why: string;
}

const mappingRules: readonly MappingRule[] = [
  {
    code: "WRITABLE_AND_EXECUTABLE",
    applies: ({ access, backing }) => access === "rwx" && backing === "ram",
    why: "is writable and executable: the guest can run what it writes",
  },
  {
    code: "USER_IN_UPPER_HALF",
    applies: ({ user, virt }) => user === true && virt >> 63n === 1n,
    why: "is open to user mode in the upper half of the addresses, which is the kernel's by custom",
  },
  {
    code: "WIDE_ADDRESS",
    applies: ({ phys, size }) => phys + size > narrowestPhysicalEnd,
    why: "goes past physical addresses of 36 bits, the least that CPUs have",
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
        .map(({ code, why }) => ({ code, message: `${path} ${why}` })),
    ),
    ...cacheAliases(named),
    ...(tables?.requires.gigabytePages === true
      ? [
          {
            code: "GIGABYTE_PAGE" as const,
            message: "the page tables have pages of 1 GiB, which not every CPU has (CPUID.80000001H:EDX.Page1GB)",
          },
        ]
      : []),
  ];
}

/** One physical page under two memory types is undefined (SDM vol. 3A, 12.12.4). */
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
          message: `${path} and ${otherPath} are the same memory at physical ${hex(at)} under two memory types`,
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
