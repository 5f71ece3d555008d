import { describe, expect, test } from "vitest";
import {
  buildPageTables,
  countTables,
  higherHalf,
  identityMap,
  offsetMap,
  type Mapping,
  type PagingDescription,
} from "../../src/paging/index.ts";
import { entriesOf } from "./entries.ts";

const GiB = 1n << 30n;
const MiB = 1n << 20n;
const KiB = 1n << 10n;

/** The last entry of the tables of one mapping: the page's. */
function leaf(mapping: Omit<Mapping, "name" | "virt">, mode: PagingDescription["mode"] = "4-level"): string {
  const tables = buildPageTables({ mode, tables: 0n, mappings: [{ name: "page", virt: 0n, ...mapping }] });
  return entriesOf(tables).at(-1)!.split(": ")[1]!;
}

const page = { phys: 0n, size: 4n * KiB, access: "rwx" } as const;
const large = { phys: 0n, size: 2n * MiB, access: "rwx", pageSize: "2MiB" } as const;

describe("buildPageTables", () => {
  test("builds the long-mode guest's tables entry by entry", () => {
    const tables = buildPageTables({
      mode: "4-level",
      tables: 0n,
      mappings: [
        { name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" },
        { name: "data", virt: 0x1000n, phys: 0x5000n, size: 0x3000n, access: "rwx" },
        { name: "hole", virt: 0x4000n, phys: 0x8000n, size: 0x1000n, access: "rwx" },
      ],
    });
    expect(entriesOf(tables)).toEqual([
      "0: 1003",
      "1000: 2003",
      "2000: 3003",
      "3000: 4001",
      "3008: 5003",
      "3010: 6003",
      "3018: 7003",
      "3020: 8003",
    ]);
    expect(tables.bytes.length).toBe(0x4000);
    expect(tables.registers).toEqual({ cr0: 0x8000_0001n, cr3: 0n, cr4: 0x20n, efer: 0x500n });
  });

  // Values that loaders and firmware are known to use.
  test.each([
    ["4 KiB", leaf(page), "3"],
    ["4 KiB, used", leaf({ ...page, accessed: true, dirty: true }), "63"],
    ["2 MiB", leaf(large), "83"],
    ["2 MiB, used", leaf({ ...large, accessed: true, dirty: true }), "e3"],
    ["2 MiB, used, user, global", leaf({ ...large, accessed: true, dirty: true, user: true, global: true }), "1e7"],
    [
      "2 MiB, uncached, no-execute",
      leaf({
        ...large,
        phys: 0xd000_0000n,
        access: "rw",
        accessed: true,
        dirty: true,
        cache: { pwt: true, pcd: true },
      }),
      "80000000d00000fb",
    ],
    [
      "4 KiB, uncached, no-execute",
      leaf({ ...page, phys: 0xfee0_0000n, access: "rw", accessed: true, dirty: true, cache: { pat: 3 } }),
      "80000000fee0007b",
    ],
  ])("the entry of a page: %s", (_, found, expected) => {
    expect(found).toBe(expected);
  });

  // SDM vol. 3A, 4.9.2: the PAT bit is bit 7 in a PTE and bit 12 in the entry of a larger page.
  test("puts the PAT bit where the size of the page has it", () => {
    expect(leaf({ ...page, cache: { pat: 4 } })).toBe("83");
    expect(leaf({ ...large, cache: { pat: 6 } })).toBe("1093");
    expect(leaf({ ...large, size: GiB, pageSize: "1GiB", cache: { pat: 4 } })).toBe("1083");
    expect(leaf({ ...page, size: 4n * MiB, cache: { pat: 4 } }, "32-bit")).toBe("1083");
  });

  // SDM vol. 3A, tables 4-15 to 4-20.
  test("puts keys into bits 59 to 62 and software bits into 9 to 11 and 52 to 58", () => {
    expect(leaf({ ...page, key: 0xf })).toBe("7800000000000003");
    expect(leaf({ ...page, software: 0b111 })).toBe("e03");
    expect(leaf({ ...page, software: 0b1111111_000 })).toBe("7f0000000000003");
  });

  // SDM vol. 3A, table 4-4: bits 39 to 32 of the address are in bits 20 to 13.
  test("puts a 4 MiB page above 4 GiB", () => {
    expect(leaf({ ...page, phys: 0xab_0040_0000n, size: 4n * MiB }, "32-bit")).toBe(
      (0x0040_0083 | (0xab << 13)).toString(16),
    );
  });

  // SDM vol. 3A, 4.4.1: a PDPTE has P, PWT and PCD, and no other flag.
  test("builds PAE tables whose PDPTEs have nothing but P", () => {
    const tables = buildPageTables({
      mode: "pae",
      tables: 0x1000n,
      mappings: [{ name: "stack", virt: 0xc000_0000n, phys: 0x1_2345_6000n, size: 0x1000n, access: "rw", user: true }],
    });
    expect(entriesOf(tables)).toEqual(["18: 2001", "1000: 3007", "2000: 8000000123456007"]);
    expect(tables.requires).toMatchObject({ pae: true, nxe: true, lme: false });
  });

  test("builds 5-level tables for an address in the upper half", () => {
    const tables = buildPageTables({
      mode: "5-level",
      tables: 0n,
      mappings: [{ name: "last", virt: 0xffff_ffff_ffff_f000n, phys: 0x7000n, size: 0x1000n, access: "rx" }],
    });
    expect(entriesOf(tables)).toEqual(["ff8: 1001", "1ff8: 2001", "2ff8: 3001", "3ff8: 4001", "4ff8: 7001"]);
    expect(tables.registers.cr4).toBe(0x1020n);
  });

  test("orders tables by level, then by address, and carries addresses over 4 GiB", () => {
    const tables = buildPageTables({
      mode: "4-level",
      tables: 0x10_0000n,
      pageSize: "4KiB",
      mappings: [
        { name: "high", virt: 0xffff_8000_0000_0000n, phys: 0x0n, size: 0x1000n, access: "rwx" },
        { name: "low", virt: 0x1f_f000n, phys: 0xffff_f000n, size: 0x2000n, access: "rwx" },
      ],
    });
    expect(entriesOf(tables)).toEqual([
      "0: 101003",
      "800: 102003",
      "1000: 103003",
      "2000: 104003",
      "3000: 105003",
      "3008: 106003",
      "4000: 107003",
      "5ff8: fffff003",
      "6000: 100000003",
      "7000: 3",
    ]);
  });

  test("gives parents the union of what is below them, or what the description says", () => {
    const mappings: Mapping[] = [
      { name: "code", virt: 0n, phys: 0n, size: 0x1000n, access: "rx" },
      { name: "user", virt: 0x20_0000n, phys: 0n, size: 0x1000n, access: "rx", user: true },
      { name: "data", virt: 0x4000_0000n, phys: 0n, size: 0x1000n, access: "rwx" },
    ];
    const union = entriesOf(buildPageTables({ mode: "4-level", tables: 0n, mappings }));
    expect(union.slice(0, 6)).toEqual([
      "0: 1007",
      "1000: 2005",
      "1008: 3003",
      "2000: 4001",
      "2008: 5005",
      "3000: 6003",
    ]);
    const parents = { write: true, user: false, accessed: true, dirty: true };
    const said = entriesOf(buildPageTables({ mode: "4-level", tables: 0n, mappings, parents }));
    expect(said.slice(0, 6)).toEqual(["0: 1063", "1000: 2063", "1008: 3063", "2000: 4063", "2008: 5063", "3000: 6063"]);
  });

  test("lets the root refer to itself", () => {
    const tables = buildPageTables({
      mode: "4-level",
      tables: 0x7000n,
      mappings: [],
      recursive: { slot: 510, access: "rw" },
    });
    expect(entriesOf(tables)).toEqual(["ff0: 8000000000007003"]);
    expect(tables.requires.nxe).toBe(true);
  });

  test("stores payloads in entries that are not present, and gives them the tables they need", () => {
    const absent = [{ name: "swap", virt: 0x1000n, size: 0x2000n, payload: 0xdead_beef_0000n }];
    const tables = buildPageTables({ mode: "4-level", tables: 0n, mappings: [], absent });
    expect(entriesOf(tables)).toEqual([
      "0: 1001",
      "1000: 2001",
      "2000: 3001",
      "3008: deadbeef0000",
      "3010: deadbeef0000",
    ]);
  });

  test("punches a hole into large pages, which are split around it", () => {
    const count = countTables({
      mode: "4-level",
      tables: 0n,
      mappings: [
        { name: "ram", virt: 0n, phys: 0n, size: GiB, access: "rwx", pageSize: "1GiB" },
        { name: "guard", virt: 5n * MiB, phys: 0n, size: 4n * KiB, access: "r", override: true },
      ],
    });
    expect(count.pages).toEqual({ "2MiB": 511, "4KiB": 512 });
    expect(count.tables).toBe(4);
  });

  test("of two mappings that override, the later one counts", () => {
    const tables = buildPageTables({
      mode: "4-level",
      tables: 0n,
      mappings: [
        { name: "b", virt: 0x1000n, phys: 0xb000n, size: 0x2000n, access: "rx", override: true },
        { name: "c", virt: 0x2000n, phys: 0xc000n, size: 0x1000n, access: "rx", override: true },
        { name: "a", virt: 0x0n, phys: 0xa000n, size: 0x4000n, access: "rx" },
      ],
    });
    expect(entriesOf(tables).slice(3)).toEqual(["3000: a001", "3008: b001", "3010: c001", "3018: d001"]);
  });

  test("places the tables in a range or where a function says", () => {
    const mappings = [identityMap({ name: "ram", at: 0n, size: 2n * MiB, access: "rwx" })];
    const inRange = buildPageTables({ mode: "4-level", tables: { at: 0x1234n, size: 0x5000n }, mappings });
    expect([inRange.at, inRange.root]).toEqual([0x2000n, 0x2000n]);
    const asked: bigint[][] = [];
    const allocated = buildPageTables({
      mode: "4-level",
      mappings,
      tables: (size, align) => {
        asked.push([size, align]);
        return 0x9000n;
      },
    });
    expect(asked).toEqual([[0x3000n, 0x1000n]]);
    expect(entriesOf(allocated)).toEqual(["0: a003", "1000: b003", "2000: 83"]);
  });

  test("the same description gives the same bytes", () => {
    const description: PagingDescription = {
      mode: "4-level",
      tables: 0n,
      mappings: [
        offsetMap({ name: "direct", phys: 0n, offset: higherHalf["4-level"], size: GiB + 4n * KiB, access: "rw" }),
      ],
    };
    expect(buildPageTables(description)).toEqual(buildPageTables(description));
  });
});

describe("countTables", () => {
  const count = (from: bigint, to: bigint, options: Partial<PagingDescription> = { largest: "1GiB" }): number =>
    countTables({
      mode: "4-level",
      tables: 0n,
      mappings: [identityMap({ name: "ram", at: from, size: to - from, access: "rwx" })],
      ...options,
    }).tables;

  test.each([
    ["[0, 1G)", 0n, GiB, 2],
    ["[0, 2M)", 0n, 2n * MiB, 3],
    ["[0, 4K)", 0n, 4n * KiB, 4],
    ["[4K, 1G)", 4n * KiB, GiB, 4],
    ["[2M, 1G)", 2n * MiB, GiB, 3],
    ["[2M, 1G + 4K)", 2n * MiB, GiB + 4n * KiB, 5],
    ["[2M, 1G + 2M)", 2n * MiB, GiB + 2n * MiB, 4],
  ] as const)("an identity map of %s with pages of up to 1 GiB", (_, from, to, tables) => {
    expect(count(from, to)).toBe(tables);
  });

  test("uses no large page where physical and virtual addresses disagree", () => {
    const mappings = [{ name: "ram", virt: 0n, phys: 8n * KiB, size: GiB, access: "rwx" } as const];
    expect(countTables({ mode: "4-level", tables: 0n, mappings, largest: "1GiB" }).tables).toBe(515);
  });

  test.each([
    ["1 GiB", GiB, [515, 3, 2]],
    ["64 GiB", 64n * GiB, [32_834, 66, 2]],
    ["1 TiB", 1024n * GiB, [525_315, 1027, 3]],
  ] as const)("%s in pages of 4 KiB, 2 MiB and 1 GiB", (_, size, tables) => {
    expect((["4KiB", "2MiB", "1GiB"] as const).map((pageSize) => count(0n, size, { pageSize }))).toEqual(tables);
  });

  test("does not choose 1 GiB pages unasked, since not every CPU has them", () => {
    expect(count(0n, GiB, {})).toBe(3);
  });
});
