/**
 * The access matrix: page tables in which each entry under test has an address of its own, and every combination of
 * registers, rings and accesses.
 */
import {
  buildPageTables,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_LA57,
  CR4_PAE,
  CR4_PKE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LME,
  EFER_NXE,
  type Mapping,
  type PageSize,
  type PageTables,
  type PagingMode,
} from "../../src/paging/index.ts";
import { at, targetOffset, userAlias, type Cell } from "./access-memory.ts";
import { ramBytes } from "./qemu.ts";

/** What a CPU may lack. */
type Feature = "1 GiB pages" | "LA57" | "SMEP" | "SMAP" | "protection keys";

/** A CPU, as CPUID tells. */
export interface CpuFeatures {
  readonly maxPhysAddr: number;
  readonly lacks: ReadonlySet<Feature>;
}

/** Reads what the guest found: CPUID.80000008H:EAX, CPUID.80000001H:EDX, CPUID.07H:EBX and ECX (SDM vol. 2A, CPUID). */
export function featuresOf([addressSizes, extended, ebx, ecx]: Uint32Array): CpuFeatures {
  const bits: readonly (readonly [feature: Feature, word: number, bit: number])[] = [
    ["1 GiB pages", extended!, 26],
    ["LA57", ecx!, 16],
    ["SMEP", ebx!, 7],
    ["SMAP", ebx!, 20],
    ["protection keys", ecx!, 3],
  ];
  const lacks = new Set(bits.filter(([, word, bit]) => ((word >>> bit) & 1) === 0).map(([feature]) => feature));
  return { maxPhysAddr: addressSizes! & 0xff, lacks };
}

/** A level of a mode, as the manual's figures have it: SDM vol. 3A, figures 4-4, 4-7 and 4-11, tables 4-4 to 4-20. */
interface Level {
  readonly shift: bigint;
  /** The flags of which all subsets are tested, where they are not the mode's. */
  readonly flags?: readonly bigint[];
  /** Bits that must be zero where the entry refers to a table; `undefined` where it cannot. */
  readonly table?: readonly number[];
  /** The page that the entry can map, and the bits that must be zero then. */
  readonly page?: readonly [size: PageSize, reserved: readonly number[]];
}

interface Mode {
  readonly levels: readonly Level[];
  readonly entryBytes: 4 | 8;
  /** The flags of which all subsets are tested. */
  readonly flags: readonly bigint[];
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly needs?: Feature;
}

const executeDisable = 1n << 63n;

const pteLong: Level = { shift: 12n, page: ["4KiB", []] };
const pdeLong: Level = { shift: 21n, table: [], page: ["2MiB", [13, 20]] };
const pdpteLong: Level = { shift: 30n, table: [], page: ["1GiB", [13, 29]] };
const pml4e: Level = { shift: 39n, table: [7] };
const pml5e: Level = { shift: 48n, table: [7] };
const modes: Readonly<Record<PagingMode, Mode>> = {
  "32-bit": {
    levels: [
      { shift: 22n, table: [], page: ["4MiB", [21]] },
      { shift: 12n, page: ["4KiB", []] },
    ],
    entryBytes: 4,
    flags: [1n, 2n, 4n],
    cr4: CR4_PSE,
    efer: 0n,
  },
  pae: {
    levels: [{ shift: 30n, flags: [1n], table: [] }, pdeLong, pteLong],
    entryBytes: 8,
    flags: [1n, 2n, 4n, executeDisable],
    cr4: CR4_PAE,
    efer: 0n,
  },
  "4-level": {
    levels: [pml4e, pdpteLong, pdeLong, pteLong],
    entryBytes: 8,
    flags: [1n, 2n, 4n, executeDisable],
    cr4: CR4_PAE,
    efer: EFER_LME,
  },
  "5-level": {
    levels: [pml5e, pml4e, pdpteLong, pdeLong, pteLong],
    entryBytes: 8,
    flags: [1n, 2n, 4n, executeDisable],
    cr4: CR4_PAE | CR4_LA57,
    efer: EFER_LME,
    needs: "LA57",
  },
};

/** An entry under test: its flags, and the address that only it maps. */
interface Variant {
  readonly depth: number;
  readonly page: PageSize | undefined;
  /** P, R/W, U/S, XD and at most one bit that must be zero. */
  readonly flags: bigint;
  readonly reserved: boolean;
  readonly indices: readonly bigint[];
  readonly virt: bigint;
}

