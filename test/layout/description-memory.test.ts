/** What lies where: memory, mappings, tables, the GDT. Each mistake with its whole message. */
import { describe } from "vitest";
import { edit, gone, longGuest, protectedGuest, ramHint, realGuest, testFailures } from "./descriptions.ts";

describe("memory", () => {
  const odd = { at: 0x800, size: "4KiB" };
  const ragged = { at: 0, size: 0x1001 };
  const none = { at: 0, size: 0 };
  const far = { at: 2n ** 52n - 0x1000n, size: "8KiB" };
  testFailures("LayoutError", [
    [
      "begins within a page",
      edit(longGuest(), { "memory.ram": odd }),
      'memory.ram: 0x800..0x17ff is not made of whole pages of 4096 bytes\n  hint: the whole pages around it: at 0x0, size "8KiB"',
      "MISALIGNED",
      odd,
    ],
    [
      "ends within a page",
      edit(longGuest(), { "memory.ram": ragged }),
      'memory.ram: 0x0..0x1000 is not made of whole pages of 4096 bytes\n  hint: the whole pages around it: at 0x0, size "8KiB"',
      "MISALIGNED",
      ragged,
    ],
    ["is empty", edit(longGuest(), { "memory.ram": none }), "memory.ram: its size is 0", "BAD_DESCRIPTION", none],
    [
      "is where no CPU has addresses",
      edit(longGuest(), { "memory.ram": far }),
      "memory.ram: 0xffffffffff000..0x10000000000fff runs past 2^52, the widest physical address",
      "BAD_DESCRIPTION",
      far,
    ],
    [
      "overlaps other memory",
      edit(longGuest(), { "memory.more": { at: 0x7000, size: "8KiB" } }),
      "memory.ram and memory.more overlap: 0x0..0x7fff and 0x7000..0x8fff\n  hint: set memory.more.at to 0x8000, or memory.ram.at to 0x9000: both are free",
      "OVERLAP",
      ["ram", "more"],
    ],
    [
      "is within other memory",
      edit(longGuest(), { "memory.less": { at: 0x1000, size: "4KiB" }, "memory.top": { at: 0x8000, size: "4KiB" } }),
      "memory.ram and memory.less overlap: 0x0..0x7fff and 0x1000..0x1fff\n  hint: set memory.less.at to 0x9000, or memory.ram.at to 0x9000: both are free",
      "OVERLAP",
      ["ram", "less"],
    ],
    [
      "is nowhere",
      edit(longGuest(), { memory: {} }),
      "paging.map.text: there is no memory at 0x5000 of its physical 0x5000..0x5fff\n  hint: there is no memory at all",
      "NO_MEMORY",
      0x5000n,
    ],
    [
      "is nowhere, without paging",
      edit(realGuest(), { memory: {} }),
      'place.guest.in: no place is named "ram"\n  hint: there is none',
      "UNKNOWN_NAME",
      "ram",
    ],
  ]);
});

describe("mappings", () => {
  testFailures("LayoutError", [
    [
      "to where there is no memory",
      edit(longGuest(), { "paging.map.text.phys": 0x8000 }),
      `paging.map.text: there is no memory at 0x8000 of its physical 0x8000..0x8fff${ramHint}`,
      "NO_MEMORY",
      0x8000n,
    ],
    [
      "past the end of memory",
      edit(longGuest(), { "paging.map.stack.size": "12KiB" }),
      `paging.map.stack: there is no memory at 0x8000 of its physical 0x6000..0x8fff${ramHint}`,
      "NO_MEMORY",
      0x8000n,
    ],
    [
      "across a gap",
      edit(longGuest(), {
        "memory.ram.size": "24KiB",
        "memory.more": { at: 0x7000, size: "4KiB" },
        "paging.map.text.size": "12KiB",
        "paging.map.stack": gone,
      }),
      "paging.map.text: there is no memory at 0x6000 of its physical 0x5000..0x7fff\n  hint: there is memory at 0x0..0x5fff (ram), 0x7000..0x7fff (more)",
      "NO_MEMORY",
      0x6000n,
    ],
    [
      "with backing none, to memory",
      edit(longGuest(), {
        "paging.map.hole": { virt: 0x8000, phys: 0x7000, size: "8KiB", access: "rw", backing: "none" },
      }),
      'paging.map.hole: it has backing "none", but memory.ram backs some of its physical 0x7000..0x8fff\n  hint: leave backing out, or map physical addresses that memory.ram does not have',
      "OVERLAP",
      "ram",
    ],
  ]);
  testFailures("LayoutError", [
    [
      "that overlap",
      edit(longGuest(), { "paging.map.stack.virt": 0x0 }),
      'paging.map: mapping "text" and mapping "stack" overlap at virtual 0x0 to 0xfff\n  hint: give each mapping virtual addresses of its own, or let one override the other',
      "OVERLAP",
      0n,
    ],
    [
      "whose tables take more than a guest can want",
      edit(longGuest(), {
        "paging.map.all": {
          ...{ virt: 2n ** 36n, phys: 2n ** 40n, size: "64TiB" },
          ...{ access: "rw", backing: "none", pageSize: "4KiB" },
        },
      }),
      "paging: the page tables take 137707929600 bytes (33620100 tables), but the budget is 256MiB\n  hint: use larger pages",
      "DOES_NOT_FIT",
      137_707_929_600n,
    ],
  ]);
  testFailures("PagingError", [
    ["of nothing", edit(longGuest(), { "paging.map.text.size": 0 }), 'mapping "text" has size 0', "EMPTY", 0n],
    [
      "of parts of pages",
      edit(longGuest(), { "paging.map.text.virt": 0x10 }),
      'mapping "text": virt 0x10 is not a multiple of the page size 4KiB',
      "MISALIGNED",
      0x10n,
    ],
    [
      "that are not canonical",
      edit(longGuest(), { "paging.map.text.virt": 2n ** 47n }),
      'mapping "text" starts at virtual 0x800000000000, which is not canonical: in 4-level paging bits 63 to 47 of an address are all equal',
      "NON_CANONICAL",
      2n ** 47n,
    ],
  ]);
});

