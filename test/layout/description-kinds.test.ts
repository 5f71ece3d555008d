/** Memory of every kind, and memory, mappings and tables without an address. Each mistake with its whole message. */
import { describe } from "vitest";
import { edit, gone, longGuest, protectedGuest, testFailures } from "./descriptions.ts";

describe("kinds of memory", () => {
  testFailures("LayoutError", [
    [
      "a kind that there is not",
      edit(longGuest(), { "memory.ram.kind": "flash" }),
      'memory.ram.kind: expected "alias", "mmio", "ram", "reserved" or "rom", got "flash"',
      "BAD_DESCRIPTION",
      "flash",
    ],
    [
      "RAM with what an alias has",
      edit(longGuest(), { "memory.ram.of": "ram" }),
      'memory.ram.of: expected nothing, since ram has no of, got "ram"',
      "BAD_DESCRIPTION",
      "ram",
    ],
    [
      "a window without an address",
      edit(longGuest(), { "memory.device": { kind: "mmio", size: "4KiB" } }),
      "memory.device.at: it is missing",
      "BAD_DESCRIPTION",
      undefined,
    ],
    [
      "a window with an alignment",
      edit(longGuest(), { "memory.device": { kind: "reserved", at: 0x10000, size: "4KiB", align: "4KiB" } }),
      'memory.device.align: expected nothing, since reserved has no align, got "4KiB"',
      "BAD_DESCRIPTION",
      "4KiB",
    ],
    [
      "a ROM without a size",
      edit(longGuest(), { "memory.rom": { kind: "rom", at: 0x10000 } }),
      "memory.rom.size: it is missing",
      "BAD_DESCRIPTION",
      undefined,
    ],
    [
      "an alias of nothing",
      edit(longGuest(), { "memory.again": { kind: "alias", at: 0x10000 } }),
      "memory.again.of: it is missing",
      "BAD_DESCRIPTION",
      undefined,
    ],
    [
      "an alias of what is not there",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "rom", at: 0x10000 } }),
      'memory.again.of: no ram or rom is named "rom"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "rom",
    ],
    [
      "an alias of a window",
      edit(longGuest(), {
        "memory.device": { kind: "mmio", at: 0x20000, size: "4KiB" },
        "memory.again": { kind: "alias", of: "device", at: 0x10000 },
      }),
      'memory.again.of: no ram or rom is named "device"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "device",
    ],
    [
      "an alias of itself",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "again", at: 0x10000 } }),
      'memory.again.of: no ram or rom is named "again"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "again",
    ],
    [
      "an alias from within a page on",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "ram", at: 0x10000, offset: 0x800 } }),
      "memory.again.offset: 0x800 is not a multiple of 4096",
      "MISALIGNED",
      2048,
    ],
    [
      "an alias beyond the end",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "ram", at: 0x10000, offset: "28KiB", size: "8KiB" } }),
      "memory.again: 8KiB from 0x7000 on are not in ram, which has 32KiB",
      "DOES_NOT_FIT",
      { kind: "alias", of: "ram", at: 65536, offset: "28KiB", size: "8KiB" },
    ],
    [
      "an alias that begins at the end",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "ram", at: 0x10000, offset: "32KiB" } }),
      "memory.again: its size is 0",
      "BAD_DESCRIPTION",
      { kind: "alias", of: "ram", at: 65536, offset: "32KiB" },
    ],
    [
      "an alias at an address within a page",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "ram", at: 0x10010 } }),
      'memory.again: 0x10010..0x1800f is not made of whole pages of 4096 bytes\n  hint: the whole pages around it: at 0x10000, size "36KiB"',
      "MISALIGNED",
      { kind: "alias", of: "ram", at: 65552 },
    ],
    [
      "an alias over other memory",
      edit(longGuest(), { "memory.again": { kind: "alias", of: "ram", at: 0x4000 } }),
      "memory.ram and memory.again overlap: 0x0..0x7fff and 0x4000..0xbfff\n  hint: set memory.again.at to 0x8000, or memory.ram.at to 0xc000: both are free",
      "OVERLAP",
      ["ram", "again"],
    ],
    [
      "a window over memory",
      edit(longGuest(), { "memory.device": { kind: "mmio", at: 0x7000, size: "4KiB" } }),
      "memory.ram and memory.device overlap: 0x0..0x7fff and 0x7000..0x7fff\n  hint: set memory.device.at to 0x8000, or memory.ram.at to 0x8000: both are free",
      "OVERLAP",
      ["ram", "device"],
    ],
    [
      "a mapping of a window, without saying so",
      edit(longGuest(), {
        "memory.device": { kind: "mmio", at: 0x20000, size: "4KiB" },
        "paging.map.device": { virt: 0x20000, phys: 0x20000, size: "4KiB", access: "rw" },
      }),
      'paging.map.device: there is no memory at 0x20000 of its physical 0x20000..0x20fff\n  hint: memory.device is mmio and has none; a mapping of it says backing "none"',
      "NO_MEMORY",
      0x20000n,
    ],
  ]);
});

