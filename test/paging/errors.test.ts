import { describe, expect, test } from "vitest";
import {
  addressSpaceOf,
  buildPageTables,
  countTables,
  PagingError,
  readDescription,
  walk,
  type Mapping,
  type PagingDescription,
} from "../../src/paging/index.ts";

function errorOf(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof PagingError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

const page: Mapping = { name: "a", virt: 0x1000n, phys: 0x5000n, size: 0x1000n, access: "rwx" };

/** The error of a description with one mapping. */
function errorOfMapping(change: object, options: Partial<PagingDescription> = {}): { code: string; message: string } {
  const mappings = [{ ...page, ...change }];
  return errorOf(() => buildPageTables({ mode: "4-level", tables: 0n, mappings, ...options }));
}

function errorOfDescription(options: object): { code: string; message: string } {
  return errorOf(() => buildPageTables({ mode: "4-level", tables: 0n, mappings: [page], ...options }));
}

describe("a mapping that no tables can have", () => {
  test.each([
    [{ virt: 0x1234n }, {}, "MISALIGNED", 'mapping "a": virt 0x1234 is not a multiple of the page size 4KiB'],
    [
      { pageSize: "2MiB", virt: 0x20_0000n, size: 0x20_0000n },
      {},
      "MISALIGNED",
      'mapping "a": phys 0x5000 is not a multiple of the page size 2MiB',
    ],
    [{ size: 0n }, {}, "EMPTY", 'mapping "a" has size 0'],
    [
      { virt: 0x8000_0000_0000n },
      {},
      "NON_CANONICAL",
      'mapping "a" starts at virtual 0x800000000000, which is not canonical: in 4-level paging bits 63 to 47 of an address are all equal',
    ],
    [
      { virt: 0x7fff_ffff_f000n, size: 0x2000n },
      {},
      "NON_CANONICAL",
      'mapping "a" ends at virtual 0x800000000fff, which is not canonical: in 4-level paging bits 63 to 47 of an address are all equal',
    ],
    [
      { virt: 0n, size: 0xffff_ffff_ffff_f000n, phys: 0n },
      { mode: "5-level" },
      "NON_CANONICAL",
      'mapping "a" ends at virtual 0xffffffffffffefff, which is not canonical: in 5-level paging bits 63 to 56 of an address are all equal',
    ],
    [
      { virt: 0x1_0000_0000n },
      { mode: "pae" },
      "NON_CANONICAL",
      'mapping "a" starts at virtual 0x100000000, which is not canonical: pae paging has addresses of 32 bits',
    ],
    [
      { virt: 0xffff_ffff_ffff_f000n, size: 0x2000n },
      {},
      "WRAPS",
      'mapping "a" starts at virtual 0xfffffffffffff000 and runs 0x1000 bytes past the last address, 0xffffffffffffffff',
    ],
    [
      { phys: 0xf_ffff_ffff_f000n, size: 0x2000n },
      {},
      "BEYOND_PHYSICAL",
      'mapping "a" ends at physical 0x10000000000fff, but physical addresses have 52 bits',
    ],
    [
      { phys: 1n << 40n },
      { maxPhysAddr: 40 },
      "BEYOND_PHYSICAL",
      'mapping "a" ends at physical 0x10000000fff, but physical addresses have 40 bits\n  hint: the width is the description\'s maxPhysAddr',
    ],
    [
      { phys: 1n << 32n },
      { mode: "32-bit" },
      "BEYOND_PHYSICAL",
      'mapping "a" needs pages of 4KiB up to physical 0x100000fff, but their addresses have 32 bits\n  hint: align it so that pages of 4MiB fit',
    ],
    [
      { access: "rw" },
      { mode: "32-bit" },
      "UNSUPPORTED",
      'mapping "a" has access "rw", but 32-bit paging cannot forbid execution\n  hint: say "rwx", or use PAE paging, whose entries have XD',
    ],
    [
      { pageSize: "4MiB" },
      {},
      "UNSUPPORTED",
      'mapping "a" asks for pages of "4MiB", but 4-level paging has 4KiB, 2MiB, 1GiB',
    ],
    [{ key: 1 }, { mode: "pae" }, "UNSUPPORTED", 'mapping "a" has a protection key, but pae paging has none'],
    [{ key: 16 }, {}, "BAD_DESCRIPTION", 'mapping "a": key is 16; expected a whole number from 0 to 15'],
    [{ cache: { pat: 8 } }, {}, "BAD_DESCRIPTION", 'mapping "a": cache.pat is 8; expected a whole number from 0 to 7'],
    [
      { software: 8 },
      { mode: "pae" },
      "BAD_DESCRIPTION",
      'mapping "a": software is 8; expected a whole number from 0 to 7',
    ],
    [{ access: "wx" }, {}, "BAD_DESCRIPTION", 'mapping "a" has access "wx"; expected one of r, rw, rx, rwx'],
    [{ virt: 4096 }, {}, "BAD_DESCRIPTION", 'mapping "a": virt is 4096; expected a bigint of 64 bits'],
    [{ name: "" }, {}, "BAD_DESCRIPTION", "a mapping has no name; expected a string that is not empty"],
  ] as const)("%o", (change, options, code, message) => {
    expect(errorOfMapping(change, options)).toEqual({ code, message });
  });
});

test("the last page of physical memory, and of virtual memory, can be mapped", () => {
  const last = { ...page, virt: 0xffff_ffff_ffff_f000n, phys: 0xf_ffff_ffff_f000n };
  const tables = buildPageTables({ mode: "4-level", tables: 0n, mappings: [last] });
  expect(walk(addressSpaceOf(tables), 0xffff_ffff_ffff_ffffn).page?.phys).toBe(0xf_ffff_ffff_ffffn);
});

describe("a description that no tables can have", () => {
  test("two mappings of one address name each other", () => {
    const mappings = [page, { ...page, name: "b", virt: 0x0n, size: 0x3000n }];
    expect(errorOfDescription({ mappings })).toEqual({
      code: "OVERLAP",
      message:
        'mapping "b" and mapping "a" overlap at virtual 0x1000 to 0x1fff\n' +
        "  hint: move one of them, or say `override: true` on the one that wins",
    });
  });

  test.each([
    [{ mappings: [page, { ...page, virt: 0x9000n }] }, "DUPLICATE_NAME", 'two mappings are named "a"'],
    [
      { recursive: { slot: 0 } },
      "OVERLAP",
      'the recursive slot 0 and mapping "a" overlap at virtual 0x1000 to 0x1fff\n  hint: give the recursive slot a place of its own',
    ],
    [
      { mode: "pae", recursive: { slot: 3 } },
      "UNSUPPORTED",
      "pae paging has no recursive slot: the root's entries have a form of their own",
    ],
    [
      { mode: "32-bit", parents: { execute: false } },
      "UNSUPPORTED",
      "parents has execute false, but 32-bit paging cannot forbid execution\n  hint: leave it out, or use PAE paging, whose entries have XD",
    ],
    [{ mappings: [{ ...page, user: 1 }] }, "BAD_DESCRIPTION", 'mapping "a": user is 1; expected a boolean'],
    [{ recursive: { slot: 512 } }, "BAD_DESCRIPTION", "recursive.slot is 512; expected a whole number from 0 to 511"],
    [
      { mode: "long" },
      "BAD_DESCRIPTION",
      'there is no paging mode "long"; expected one of 32-bit, pae, 4-level, 5-level',
    ],
    [{ maxPhysAddr: 53 }, "BAD_DESCRIPTION", "maxPhysAddr is 53; expected a whole number from 32 to 52"],
    [
      { absent: [{ name: "swap", virt: 0n, size: 0x1000n, payload: 3n }] },
      "BAD_DESCRIPTION",
      'the payload of "swap" is 0x3; expected a bigint of 64 bits with bit 0 (P) clear',
    ],
    [
      { mode: "32-bit", absent: [{ name: "swap", virt: 0n, size: 0x1000n, payload: 1n << 32n }] },
      "BAD_DESCRIPTION",
      'the payload of "swap" is 0x100000000; expected a bigint of 32 bits with bit 0 (P) clear',
    ],
    [{ tables: 0x800n }, "MISALIGNED", "the page tables are placed at 0x800, which is not a multiple of 4096"],
    [
      { tables: { at: 0x1000n, size: 0x3fffn } },
      "DOES_NOT_FIT",
      "the page tables take 16KiB from 0x1000, but their range ends at 0x4fff",
    ],
    [
      { tables: 1n << 32n, mode: "pae" },
      "DOES_NOT_FIT",
      "the page tables reach physical 0x100000000, but CR3 has 32 bits in pae paging",
    ],
    [
      { tables: (1n << 36n) - 0x2000n, maxPhysAddr: 36 },
      "DOES_NOT_FIT",
      "the page tables reach physical 0x1000001fff, but entries hold table addresses of 36 bits",
    ],
  ])("%o", (options, code, message) => {
    expect(errorOfDescription(options)).toEqual({ code, message });
  });
});

describe("the budget", () => {
  const terabyte: PagingDescription = {
    mode: "4-level",
    tables: 0n,
    pageSize: "4KiB",
    mappings: [{ name: "ram", virt: 0n, phys: 0n, size: 1n << 40n, access: "rwx" }],
  };

  test("refuses 1 TiB of 4 KiB pages before it allocates, and says how to allow it", () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(errorOf(() => buildPageTables(terabyte))).toEqual({
      code: "OVER_BUDGET",
      message:
        "the page tables take 2151690240 bytes (525315 tables), but the budget is 256MiB\n" +
        "  hint: say `budget: 2151690240n` in the description to allow it, or use larger pages",
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test("allows what is just as large", () => {
    const mappings = [page];
    expect(buildPageTables({ mode: "4-level", tables: 0n, mappings, budget: 0x4000n }).bytes.length).toBe(0x4000);
    expect(errorOf(() => buildPageTables({ mode: "4-level", tables: 0n, mappings, budget: 0x3fffn })).code).toBe(
      "OVER_BUDGET",
    );
  });

  test("does not keep from counting", () => {
    expect(countTables(terabyte).bytes).toBe(2_151_690_240n);
  });

  test("says so where no buffer is large enough", () => {
    const mappings = [{ name: "ram", virt: 0n, phys: 0n, size: 1n << 46n, access: "rwx" as const }];
    expect(errorOf(() => buildPageTables({ ...terabyte, mappings, budget: 1n << 50n }))).toEqual({
      code: "OVER_BUDGET",
      message: "the page tables take 137707917312 bytes, more than this host gives to one buffer",
    });
  });
});

describe("a question about an address space", () => {
  const space = addressSpaceOf(buildPageTables({ mode: "pae", tables: 0n, mappings: [page] }));

  test("an address that the registers have no bits for", () => {
    expect(errorOf(() => walk(space, 1n << 32n))).toEqual({
      code: "BAD_ARGUMENT",
      message: "cannot walk to 0x100000000: with paging mode pae, addresses have 32 bits",
    });
  });

  test("a description of tables that are off", () => {
    expect(errorOf(() => readDescription({ ...space, cpu: { ...space.cpu, cr0: 1n } }))).toEqual({
      code: "BAD_ARGUMENT",
      message: "there are no page tables to read: CR0.PG is clear",
    });
  });
});