describe("page tables", () => {
  testFailures("LayoutError", [
    [
      "under code",
      edit(longGuest(), { "paging.map.text.phys": 0x3000 }),
      "page tables and code guest overlap: 0x0..0x3fff and 0x3000..0x3000\n  hint: neither place.guest.offset nor paging.tables can lead to free memory: make the memory larger",
      "OVERLAP",
      ["page tables", "code guest"],
    ],
    [
      "where there is no memory",
      edit(longGuest(), { "paging.tables": 0x6000 }),
      `page tables: there is no memory at 0x8000 of its physical 0x6000..0x9fff${ramHint}`,
      "NO_MEMORY",
      0x8000n,
    ],
    [
      "in a mode without paging",
      edit(realGuest(), { paging: { tables: 0, map: {} } }),
      "paging: real16 has no paging",
      "INCONSISTENT",
      { tables: 0, map: {} },
    ],
    ["missing", edit(longGuest(), { paging: gone }), "paging: long64 needs page tables", "INCONSISTENT", undefined],
  ]);
  testFailures("PagingError", [
    [
      "within a page",
      edit(longGuest(), { "paging.tables": 0x10 }),
      "the page tables are placed at 0x10, which is not a multiple of 4096",
      "MISALIGNED",
      0x10n,
    ],
  ]);
});

describe("the GDT in memory", () => {
  const segments = { code: { type: "code", bits: 64 }, data: { type: "data" } };
  const flat = { code: { type: "code", bits: 32 }, data: { type: "data" } };
  testFailures("LayoutError", [
    [
      "over page tables",
      edit(longGuest(), {
        gdt: { at: 0x3ff0, segments },
        "paging.map.low": { virt: 0x10_0000, phys: 0x0, size: "20KiB", access: "rw" },
      }),
      "page tables and gdt overlap: 0x0..0x3fff and 0x3ff0..0x4007\n  hint: set gdt.at to 0x4000, which is free; paging.tables cannot lead to free memory",
      "OVERLAP",
      ["page tables", "gdt"],
    ],
    [
      "over code",
      edit(protectedGuest(), { gdt: { at: 0x0, segments: flat } }),
      "gdt and code guest overlap: 0x0..0x17 and 0x0..0x0\n  hint: set place.guest.offset to 0x20, or gdt.at to 0x10: both are free",
      "OVERLAP",
      ["gdt", "code guest"],
    ],
    [
      "where there is no memory",
      edit(protectedGuest(), { gdt: { at: 0x1_fff0, segments: flat } }),
      "gdt: there is no memory at 0x20000 of its physical 0x1fff0..0x20007\n  hint: there is memory at 0x0..0x1ffff (ram)",
      "NO_MEMORY",
      0x2_0000n,
    ],
    [
      "that is not mapped",
      edit(longGuest(), { gdt: { at: 0x7000, segments } }),
      "gdt.at: no mapping has the table at physical 0x7000..0x7017 from 0x7000 on: the guest could not reach it",
      "INCONSISTENT",
      0x7000n,
    ],
    [
      "whose end is not mapped",
      edit(longGuest(), { gdt: { at: 0x6ff0, segments } }),
      "gdt.at: no mapping has the table at physical 0x6ff0..0x7007 from 0x7000 on: the guest could not reach it",
      "INCONSISTENT",
      0x6ff0n,
    ],
    [
      "whose end is mapped elsewhere",
      edit(longGuest(), {
        gdt: { at: 0x6ff0, segments },
        "paging.map.more": { virt: 0x9000, phys: 0x7000, size: "4KiB", access: "r" },
      }),
      "gdt.at: no mapping has the table at physical 0x6ff0..0x7007 from 0x7000 on: the guest could not reach it",
      "INCONSISTENT",
      0x6ff0n,
    ],
    [
      "beyond what GDTR holds",
      edit(protectedGuest(), {
        gdt: { at: "4GiB", segments: flat },
        "memory.high": { at: "4GiB", size: "4KiB" },
      }),
      "gdt: 0x100000000 is beyond the 32 bits of GDTR's base in protected32",
      "DOES_NOT_FIT",
      0x1_0000_0000n,
    ],
  ]);
});