/** Every subset of some flags, joined. */
function subsets(flags: readonly bigint[]): bigint[] {
  return flags.reduce<bigint[]>((known, flag) => known.concat(known.map((each) => each | flag)), [0n]);
}

/** The bits of the address that the CPU lacks; of PAE's entries, too, bits 52 to 62, which the other modes leave alone. */
function beyondWidth(mode: PagingMode, maxPhysAddr: number): number[] {
  if (mode === "32-bit") return [];
  const last = mode === "pae" ? [51, 52, 62] : [51];
  return [maxPhysAddr, ...last].filter((bit) => bit >= maxPhysAddr && (mode === "pae" || bit < 52));
}

/** All entries under test of a mode. */
function variantsOf(name: PagingMode, maxPhysAddr: number): Variant[] {
  const { levels, flags: modeFlags } = modes[name];
  // The first slots of the root are the guest's own; in the tables below, the first leads on.
  const rootPass = name === "32-bit" ? 32n : 1n;
  const wide = beyondWidth(name, maxPhysAddr);
  return levels.flatMap(({ table, page, flags = modeFlags }, depth) => {
    const kinds: (readonly [page: PageSize | undefined, bits: readonly number[]])[] = [];
    // What must be zero in a PAE PDPTE is checked when CR3 is loaded: no access comes to it.
    if (table !== undefined) kinds.push([undefined, levels.length === 3 && depth === 0 ? [] : [...table, ...wide]]);
    if (page !== undefined) {
      const narrow = page[0] === "4MiB" && maxPhysAddr < 40 ? [13 + maxPhysAddr - 32, 20] : [];
      kinds.push([page[0], [...page[1], ...narrow, ...wide]]);
    }
    let slot = depth === 0 ? rootPass : 0n;
    return kinds.flatMap(([pageSize, bits]) =>
      [undefined, ...new Set(bits)].flatMap((bit) =>
        subsets(flags).map((subset): Variant => {
          slot++;
          const indices = levels.map((_, other) => (other === depth ? slot : other === 0 ? rootPass : 0n));
          const sum = indices.reduce((total, index, other) => total | (index << levels[other]!.shift), 0n);
          const virt = BigInt.asUintN(64, levels.length < 4 ? sum : BigInt.asIntN(Number(levels[0]!.shift) + 9, sum));
          const reserved = bit === undefined ? 0n : 1n << BigInt(bit);
          return { depth, page: pageSize, flags: subset | reserved, reserved: bit !== undefined, indices, virt };
        }),
      ),
    );
  });
}

const key = 5;

/** The tables: the guest's own memory, and the entries under test, which are built with all rights and then changed. */
function tablesOf(name: PagingMode, variants: readonly Variant[], touching: bigint): PageTables {
  const keyed = name === "4-level" || name === "5-level" ? { key } : {};
  const mappings = variants.map(({ virt, page }, index): Mapping => {
    const pageSize = page ?? "4KiB";
    const size = { "4KiB": 1n << 12n, "2MiB": 1n << 21n, "4MiB": 1n << 22n, "1GiB": 1n << 30n }[pageSize];
    const phys = BigInt(at.target) & -size;
    return { name: `variant ${index}`, virt, phys, size, pageSize, access: "rwx", user: true, ...keyed };
  });
  const tables = buildPageTables({
    mode: name,
    tables: { at: BigInt(at.tables), size: BigInt(at.target - at.tables) },
    mappings: [
      { name: "ram", virt: 0n, phys: 0n, size: BigInt(ramBytes), access: "rwx" },
      { name: "user code", virt: BigInt(userAlias), phys: touching, size: 0x1000n, access: "rwx", user: true },
      ...mappings,
    ],
  });
  const { entryBytes } = modes[name];
  const view = new DataView(tables.bytes.buffer, tables.bytes.byteOffset, tables.bytes.byteLength);
  const read = (offset: number): bigint =>
    entryBytes === 4 ? BigInt(view.getUint32(offset, true)) : view.getBigUint64(offset, true);
  for (const { depth, flags, indices } of variants) {
    let offset = 0;
    for (const [level, index] of indices.slice(0, depth + 1).entries()) {
      offset += Number(index) * entryBytes;
      if (level < depth) offset = Number((read(offset) & 0xf_ffff_ffff_f000n) - tables.at);
    }
    const entry = (read(offset) & ~7n) | flags;
    if (entryBytes === 4) view.setUint32(offset, Number(entry), true);
    else view.setBigUint64(offset, entry, true);
  }
  return tables;
}

