import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressSpaceOf,
  buildPageTables,
  ranges,
  walk,
  type AbsentMapping,
  type Mapping,
  type PagingDescription,
  type PagingMode,
} from "../../src/paging/index.ts";
import { oracleWalk } from "./oracle.ts";
import { descriptions, expectedAt } from "./random.ts";

const modes: readonly PagingMode[] = ["32-bit", "pae", "4-level", "5-level"];

/** The addresses at which something may change: each edge of a mapping, of the large pages in it, and one to each side. */
function interesting({ mode, mappings, absent = [] }: PagingDescription): bigint[] {
  const bits = mode === "32-bit" || mode === "pae" ? 32n : 64n;
  const found = new Set<bigint>();
  for (const { virt, size } of [...mappings, ...absent]) {
    const edges = [virt, virt + size];
    for (const page of [1n << 12n, 1n << 21n, 1n << 22n, 1n << 30n]) {
      for (let at = (virt / page + 1n) * page, count = 0; at < virt + size && count < 4; at += page, count++)
        edges.push(at);
    }
    for (const edge of edges)
      for (const at of [edge - 1n, edge, edge + 1n]) if (at >= 0n && at >> bits === 0n) found.add(at);
  }
  return [...found];
}

function isMapping(mapping: Mapping | AbsentMapping | undefined): mapping is Mapping {
  return mapping !== undefined && "access" in mapping;
}

/** The software bits of an entry, as descriptions count them. */
function softwareOf(mode: PagingMode, entry: bigint): number {
  return (
    Number((entry >> 9n) & 7n) | (mode === "4-level" || mode === "5-level" ? Number((entry >> 52n) & 0x7fn) << 3 : 0)
  );
}