describe("memory without an address", () => {
  testFailures("LayoutError", [
    [
      "aligned to no power of two",
      edit(longGuest(), { "memory.more": { size: "4KiB", align: 0x3000 } }),
      "memory.more.align: 0x3000 is not a power of two from 4096 on",
      "MISALIGNED",
      12288,
    ],
    [
      "aligned to less than a page",
      edit(longGuest(), { "memory.more": { size: "4KiB", align: 0x800 } }),
      "memory.more.align: 0x800 is not a power of two from 4096 on",
      "MISALIGNED",
      2048,
    ],
    [
      "aligned to nothing",
      edit(longGuest(), { "memory.more": { size: "4KiB", align: 0 } }),
      "memory.more.align: 0x0 is not a power of two from 4096 on",
      "MISALIGNED",
      0,
    ],
    [
      "of parts of pages",
      edit(longGuest(), { "memory.more": { size: 0x1800 } }),
      'memory.more: 0x0..0x17ff is not made of whole pages of 4096 bytes\n  hint: the whole pages around it: at 0x0, size "8KiB"',
      "MISALIGNED",
      { size: 6144 },
    ],
    [
      "of nothing",
      edit(longGuest(), { "memory.more": { size: 0 } }),
      "memory.more: its size is 0",
      "BAD_DESCRIPTION",
      { size: 0 },
    ],
    [
      "below what is taken",
      edit(longGuest(), { "memory.more": { size: "4KiB", below: "32KiB" } }),
      "memory.more: 4KiB are not free below 0x8000 at a multiple of 4KiB\n  hint: raise below, or move what has an address",
      "DOES_NOT_FIT",
      { size: "4KiB", below: "32KiB" },
    ],
    [
      "larger than all addresses",
      edit(longGuest(), { "memory.more": { size: 2n ** 52n } }),
      "memory.more: 4096TiB are not free below 0x10000000000000 at a multiple of 4KiB\n  hint: raise below, or move what has an address",
      "DOES_NOT_FIT",
      { size: 0x10000000000000n },
    ],
  ]);
});

describe("mappings without an address", () => {
  testFailures("LayoutError", [
    [
      "in memory that there is not",
      edit(longGuest(), { "paging.map.text": { virt: 0, in: "rom", size: "4KiB", access: "rx" } }),
      'paging.map.text.in: no RAM is named "rom"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "rom",
    ],
    [
      "in memory that is no RAM",
      edit(longGuest(), {
        "memory.rom": { kind: "rom", at: 0x10000, size: "4KiB" },
        "paging.map.more": { virt: 0x9000, in: "rom", size: "4KiB", access: "r" },
      }),
      'paging.map.more.in: no RAM is named "rom"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "rom",
    ],
    [
      "larger than what is free",
      edit(longGuest(), { "paging.map.more": { virt: 0x9000, size: "32KiB", access: "r" } }),
      "paging.map.more: no 32KiB of RAM are free\n  hint: at most 20KiB are free in one piece: make memory.ram larger, or set paging.map.more.phys to share memory",
      "DOES_NOT_FIT",
      0x8000n,
    ],
    [
      "larger than what is free of a region",
      edit(longGuest(), {
        "memory.more": { at: 0x10000, size: "4KiB" },
        "paging.map.more": { virt: 0x9000, in: "more", size: "8KiB", access: "r" },
      }),
      "paging.map.more: no 8KiB of more are free\n  hint: at most 4KiB are free in one piece: make memory.more larger, or set paging.map.more.phys to share memory",
      "DOES_NOT_FIT",
      0x2000n,
    ],
    [
      "without memory",
      edit(longGuest(), { "paging.map.more": { virt: 0x9000, size: "4KiB", access: "r", backing: "none" } }),
      'paging.map.more: what has backing "none" needs phys',
      "INCONSISTENT",
      "none",
    ],
  ]);
});

describe("paging", () => {
  testFailures("LayoutError", [
    [
      "of a mode that long mode has not",
      edit(longGuest(), { "paging.mode": "pae" }),
      "paging.mode: long64 has no pae paging\n  hint: it has 4-level and 5-level paging",
      "INCONSISTENT",
      "pae",
    ],
    [
      "of a mode that protected mode has not",
      edit(protectedGuest(), { paging: { mode: "4-level", map: {} } }),
      "paging.mode: protected32 has no 4-level paging\n  hint: it has 32-bit and pae paging",
      "INCONSISTENT",
      "4-level",
    ],
    [
      "of a mode that there is not",
      edit(longGuest(), { "paging.mode": "3-level" }),
      'paging.mode: expected "32-bit", "4-level", "5-level" or "pae", got "3-level"',
      "BAD_DESCRIPTION",
      "3-level",
    ],
    [
      "missing in compatibility mode",
      edit(protectedGuest(), { mode: "compat32" }),
      "paging: compat32 needs page tables",
      "INCONSISTENT",
      undefined,
    ],
    [
      "without room for its tables",
      edit(longGuest(), {
        "memory.ram.size": "8KiB",
        "paging.tables": gone,
        "paging.map": { text: { virt: 0, size: "4KiB", access: "rx" } },
      }),
      "paging.tables: no 16KiB of RAM are free below 4GiB\n  hint: make the memory larger, or set paging.tables",
      "DOES_NOT_FIT",
      0x4000n,
    ],
  ]);
});
