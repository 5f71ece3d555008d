import { expect, test } from "vitest";
import {
  addressSpaceOf,
  addressSpaceToSvg,
  buildPageTables,
  rangesToText,
  tablesToText,
} from "../../src/paging/index.ts";
import { kernelSpace } from "./address-space.ts";

test("ranges as text", () => {
  expect(rangesToText(kernelSpace())).toMatchInlineSnapshot(`
    "4-level paging, CR3 0x100000
    0x0000000000000000-0x0000000000000fff  0x4000-0x4fff             4KiB  r-x ---        1x4KiB         text
    0x0000000000001000-0x0000000000003fff  0x5000-0x7fff            12KiB  rw- ---        3x4KiB         data
    0x0000000000004000-0x0000000000004fff  0x8000-0x8fff             4KiB  rwx ---        1x4KiB         hole
    0x0000000000400000-0x0000000000404fff  0x200000-0x204fff        20KiB  r-x r-x        5x4KiB         user
    0x0000000000600000-0x0000000000600fff  0xfee00000-0xfee00fff     4KiB  rw- --- pat=3  1x4KiB         mmio
    0xffff800000000000-0xffff800000401fff  0x0-0x401fff           4104KiB  rw- --- G      2x4KiB 2x2MiB  direct
    0xffffff0000000000: PML4E 0x100003 at 0x100ff0 is a recursive slot
    "
  `);
});

test("tables as a tree", () => {
  expect(tablesToText(kernelSpace())).toMatchInlineSnapshot(`
    "4-level paging, CR3 0x100000
    PML4 at 0x100000
      [0] 0x0000000000000000 PDPT at 0x101000: P RW US
        [0] 0x0000000000000000 PD at 0x103000: P RW US
          [0] 0x0000000000000000 PT at 0x105000: P RW
            [0] 0x0000000000000000 -> 0x4000 4KiB: P  text
            [1..3] 0x0000000000001000 -> 0x5000 4KiB: P RW XD  data
            [4] 0x0000000000004000 -> 0x8000 4KiB: P RW  hole
            [8..9] 0x0000000000008000: not present, 0xabcd00  swap
          [2] 0x0000000000400000 PT at 0x106000: P US
            [0..4] 0x0000000000400000 -> 0x200000 4KiB: P US  user
          [3] 0x0000000000600000 PT at 0x107000: P RW
            [0] 0x0000000000600000 -> 0xfee00000 4KiB: P RW PWT PCD XD  mmio
      [256] 0xffff800000000000 PDPT at 0x102000: P RW
        [0] 0xffff800000000000 PD at 0x104000: P RW
          [0..1] 0xffff800000000000 -> 0x0 2MiB: P RW G XD  direct
          [2] 0xffff800000400000 PT at 0x108000: P RW
            [0..1] 0xffff800000400000 -> 0x400000 4KiB: P RW G XD  direct
      0xffffff0000000000 PML4E 0x100003 at 0x100ff0 is a recursive slot
    "
  `);
});

test("the flags of entries in a tree", () => {
  const tables = buildPageTables({
    mode: "4-level",
    tables: 0n,
    mappings: [
      {
        name: "all",
        virt: 0n,
        phys: 0n,
        size: 1n << 30n,
        pageSize: "1GiB",
        access: "rw",
        user: true,
        global: true,
        accessed: true,
        dirty: true,
        cache: { pat: 7 },
        key: 9,
        software: 0x3ff,
      },
    ],
    parents: { accessed: true, pwt: true, pcd: true, execute: false },
  });
  expect(tablesToText(addressSpaceOf(tables))).toBe(
    [
      "4-level paging, CR3 0x0",
      "PML4 at 0x0",
      "  [0] 0x0000000000000000 PDPT at 0x1000: P RW US PWT PCD A XD",
      "    [0] 0x0000000000000000 -> 0x0 1GiB: P RW US PWT PCD A D G PAT key=9 software=0x3ff XD  all",
      "",
    ].join("\n"),
  );
});