describe.each(modes)("%s paging", (mode) => {
  test("the tables translate every edge as the description says, by an oracle of their own", () => {
    let pages = 0;
    let holes = 0;
    fc.assert(
      fc.property(descriptions(mode), (description) => {
        const { bytes, root } = buildPageTables(description);
        for (const address of interesting(description)) {
          const canonical =
            mode === "32-bit" ||
            mode === "pae" ||
            BigInt.asUintN(64, BigInt.asIntN(mode === "4-level" ? 48 : 57, address)) === address;
          if (!canonical) continue;
          const expected = expectedAt(description, address);
          const found = oracleWalk(mode, bytes, root, address);
          if (!isMapping(expected)) {
            holes++;
            expect(found).toBeUndefined();
            continue;
          }
          pages++;
          const { access, cache } = expected;
          expect(found).toMatchObject({
            phys: expected.phys + address - expected.virt,
            write: access.includes("w"),
            execute: access.includes("x"),
            user: expected.user ?? false,
            global: expected.global ?? false,
            pat: cache?.pat ?? (cache?.pwt === true ? 1 : 0) + (cache?.pcd === true ? 2 : 0),
            key: expected.key ?? 0,
          });
          const entry = found!.entry;
          expect([(entry >> 5n) & 1n, (entry >> 6n) & 1n, softwareOf(mode, entry)]).toEqual([
            expected.accessed === true ? 1n : 0n,
            expected.dirty === true ? 1n : 0n,
            expected.software ?? 0,
          ]);
        }
      }),
      { numRuns: 150 },
    );
    // The generator reaches both.
    expect(pages).toBeGreaterThan(100);
    expect(holes).toBeGreaterThan(100);
  });

  test("walk agrees with the oracle at every edge", () => {
    fc.assert(
      fc.property(descriptions(mode), (description) => {
        const tables = buildPageTables(description);
        const space = addressSpaceOf(
          tables,
          mode === "32-bit" ? { cr4: 0x10n } : { efer: tables.registers.efer | 0x800n },
        );
        for (const address of interesting(description)) {
          const { page, fault, mapping } = walk(space, address);
          if (fault?.reason === "non-canonical") continue;
          const oracle = oracleWalk(mode, tables.bytes, tables.root, address);
          expect(mapping).toBe(expectedAt(description, address)?.name);
          if (oracle === undefined) {
            expect([page, fault?.reason]).toEqual([undefined, "not-present"]);
            continue;
          }
          expect(fault).toBeUndefined();
          expect(page).toEqual({
            phys: oracle.phys,
            pageSize: { 12: "4KiB", 21: "2MiB", 22: "4MiB", 30: "1GiB" }[oracle.pageShift],
            access: `r${oracle.write ? "w" : ""}${oracle.execute ? "x" : ""}`,
            user: oracle.user,
            global: oracle.global,
            dirty: ((oracle.entry >> 6n) & 1n) === 1n,
            pat: oracle.pat,
            key: oracle.key,
          });
        }
      }),
      { numRuns: 150 },
    );
  });

  test("ranges cover what is mapped, once, in order, and as the oracle translates it", () => {
    fc.assert(
      fc.property(descriptions(mode), (description) => {
        const tables = buildPageTables(description);
        const space = addressSpaceOf(
          tables,
          mode === "32-bit" ? { cr4: 0x10n } : { efer: tables.registers.efer | 0x800n },
        );
        const read = ranges(space);
        expect(read.problems).toEqual([]);
        let last = -1n;
        for (const range of read.ranges) {
          expect(range.virt).toBeGreaterThan(last);
          last = range.virt + range.size - 1n;
          for (const offset of [0n, range.size / 2n, range.size - 1n]) {
            const oracle = oracleWalk(mode, tables.bytes, tables.root, range.virt + offset)!;
            expect(oracle.phys).toBe(range.phys + offset);
            expect(`r${oracle.write ? "w" : ""}${oracle.execute ? "x" : ""}`).toBe(range.access);
            expect([oracle.user, oracle.global, oracle.pat, oracle.key]).toEqual([
              range.user,
              range.global,
              range.pat,
              range.key,
            ]);
          }
          expect(range.name).toBe(expectedAt(description, range.virt)?.name);
        }
        for (const address of interesting(description)) {
          const inside = read.ranges.some(({ virt, size }) => address >= virt && address < virt + size);
          expect(inside).toBe(isMapping(expectedAt(description, address)));
        }
        const pages = read.ranges.reduce((sum, { size }) => sum + size, 0n);
        const sizes = { "4KiB": 1n << 12n, "2MiB": 1n << 21n, "4MiB": 1n << 22n, "1GiB": 1n << 30n };
        const counted = Object.entries(tables.count.pages).reduce(
          (sum, [size, count]) => sum + sizes[size as keyof typeof sizes] * BigInt(count),
          0n,
        );
        expect(counted).toBe(pages);
      }),
      { numRuns: 150 },
    );
  });
});

test("ranges are named as walks name them, however the names overlap", () => {
  const named = fc.record({
    virt: fc.nat(40).map((page) => BigInt(page) << 12n),
    size: fc.integer({ min: 1, max: 20 }).map((pages) => BigInt(pages) << 12n),
    override: fc.boolean(),
  });
  const mappings = [{ name: "all", virt: 0n, phys: 0n, size: 64n << 12n, access: "rwx" as const }];
  const { memory, cpu } = addressSpaceOf(buildPageTables({ mode: "4-level", tables: 1n << 30n, mappings }));
  fc.assert(
    fc.property(fc.array(named, { maxLength: 8 }), fc.array(named, { maxLength: 3 }), (present, missing) => {
      const space = {
        memory,
        cpu,
        mappings: present.map((each, index) => ({ ...each, name: `p${index}`, phys: 0n, access: "r" as const })),
        absent: missing.map((each, index) => ({ ...each, name: `a${index}`, payload: 0n })),
      };
      const found = ranges(space).ranges.flatMap(({ name, size }) =>
        Array.from({ length: Number(size >> 12n) }, () => name),
      );
      expect(found).toEqual(Array.from({ length: 64 }, (_, page) => walk(space, BigInt(page) << 12n).mapping));
    }),
  );
});
