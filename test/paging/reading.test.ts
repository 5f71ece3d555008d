import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressSpaceOf,
  buildPageTables,
  diff,
  lint,
  memoryOf,
  ranges,
  readDescription,
  tablePages,
  type AddressSpace,
  type PagingCpu,
  type PagingMode,
} from "../../src/paging/index.ts";
import { kernel, kernelSpace } from "./address-space.ts";
import { descriptions } from "./random.ts";

const longMode: PagingCpu = { cr0: 0x8000_0001n, cr3: 0n, cr4: 0x20n, efer: 0xd00n };

/** Tables whose entries are given by address. */
function foreign(entries: Readonly<Record<number, bigint>>, pages: number, cpu: PagingCpu = longMode): AddressSpace {
  const view = new DataView(new ArrayBuffer(pages * 0x1000));
  for (const [at, entry] of Object.entries(entries)) view.setBigUint64(Number(at), entry, true);
  return { memory: memoryOf([{ at: 0n, bytes: new Uint8Array(view.buffer) }]), cpu };
}

describe("memoryOf", () => {
  const chunk = { at: 0x1000n, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const memory = memoryOf(
    [{ at: 0x2000n, bytes: Uint8Array.of(0xff, 0xff, 0xff, 0xff) }, chunk],
    [{ at: 0x1000n, size: 0x1000n }],
  );

  test("reads little-endian words without a sign, in and beside chunks", () => {
    expect(memory.readU32(0x1000)).toBe(0x0403_0201);
    expect(memory.readU32(0x2000)).toBe(0xffff_ffff);
    expect(memory.readU32(0x1004)).toBe(0x0605);
    expect(memory.readU32(0x1ffc)).toBe(0);
    expect(memory.readU32(0x2004)).toBeUndefined();
    expect(memory.readU32(0xffc)).toBeUndefined();
  });

  test("sees later changes", () => {
    chunk.bytes[0] = 9;
    expect(memory.readU32(0x1000)).toBe(0x0403_0209);
  });
});

describe("ranges", () => {
  test("joins pages of all sizes, and ends where a mapping does", () => {
    const { ranges: found, problems } = ranges(kernelSpace());
    expect(found.map(({ name, virt, size, access, pages }) => [name, virt, size, access, pages])).toEqual([
      ["text", 0x0n, 0x1000n, "rx", { "4KiB": 1 }],
      ["data", 0x1000n, 0x3000n, "rw", { "4KiB": 3 }],
      ["hole", 0x4000n, 0x1000n, "rwx", { "4KiB": 1 }],
      ["user", 0x40_0000n, 0x5000n, "rx", { "4KiB": 5 }],
      ["mmio", 0x60_0000n, 0x1000n, "rw", { "4KiB": 1 }],
      ["direct", 0xffff_8000_0000_0000n, 0x40_2000n, "rw", { "2MiB": 2, "4KiB": 2 }],
    ]);
    expect(problems.map(({ kind, entry, virt }) => [kind, entry, virt])).toEqual([
      ["loop", "PML4E", 0xffff_ff00_0000_0000n],
    ]);
  });

  test("needs no names", () => {
    const { memory, cpu } = kernelSpace();
    const first = ranges({ memory, cpu }).ranges[0];
    expect([first?.name, first?.size]).toEqual([undefined, 0x1000n]);
  });

  test("ends where physical addresses do not go on", () => {
    const jump = [
      { name: "a", virt: 0x1000n, phys: 0x9000n, size: 0x1000n, access: "rwx" },
      { name: "b", virt: 0x2000n, phys: 0xb000n, size: 0x1000n, access: "rwx" },
    ] as const;
    const { memory, cpu } = kernelSpace({ mappings: jump });
    expect(ranges({ memory, cpu }).ranges.map(({ phys, size }) => [phys, size])).toEqual([
      [0x9000n, 0x1000n],
      [0xb000n, 0x1000n],
    ]);
  });

  test("takes the rights of all levels together", () => {
    const space = foreign({ 0: 0x1007n, 0x1000: 0x2005n, 0x2000: (1n << 63n) | 0x3007n, 0x3000: 0x9007n }, 4);
    expect(ranges(space).ranges).toMatchObject([{ access: "r", user: true, phys: 0x9000n }]);
  });

  test("ends where tables map 2^36 pages that have nothing in common", () => {
    // Every entry of every table refers to the next table, and those of the last one to one page.
    const entries: Record<number, bigint> = {};
    for (let index = 0; index < 512; index++) {
      for (let level = 0; level < 4; level++) {
        entries[level * 0x1000 + index * 8] = level === 3 ? 0x9003n : BigInt((level + 1) * 0x1000 + 3);
      }
    }
    const space = foreign(entries, 4);
    const { ranges: found, problems } = ranges(space);
    expect(found.length).toBeLessThan(2 ** 20 + 2);
    expect(problems.map(({ kind }) => kind)).toEqual(["limit"]);
    expect(tablePages(space).length).toBeLessThan(2 ** 15);
  });
});

describe("tablePages", () => {
  test("lists each table with what it is for", () => {
    const pages = tablePages(kernelSpace());
    expect(pages.map(({ table, at, virt, size }) => [table, at, virt, size])).toEqual([
      ["PML4", 0x10_0000n, 0x0n, 1n << 48n],
      ["PDPT", 0x10_1000n, 0x0n, 1n << 39n],
      ["PD", 0x10_3000n, 0x0n, 1n << 30n],
      ["PT", 0x10_5000n, 0x0n, 1n << 21n],
      ["PT", 0x10_6000n, 0x40_0000n, 1n << 21n],
      ["PT", 0x10_7000n, 0x60_0000n, 1n << 21n],
      ["PDPT", 0x10_2000n, 0xffff_8000_0000_0000n, 1n << 39n],
      ["PD", 0x10_4000n, 0xffff_8000_0000_0000n, 1n << 30n],
      ["PT", 0x10_8000n, 0xffff_8000_0040_0000n, 1n << 21n],
    ]);
    expect(pages[1]?.value).toBe(0x10_1007n);
  });
});

describe("readDescription", () => {
  test.each(["32-bit", "pae", "4-level", "5-level"] as const)(
    "building what was read gives the same bytes: %s",
    (mode: PagingMode) => {
      fc.assert(
        fc.property(descriptions(mode), (description) => {
          const tables = buildPageTables(description);
          const cpu = mode === "32-bit" ? { cr4: 0x10n } : { efer: tables.registers.efer | 0x800n };
          const read = readDescription(addressSpaceOf(tables, cpu));
          expect(read.problems).toEqual([]);
          const again = buildPageTables(read.description);
          expect(again.bytes.length).toBe(tables.bytes.length);
          expect(Buffer.compare(again.bytes, tables.bytes)).toBe(0);
        }),
        { numRuns: 100 },
      );
    },
  );

  test("ends where there is too much to describe", () => {
    const entries = Array.from({ length: 512 }, (_, index): [number, bigint][] =>
      [0x1003n, 0x2003n, 0x3003n, 0x9003n].map((entry, level) => [level * 0x1000 + index * 8, entry]),
    );
    const { problems } = readDescription(foreign(Object.fromEntries(entries.flat()), 4));
    expect(problems.map(({ kind }) => kind)).toEqual(["limit"]);
  });

  test("reads a recursive slot back", () => {
    const read = readDescription(kernelSpace({ recursive: { slot: 300, access: "rw", user: true } }));
    expect(read.description.recursive).toEqual({ slot: 300, access: "rw", user: true });
    expect(read.problems).toEqual([]);
  });
});

describe("diff", () => {
  test("is empty between equal address spaces, however large their pages are", () => {
    expect(diff(kernelSpace(), kernelSpace({ pageSize: "4KiB", tables: 0n, recursive: { slot: 400 } }))).toEqual([]);
  });

  test("says what came, went and changed, and in which mapping", () => {
    const mappings = kernel.mappings
      .filter(({ name }) => name !== "mmio")
      .map((each) => (each.name === "data" ? { ...each, access: "r" as const, size: 0x2000n } : each));
    const extra = { name: "stack", virt: 0x9_0000n, phys: 0x9_0000n, size: 0x1000n, access: "rw" } as const;
    const changes = diff(kernelSpace(), kernelSpace({ mappings: [...mappings, extra] }));
    expect(
      changes.map(({ kind, virt, size, fields, before, after }) => [
        kind,
        virt,
        size,
        fields,
        before?.name,
        after?.name,
      ]),
    ).toEqual([
      ["changed", 0x1000n, 0x2000n, ["access"], "data", "data"],
      ["removed", 0x3000n, 0x1000n, [], "data", undefined],
      ["added", 0x9_0000n, 0x1000n, [], undefined, "stack"],
      ["removed", 0x60_0000n, 0x1000n, [], "mmio", undefined],
    ]);
    expect(changes[1]?.before).toMatchObject({ virt: 0x3000n, phys: 0x7000n, size: 0x1000n });
  });
});

describe("lint", () => {
  const found = (space: AddressSpace): string[] =>
    lint(space).map(
      ({ severity, code, mapping, virt }) => `${severity} ${code} ${mapping ?? "-"} ${virt.toString(16)}`,
    );

  test("finds what is legal but suspicious", () => {
    expect(found(kernelSpace())).toEqual(["warning WRITABLE_AND_EXECUTABLE hole 4000"]);
    const user = {
      name: "vdso",
      virt: 0xffff_ffff_8000_0000n,
      phys: 0n,
      size: 0x1000n,
      access: "rx",
      user: true,
    } as const;
    const alias = { name: "alias", virt: 0x8_0000n, phys: 0xfee0_0000n, size: 0x1000n, access: "rw" } as const;
    expect(found(kernelSpace({ mappings: [user, alias, kernel.mappings[4]!] }))).toEqual([
      "warning USER_IN_UPPER_HALF vdso ffffffff80000000",
      "warning CACHE_ALIAS mmio 600000",
    ]);
  });

  test("finds no fault with two memory types side by side", () => {
    const ram = { name: "ram", virt: 0x1000n, phys: 0x1000n, size: 0x1000n, access: "rx" } as const;
    const device = {
      name: "device",
      virt: 0x2_0000n,
      phys: 0x2000n,
      size: 0x1000n,
      access: "rx",
      cache: { pat: 3 },
    } as const;
    expect(found(kernelSpace({ mappings: [ram, device] }))).toEqual([]);
  });

  test("finds what the control registers make void", () => {
    const { cpu, ...space } = kernelSpace({
      mappings: kernel.mappings.map((each) => ({ ...each, access: "rx", key: 3 })),
    });
    expect(found({ ...space, cpu: { ...cpu, cr4: 0x20n } })).toEqual([
      "warning KEY_WITHOUT_PKE text 0",
      "warning KEY_WITHOUT_PKE data 1000",
      "warning KEY_WITHOUT_PKE hole 4000",
      "warning KEY_WITHOUT_PKE user 400000",
      "warning KEY_WITHOUT_PKE mmio 600000",
      "warning GLOBAL_WITHOUT_PGE direct ffff800000000000",
      "warning KEY_WITHOUT_PKE direct ffff800000000000",
    ]);
  });

  test("finds what faults on this CPU", () => {
    const { cpu, ...space } = kernelSpace();
    const withoutNxe = found({ ...space, cpu: { ...cpu, efer: 0x500n } });
    expect(withoutNxe).toContain("error NX_WITHOUT_NXE - 1000");
    expect(withoutNxe.filter((each) => each.startsWith("error"))).toHaveLength(3 + 1 + 2 + 2);
    const gigabyte = {
      name: "big",
      virt: 1n << 40n,
      phys: 1n << 40n,
      size: 1n << 30n,
      access: "rx",
      pageSize: "1GiB",
    } as const;
    const large = kernelSpace({ mappings: [gigabyte] });
    expect(found(large)).toEqual(["warning GIGABYTE_PAGE big 10000000000", "warning WIDE_ADDRESS big 10000000000"]);
    expect(found({ ...large, cpu: { ...large.cpu, gigabytePages: false, maxPhysAddr: 46 } })).toEqual([
      "error GIGABYTE_PAGE - 10000000000",
    ]);
    expect(found({ ...large, cpu: { ...large.cpu, gigabytePages: true, maxPhysAddr: 40 } })).toEqual([
      "error WIDE_ADDRESS - 10000000000",
    ]);
    expect(found({ ...large, cpu: { ...large.cpu, gigabytePages: true, maxPhysAddr: 46 } })).toEqual([]);
  });

  test("finds tables that go wrong", () => {
    const space = foreign({ 0: 0x1003n, 8: 0x7003n, 16: 0x83n, 0x1000: 0x2003n, 0x2000: 0x1003n }, 4);
    expect(found(space)).toEqual([
      "warning LOOP - 0",
      "error NO_MEMORY - 8000000000",
      "error RESERVED_BIT - 10000000000",
    ]);
    expect(lint(space)[0]?.message).toBe("PDE 0x1003 at 0x2000 refers to a table above itself");
  });

  test("finds a 4 MiB page that CR4.PSE makes a table", () => {
    const mappings = [{ name: "ram", virt: 0x40_0000n, phys: 0n, size: 1n << 22n, access: "rwx" } as const];
    const tables = buildPageTables({ mode: "32-bit", tables: 0n, mappings });
    expect(found(addressSpaceOf(tables))).toEqual([]);
    expect(found(addressSpaceOf(tables, { cr4: 0n })).at(-1)).toBe("error LARGE_PAGE_WITHOUT_PSE - 400000");
  });
});