test("addresses of 32-bit modes have 8 digits", () => {
  const mappings = [{ name: "top", virt: 0xffff_f000n, phys: 0n, size: 0x1000n, access: "rwx" } as const];
  expect(rangesToText(addressSpaceOf(buildPageTables({ mode: "32-bit", tables: 0x1000n, mappings })))).toBe(
    "32-bit paging, CR3 0x1000\n0xfffff000-0xffffffff  0x0-0xfff  4KiB  rwx ---  1x4KiB  top\n",
  );
});

test("what cannot be followed is said where it is", () => {
  const { memory, cpu } = kernelSpace();
  const reserved = { memory, cpu: { ...cpu, efer: 0x500n } };
  expect(rangesToText(reserved)).toContain(
    "0x0000000000001000: PTE 0x8000000000005003 at 0x105008 has a bit set that must be zero\n",
  );
  expect(tablesToText({ memory, cpu: { ...cpu, cr3: 0x4000n } })).toBe(
    "4-level paging, CR3 0x4000\n0x0000000000000000 CR3 0x4000 refers to a table where there is no memory\n",
  );
});

test("more lines than a call has arguments", () => {
  const mappings = [{ name: "ram", virt: 0n, phys: 0n, size: 1n << 29n, access: "rwx" } as const];
  const tables = buildPageTables({ mode: "4-level", tables: 1n << 30n, mappings, pageSize: "4KiB" });
  // Every other page is read-only.
  const pageTables = tables.bytes.subarray(-(1 << 20));
  for (let at = 0; at < pageTables.length; at += 16) pageTables[at]! ^= 2;
  const space = addressSpaceOf(tables);
  const lines = 1 + (1 << 17) + 1;
  expect(rangesToText(space).split("\n")).toHaveLength(lines);
  expect(tablesToText(space).split("\n")).toHaveLength(lines + 3 + 256);
});

test("paging that is off", () => {
  const { memory, cpu } = kernelSpace();
  const off = { memory, cpu: { ...cpu, cr0: 1n } };
  expect([rangesToText(off), tablesToText(off)]).toEqual(["paging is off\n", "paging is off\n"]);
  expect(addressSpaceToSvg(off)).toContain("paging is off");
});

/** The rectangles and texts of a picture, by a reader of its own for the few forms that it has. */
function shapes(svg: string): { rects: { x: number; y: number; bottom: number }[]; texts: string[] } {
  const rects = [
    ...svg.matchAll(/<rect (?:class="hole" )?x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/g),
  ];
  return {
    rects: rects.map(([, x, y, height]) => ({ x: Number(x), y: Number(y), bottom: Number(y) + Number(height) })),
    texts: [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, content]) => content!),
  };
}

test("a picture shows every mapping, hole and table, one below the other", () => {
  const svg = addressSpaceToSvg(kernelSpace());
  const { rects, texts } = shapes(svg);
  expect(texts).toContain("user  r-x user  20KiB");
  expect(texts).toContain("direct  rw-  4104KiB");
  expect(texts).toEqual(expect.arrayContaining(["PML4", "2 x PDPT", "2 x PD", "0xffff800000000000", "0xfee00000"]));
  expect(texts).toContain("hole  ~16EiB");
  const column = rects.filter(({ x }) => x === 170).toSorted((a, b) => a.y - b.y);
  expect(column).toHaveLength(6 + 3);
  for (const [index, rect] of column.slice(1).entries()) expect(rect.y).toBe(column[index]!.bottom);
  expect(svg.startsWith("<svg ") && svg.endsWith("</svg>\n")).toBe(true);
  expect(addressSpaceToSvg(kernelSpace())).toBe(svg);
});

test("a name in a picture cannot end its element", () => {
  const mappings = [{ name: "<&>", virt: 0n, phys: 0n, size: 0x1000n, access: "rwx" } as const];
  const svg = addressSpaceToSvg(addressSpaceOf(buildPageTables({ mode: "pae", tables: 0x1000n, mappings })));
  expect(svg).toContain(">&lt;&amp;&gt;  rwx  4KiB<");
});
