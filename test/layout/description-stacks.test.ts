/** Stacks. Each mistake with its whole message. */
import { describe } from "vitest";
import { edit, longGuest, protectedGuest, realGuest, testFailures } from "./descriptions.ts";

describe("stacks", () => {
  testFailures("LayoutError", [
    [
      "of parts of pages",
      edit(longGuest(), { "stacks.main": { virt: 0x9000, size: 0x1800 } }),
      "stacks.main.size: 0x1800 is not made of whole pages of 4096 bytes",
      "MISALIGNED",
      6144,
    ],
    [
      "of nothing",
      edit(protectedGuest(), { "stacks.main": { size: 0 } }),
      "stacks.main.size: 0x0 is not made of whole pages of 4096 bytes",
      "MISALIGNED",
      0,
    ],
    [
      "with the name of a mapping",
      edit(longGuest(), { "stacks.text": { virt: 0x9000, size: "4KiB" } }),
      "stacks.text: a mapping has that name, too",
      "INCONSISTENT",
      "text",
    ],
    [
      "above what is mapped",
      edit(longGuest(), { "stacks.main": { virt: 0x2000, size: "4KiB" } }),
      "stacks.main: the guard page below it, 0x1000..0x1fff, is mapped by stack\n  hint: leave a page free there, or set guard to false",
      "OVERLAP",
      ["main", "stack"],
    ],
    [
      "below what is mapped",
      edit(longGuest(), {
        "paging.map.more": { virt: 0x9000, size: "4KiB", access: "r", phys: 0x7000 },
        "stacks.main": { virt: 0x8000, size: "4KiB", phys: 0x7000 },
      }),
      "stacks.main: the guard page above it, 0x9000..0x9fff, is mapped by more\n  hint: leave a page free there, or set guard to false",
      "OVERLAP",
      ["main", "more"],
    ],
    [
      "beside each other",
      edit(longGuest(), {
        "memory.ram.size": "64KiB",
        "stacks.a": { virt: 0x9000, size: "4KiB" },
        "stacks.b": { virt: 0xa000, size: "4KiB" },
      }),
      "stacks.a: the guard page above it, 0xa000..0xafff, is mapped by b\n  hint: leave a page free there, or set guard to false",
      "OVERLAP",
      ["a", "b"],
    ],
    [
      "larger than what is free",
      edit(longGuest(), { "stacks.main": { virt: 0x9000, size: "32KiB" } }),
      "stacks.main: no 32KiB of RAM are free\n  hint: at most 20KiB are free in one piece: make memory.ram larger, or set stacks.main.phys to share memory",
      "DOES_NOT_FIT",
      0x8000n,
    ],
    [
      "in memory that there is not",
      edit(longGuest(), { "stacks.main": { virt: 0x9000, size: "4KiB", in: "text" } }),
      'stacks.main.in: no RAM is named "text"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "text",
    ],
    [
      "where there is no memory",
      edit(longGuest(), { "stacks.main": { virt: 0x9000, size: "4KiB", phys: "1MiB" } }),
      "stacks.main: there is no memory at 0x100000 of its physical 0x100000..0x100fff\n  hint: there is memory at 0x0..0x7fff (ram)",
      "NO_MEMORY",
      0x100000n,
    ],
    [
      "that several could be the first",
      edit(longGuest(), { "memory.ram.size": "64KiB", "stacks.a": { virt: 0x9000, size: "4KiB" }, stack: "c" }),
      'stack: no place is named "c"\n  hint: there is a, text, stack',
      "UNKNOWN_NAME",
      "c",
    ],
    [
      "beside cpu.rsp",
      edit(longGuest(), { "stacks.main": { virt: 0x9000, size: "4KiB" }, "cpu.rsp": 0x1000, stack: "main" }),
      "stack: cpu.rsp is given too; give one of them",
      "INCONSISTENT",
      "main",
    ],
    [
      "without paging: with a virtual address",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", virt: 0x9000 } }),
      "stacks.main.virt: it needs paging",
      "INCONSISTENT",
      36864,
    ],
    [
      "without paging: for user code",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", user: true } }),
      "stacks.main.user: it needs paging",
      "INCONSISTENT",
      true,
    ],
    [
      "without paging: with guard pages",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", guard: true } }),
      "stacks.main.guard: it needs paging",
      "INCONSISTENT",
      true,
    ],
    [
      "without paging: larger than what is free",
      edit(protectedGuest(), { "stacks.main": { size: "256KiB" } }),
      "stacks.main: no 256KiB of RAM are free\n  hint: at most 128KiB are free in one piece: make memory.ram larger, or stacks.main.size smaller",
      "DOES_NOT_FIT",
      0x40000n,
    ],
    [
      "without paging: in memory that there is not",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", in: "rom" } }),
      'stacks.main.in: no RAM is named "rom"\n  hint: there is ram',
      "UNKNOWN_NAME",
      "rom",
    ],
    [
      "without paging: where there is no memory",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", phys: "1MiB" } }),
      "stacks.main: there is no memory at 0x100000 of its physical 0x100000..0x100fff\n  hint: there is memory at 0x0..0x1ffff (ram)",
      "NO_MEMORY",
      0x100000n,
    ],
    [
      "without paging: over code",
      edit(protectedGuest(), { "stacks.main": { size: "4KiB", phys: 0 } }),
      "code guest and stacks.main overlap: 0x0..0x0 and 0x0..0xfff\n  hint: set stacks.main.phys to 0x1000, or place.guest.offset to 0x1000: both are free",
      "OVERLAP",
      ["code guest", "stacks.main"],
    ],
    [
      "in real mode: beyond the offsets of SS",
      edit(realGuest(), { "memory.ram.size": "256KiB", "stacks.main": { size: "4KiB" } }),
      "stack: main ends at offset 0x40000 of SS, whose offsets are 0x0..0xffff\n  hint: put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer",
      "DOES_NOT_FIT",
      "main",
    ],
  ]);
});