/** A matrix: the tables, the accesses to make with them, and how many cannot be made for want of a feature. */
export interface AccessMatrix {
  readonly tables: PageTables;
  readonly cells: readonly Cell[];
  readonly skipped: ReadonlyMap<Feature, number>;
}

/** One setting of the features that some CPUs lack. */
interface Setting {
  readonly cr4: bigint;
  readonly pkru: number;
  readonly ac: boolean;
  readonly needs: readonly Feature[];
}

/** All combinations of CR4.SMEP, CR4.SMAP, EFLAGS.AC, and, where the mode has keys, CR4.PKE with all rights of a key. */
function settingsOf(name: PagingMode): Setting[] {
  const long = name === "4-level" || name === "5-level";
  const settings: Setting[] = [];
  for (const smep of [0n, CR4_SMEP]) {
    for (const smap of [0n, CR4_SMAP]) {
      for (const ac of [false, true]) {
        for (const rights of long ? [undefined, 0, 1, 2, 3] : [undefined]) {
          const needs: Feature[] = [];
          if (smep !== 0n) needs.push("SMEP");
          if (smap !== 0n) needs.push("SMAP");
          if (rights !== undefined) needs.push("protection keys");
          const pke = rights === undefined ? 0n : CR4_PKE;
          settings.push({ cr4: smep | smap | pke, pkru: (rights ?? 0) << (key * 2), ac, needs });
        }
      }
    }
  }
  return settings;
}

/**
 * The matrix of a mode on a CPU.
 *
 * @param touching the physical address of the page with the instructions that make the accesses
 */
export function accessMatrix(name: PagingMode, { maxPhysAddr, lacks }: CpuFeatures, touching: bigint): AccessMatrix {
  const mode = modes[name];
  const variants = variantsOf(name, maxPhysAddr);
  const settings = settingsOf(name);
  const cells: Cell[] = [];
  const skipped = new Map<Feature, number>();
  const places = variants.map(({ virt, page, reserved }) => ({
    address: virt + BigInt(targetOffset) + (page === "1GiB" ? BigInt(at.target) : 0n),
    page,
    faultsAnyway: reserved,
  }));
  // Addresses that no entry is for: on both edges of those that are not canonical.
  if (mode.levels.length >= 4) {
    const edge = 1n << (mode.levels[0]!.shift + 8n);
    for (const address of [edge, (1n << 64n) - edge - 1n])
      places.push({ address, page: undefined, faultsAnyway: true });
  }
  for (const { address, page, faultsAnyway } of places) {
    // What must be zero, or canonical, is asked before any of these features.
    for (const { cr4, pkru, ac, needs } of faultsAnyway ? settings.slice(0, 1) : settings) {
      const wanted = [
        ...(mode.needs === undefined ? [] : [mode.needs]),
        ...(page === "1GiB" ? ["1 GiB pages" as const] : []),
        ...needs,
      ];
      const lacking = wanted.find((each) => lacks.has(each));
      for (const wp of [0n, CR0_WP]) {
        for (const nxe of [0n, EFER_NXE]) {
          for (const kind of ["read", "write", "fetch"] as const) {
            for (const cpl of [0, 3] as const) {
              if (lacking !== undefined) {
                skipped.set(lacking, (skipped.get(lacking) ?? 0) + 1);
                continue;
              }
              const registers = { cr0: CR0_PG | CR0_PE | wp, cr4: mode.cr4 | cr4, efer: mode.efer | nxe };
              cells.push({ ...registers, pkru, address, kind, cpl, ac });
            }
          }
        }
      }
    }
  }
  const usable = variants.filter(({ page }) => page !== "1GiB" || !lacks.has("1 GiB pages"));
  return { tables: tablesOf(name, usable, touching), cells, skipped };
}

/** The registers that a mode's guest turns paging on with. */
export function modeRegisters(name: PagingMode): Pick<Cell, "cr4" | "efer"> {
  const { cr4, efer } = modes[name];
  return { cr4, efer };
}
