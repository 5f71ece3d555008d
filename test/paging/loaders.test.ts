/**
 * The page tables of well-known loaders, firmwares and kernels, byte for byte: from a description here, and from loops
 * that put down what their documentation and sources say lies where.
 */
import { describe, expect, test } from "vitest";
import {
  addressSpaceOf,
  buildPageTables,
  identityMap,
  ranges,
  readDescription,
  type Mapping,
  type PagingDescription,
} from "../../src/paging/index.ts";

const MiB = 1n << 20n;
const GiB = 1n << 30n;

/** An image of tables, an array of entries each. */
function imageOf(entryBytes: 4 | 8, tables: readonly (readonly bigint[])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(tables.length * 4096));
  for (const [number, entries] of tables.entries()) {
    for (const [index, entry] of entries.entries()) {
      const at = number * 4096 + index * entryBytes;
      if (entryBytes === 4) view.setUint32(at, Number(entry), true);
      else view.setBigUint64(at, entry, true);
    }
  }
  return new Uint8Array(view.buffer);
}

/** As many entries, the first one with the number `from`. */
function entries(count: number, make: (index: bigint) => bigint, from = 0): bigint[] {
  return [
    ...Array.from({ length: from }, () => 0n),
    ...Array.from({ length: count }, (_, index) => make(BigInt(index))),
  ];
}

/** Where the tables of a description are not the expected ones; `undefined` where they are, to the byte. */
function differenceFrom(
  expected: readonly (readonly bigint[])[],
  description: PagingDescription,
  entryBytes: 4 | 8 = 8,
): string | undefined {
  const { bytes, at, root } = buildPageTables(description);
  const image = imageOf(entryBytes, expected);
  if (root !== at) return "the root is not the first table";
  if (bytes.length !== image.length) return `${bytes.length} bytes, not ${image.length}`;
  const index = image.findIndex((byte, offset) => byte !== bytes[offset]);
  return index === -1 ? undefined : `0x${bytes[index]!.toString(16)} at offset 0x${index.toString(16)}`;
}

const used = { accessed: true, dirty: true } as const;

describe("identity maps", () => {
  test("Firecracker's boot tables: 1 GiB by 2 MiB pages at 0x9000, 0xa000 and 0xb000", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: GiB, access: "rwx" });
    const expected = [[0xa003n], [0xb003n], entries(512, (index) => (index << 21n) | 0x83n)];
    expect(differenceFrom(expected, { mode: "4-level", tables: 0x9000n, mappings: [ram] })).toBeUndefined();
  });

  test("crosvm's boot tables: 4 GiB by 2 MiB pages from 0x9000 on", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx" });
    const expected = [
      [0xa003n],
      [0xb003n, 0xc003n, 0xd003n, 0xe003n],
      ...[0n, 1n, 2n, 3n].map((gigabyte) => entries(512, (index) => (gigabyte << 30n) | (index << 21n) | 0x83n)),
    ];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: { at: 0x9000n, size: 0x6000n }, mappings: [ram] }),
    ).toBeUndefined();
  });

  // OvmfPkg's and UefiCpuPkg's reset vectors: present, writable, accessed, and dirty in pages.
  test("OVMF's first tables: 4 GiB by 2 MiB pages in six tables at 8 MiB", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx", ...used });
    const expected = [
      [0x80_1023n],
      entries(4, (index) => 0x80_2023n + index * 0x1000n),
      ...[0n, 512n, 1024n, 1536n].map((first) => entries(512, (index) => (first + index) * 0x20_0000n + 0xe3n)),
    ];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: 0x80_0000n, mappings: [ram], parents: { accessed: true } }),
    ).toBeUndefined();
  });

  test("EDK II's reset vector with 1 GiB pages: 512 GiB in two tables", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 512n * GiB, access: "rwx", pageSize: "1GiB", ...used });
    const expected = [[0xffff_9023n], entries(512, (index) => index * GiB + 0xe3n)];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: 0xffff_8000n, mappings: [ram], parents: { accessed: true } }),
    ).toBeUndefined();
  });

  // Tables are open to user mode, pages are not; pages are global though CR4.PGE is clear yet.
  test("the tables that Linux decompresses itself under: 4 GiB by 2 MiB pages, 007 and 183", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx", global: true });
    const expected = [
      [0x200_1007n],
      entries(4, (index) => 0x200_2007n + (index << 12n)),
      ...[0n, 1n, 2n, 3n].map((table) => entries(512, (index) => ((table * 512n + index) << 21n) + 0x183n)),
    ];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: 0x200_0000n, mappings: [ram], parents: { user: true } }),
    ).toBeUndefined();
  });

  test("coreboot's flags: 4 GiB by 2 MiB pages for user mode, 027 and 0e7", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx", user: true, ...used });
    const expected = [
      [0x10_1027n],
      entries(4, (index) => 0x10_2027n + (index << 12n)),
      ...[0n, 1n, 2n, 3n].map((table) => entries(512, (index) => ((table * 512n + index) << 21n) + 0xe7n)),
    ];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: 0x10_0000n, mappings: [ram], parents: { accessed: true } }),
    ).toBeUndefined();
  });

  test("PAE: 4 GiB by 2 MiB pages, entries 001 and 083", () => {
    const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx" });
    const expected = [
      [0x3001n, 0x4001n, 0x5001n, 0x6001n],
      ...[0n, 1n, 2n, 3n].map((table) => entries(512, (index) => ((table * 512n + index) << 21n) + 0x83n)),
    ];
    expect(differenceFrom(expected, { mode: "pae", tables: 0x2000n, mappings: [ram] })).toBeUndefined();
  });
});

describe("kernels", () => {
  test("Linux's kernel half: 512 MiB of text at -2 GiB, 063 and 1e3", () => {
    const text: Mapping = {
      ...{ name: "text", virt: 0xffff_ffff_8000_0000n, phys: 0n, size: 512n * MiB, access: "rwx" },
      ...{ global: true, ...used },
    };
    const expected = [
      entries(1, () => 0x260_1063n, 511),
      entries(1, () => 0x260_2063n, 510),
      entries(256, (index) => (index << 21n) | 0x1e3n),
    ];
    expect(
      differenceFrom(expected, { mode: "4-level", tables: 0x260_0000n, mappings: [text], parents: used }),
    ).toBeUndefined();
  });

  // 32-bit paging with CR4.PSE: the same 4 MiB at 0 and at KERNBASE.
  test("xv6's first page directory: one 4 MiB page twice", () => {
    const page = { phys: 0n, size: 4n * MiB, access: "rwx", pageSize: "4MiB" } as const;
    const mappings = [
      { ...page, name: "low", virt: 0n },
      { ...page, name: "kernel", virt: 0x8000_0000n },
    ];
    const expected = entries(513, (index) => (index === 0n || index === 512n ? 0x83n : 0n));
    expect(differenceFrom([expected], { mode: "32-bit", tables: 0x10_a000n, mappings }, 4)).toBeUndefined();
  });

  // kvmmap of xv6: I/O space, text, data and free memory, devices; page tables are open to all, pages say who may.
  test("xv6's kernel map: 224 MiB by 4 KiB pages and the devices", () => {
    const [kernel, data, stop, devices] = [0x8000_0000n, 0x10_8000n, 0xe00_0000n, 0xfe00_0000n];
    const mappings: Mapping[] = [
      { name: "I/O", virt: kernel, phys: 0n, size: MiB, access: "rwx" },
      { name: "text", virt: kernel + MiB, phys: MiB, size: data - MiB, access: "rx" },
      { name: "data", virt: kernel + data, phys: data, size: stop - data, access: "rwx" },
      { name: "devices", virt: devices, phys: devices, size: (1n << 32n) - devices, access: "rwx" },
    ];
    const at = 0x40_0000n;
    const directory = entries(1024, () => 0n);
    const tables: bigint[][] = [];
    for (let table = 512n; table < 1024n; table++) {
      const pages: bigint[] = [];
      for (let page = table * 1024n; page < (table + 1n) * 1024n; page++) {
        const virt = page << 12n;
        if (virt >= devices) pages.push(virt | 3n);
        else if (virt - kernel < stop)
          pages.push((virt - kernel) | (virt - kernel >= MiB && virt - kernel < data ? 1n : 3n));
        else pages.push(0n);
      }
      if (pages.every((entry) => entry === 0n)) continue;
      tables.push(pages);
      directory[Number(table)] = at + BigInt(tables.length * 4096) + 7n;
    }
    const parents = { write: true, user: true };
    const expected = [directory, ...tables];
    expect(
      differenceFrom(expected, { mode: "32-bit", tables: at, mappings, parents, pageSize: "4KiB" }, 4),
    ).toBeUndefined();
  });
});

test("what was built reads back as it was described, and builds again", () => {
  const ram = identityMap({ name: "ram", at: 0n, size: 4n * GiB, access: "rwx", ...used });
  const tables = buildPageTables({ mode: "4-level", tables: 0x80_0000n, mappings: [ram], parents: { accessed: true } });
  const space = addressSpaceOf(tables);
  expect(ranges(space).ranges).toMatchObject([{ name: "ram", virt: 0n, phys: 0n, size: 4n * GiB, access: "rwx" }]);
  const again = buildPageTables({ ...readDescription(space).description, parents: { accessed: true } });
  expect(Buffer.compare(again.bytes, tables.bytes)).toBe(0);
});
