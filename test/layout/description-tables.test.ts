/** The GDT and LDTs, task states, call and task gates. Each mistake with its whole message. */
import { code32 } from "guestwright";
import { describe } from "vitest";
import { edit, longGuest, protectedGuest, testFailures } from "./descriptions.ts";

const flat = { code: { type: "code", bits: 32 }, data: { type: "data" } };
const flat64 = { code: { type: "code", bits: 64 }, data: { type: "data" } };

describe("the entries of a GDT", () => {
  testFailures("LayoutError", [
    [
      "with a number for a name",
      edit(protectedGuest(), { gdt: { segments: { 1: { type: "code", bits: 32 } } } }),
      "gdt.segments.1: a name that is a number would not keep its place in the table",
      "BAD_DESCRIPTION",
      "1",
    ],
    [
      "more than selectors reach",
      edit(protectedGuest(), {
        gdt: { segments: Object.fromEntries(Array.from({ length: 8192 }, (_, i) => [`s${i}`, { type: "data" }])) },
      }),
      "gdt.segments: a descriptor table holds 8192 entries of 8 bytes, got 8193",
      "BAD_DESCRIPTION",
      8193,
    ],
    [
      "a TSS without a place",
      edit(protectedGuest(), { gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss" } } } }),
      "gdt.segments.task: it has no place: give at or in",
      "INCONSISTENT",
      { type: "tss" },
    ],
    [
      "an LDT without a place",
      edit(protectedGuest(), { gdt: { at: 0x1000, segments: { ...flat, local: { type: "ldt", segments: {} } } } }),
      "gdt.segments.local: it has no place: give at or in",
      "INCONSISTENT",
      { type: "ldt", segments: {} },
    ],
    [
      "a TSS with a key that only a call gate has",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, target: "place.guest" } } },
      }),
      "gdt.segments.task.target: there is no such key\n  hint: there is type, bits, stacks, ist, ports, entry, stack, dpl, at, in, offset",
      "BAD_DESCRIPTION",
      "place.guest",
    ],
    [
      "a TSS of 8 bits",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, bits: 8 } } },
      }),
      "gdt.segments.task.bits: expected 16, 32 or 64, got 8",
      "BAD_DESCRIPTION",
      8,
    ],
    [
      "of a kind that there is not",
      edit(protectedGuest(), { gdt: { at: 0x1000, segments: { ...flat, task: { type: "trap-gate" } } } }),
      'gdt.segments.task.type: expected "code", "ldt", "call-gate", "task-gate", "data" or "tss", got "trap-gate"',
      "BAD_DESCRIPTION",
      "trap-gate",
    ],
    [
      "a TSS of 64 bits outside long mode",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, bits: 64 } } },
      }),
      "gdt.segments.task.bits: protected32 has no TSS of 64 bits\n  hint: give 16 or 32, or leave it out",
      "INCONSISTENT",
      64,
    ],
    [
      "a TSS of 32 bits in long mode",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", bits: 32 } } },
      }),
      "gdt.segments.task.bits: long64 has no TSS of 32 bits\n  hint: leave it out",
      "INCONSISTENT",
      32,
    ],
    [
      "a TSS beyond the 32 bits of its descriptor",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: "4GiB" } } },
        "memory.high": { at: "4GiB", size: "4KiB" },
      }),
      "gdt.segments.task.base: expected 0 to 0xffffffff, got 0x100000000",
      "BAD_SEGMENT",
      0x100000000n,
    ],
    [
      "an LDT in an LDT",
      edit(protectedGuest(), {
        gdt: {
          at: 0x1000,
          segments: {
            ...flat,
            local: { type: "ldt", at: 0x2000, segments: { inner: { type: "ldt", at: 0x3000, segments: {} } } },
          },
        },
      }),
      'gdt.segments.local.segments.inner.type: expected "code", "call-gate" or "data", got "ldt"',
      "BAD_DESCRIPTION",
      "ldt",
    ],
    [
      "an LDT with a number for a name",
      edit(protectedGuest(), {
        gdt: {
          at: 0x1000,
          segments: { ...flat, local: { type: "ldt", at: 0x2000, segments: { 7: { type: "data" } } } },
        },
      }),
      "gdt.segments.local.segments.7: a name that is a number would not keep its place in the table",
      "BAD_DESCRIPTION",
      "7",
    ],
    [
      "with a limit that a descriptor cannot say",
      edit(protectedGuest(), { gdt: { at: 0x1000, segments: { ...flat, odd: { type: "data", limit: 0x123456 } } } }),
      "gdt.segments.odd.limit: a limit that counts pages ends in 0xfff, got 0x123456",
      "BAD_SEGMENT",
      1193046,
    ],
  ]);
});

describe("task states", () => {
  testFailures("LayoutError", [
    [
      "a stack that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", stacks: { 0: "kernel" } } } },
      }),
      'gdt.segments.task.stacks.0: no stack is named "kernel"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "kernel",
    ],
    [
      "a stack of level 3",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", stacks: { 3: "stack" } } } },
      }),
      "gdt.segments.task.stacks.3: there is no such key\n  hint: there is 0, 1, 2",
      "BAD_DESCRIPTION",
      "stack",
    ],
    [
      "interrupt stack 8",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", ist: { 8: "stack" } } } },
      }),
      "gdt.segments.task.ist.8: there is no such key\n  hint: there is 1, 2, 3, 4, 5, 6, 7",
      "BAD_DESCRIPTION",
      "stack",
    ],
    [
      "interrupt stacks outside long mode",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, ist: { 1: "ram" } } } },
      }),
      "gdt.segments.task.ist: a 32-bit TSS has none",
      "INCONSISTENT",
      { 1: "ram" },
    ],
    [
      "a stack pointer that is no address",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", stacks: { 0: true } } } },
      }),
      "gdt.segments.task.stacks.0: expected the name of a stack or an address, got true",
      "BAD_DESCRIPTION",
      true,
    ],
    [
      "a stack pointer beyond 32 bits",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, stacks: { 0: "4GiB" } } } },
      }),
      "gdt.segments.task.stacks.0: 0x100000000 is beyond the 32 bits of its stack pointer",
      "DOES_NOT_FIT",
      "4GiB",
    ],
    [
      "a stack pointer beyond 16 bits",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", bits: 16, at: 0x2000, stacks: { 1: "ram" } } } },
      }),
      "gdt.segments.task.stacks.1: 0x20000 is beyond the 16 bits of its stack pointer",
      "DOES_NOT_FIT",
      "ram",
    ],
    [
      "a stack of a level that has no stack segment",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, stacks: { 1: "ram" } } } },
      }),
      "gdt.segments.task.stacks.1: SS needs a writable data segment of privilege level 1, and the GDT has none",
      "INCONSISTENT",
      ["code", "data", "task"],
    ],
    [
      "ports of a 16-bit TSS",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", bits: 16, at: 0x2000, ports: [0x10] } } },
      }),
      "gdt.segments.task.ports: a 16-bit TSS has none",
      "INCONSISTENT",
      [16],
    ],
    [
      "a port that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", ports: [0x10000] } } },
      }),
      "gdt.segments.task.ports.0: expected a port from 0 to 0xffff, or the first and the last port of a range, got 65536",
      "BAD_DESCRIPTION",
      65536,
    ],
    [
      "ports that end before they begin",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", ports: [[0x20, 0x10]] } } },
      }),
      "gdt.segments.task.ports.0: expected a port from 0 to 0xffff, or the first and the last port of a range, got an array",
      "BAD_DESCRIPTION",
      [32, 16],
    ],
    [
      "an entry in long mode",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", entry: "place.guest" } } },
      }),
      "gdt.segments.task.entry: a 64-bit TSS has none",
      "INCONSISTENT",
      "place.guest",
    ],
    [
      "a stack of its own in long mode",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack", stack: "stack" } } },
      }),
      "gdt.segments.task.stack: a 64-bit TSS has none",
      "INCONSISTENT",
      "stack",
    ],
    [
      "an entry that is no label",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000, entry: "guest" } } },
      }),
      'gdt.segments.task.entry: no label is named "guest"\n  hint: there is place.guest',
      "UNKNOWN_NAME",
      "guest",
    ],
  ]);
});

describe("call and task gates", () => {
  testFailures("LayoutError", [
    [
      "to no label",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, gate: { type: "call-gate", target: "place.guest.nowhere" } } },
      }),
      'gdt.segments.gate.target: no label is named "place.guest.nowhere"\n  hint: there is place.guest',
      "UNKNOWN_NAME",
      "place.guest.nowhere",
    ],
    [
      "to a segment that there is not",
      edit(protectedGuest(), {
        gdt: {
          at: 0x1000,
          segments: { ...flat, gate: { type: "call-gate", target: "place.guest", segment: "kernel" } },
        },
      }),
      'gdt.segments.gate.segment: no code segment is named "kernel"\n  hint: the GDT has code',
      "UNKNOWN_NAME",
      "kernel",
    ],
    [
      "to a segment that is data",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, gate: { type: "call-gate", target: "place.guest", segment: "data" } } },
      }),
      'gdt.segments.gate.segment: no code segment is named "data"\n  hint: the GDT has code',
      "UNKNOWN_NAME",
      "data",
    ],
    [
      "to code of a size that the GDT has not",
      edit(longGuest(), {
        mode: "compat32",
        "place.guest.code": code32().hlt(),
        gdt: { in: "stack", segments: { ...flat, gate: { type: "call-gate", target: "place.guest" } } },
      }),
      "gdt.segments.gate: it needs a 64-bit code segment of privilege level 0, and the GDT has none",
      "INCONSISTENT",
      ["code"],
    ],
    [
      "with parameters in long mode",
      edit(longGuest(), {
        gdt: {
          in: "stack",
          segments: { ...flat64, gate: { type: "call-gate", target: "place.guest", parameters: 1 } },
        },
      }),
      "gdt.segments.gate.parameters: call gates of long mode copy none",
      "INCONSISTENT",
      1,
    ],
    [
      "with more parameters than a gate counts",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, gate: { type: "call-gate", target: "place.guest", parameters: 32 } } },
      }),
      "gdt.segments.gate.parameters: expected at most 31, got 32",
      "BAD_DESCRIPTION",
      32,
    ],
    [
      "to a task that there is not",
      edit(protectedGuest(), { gdt: { at: 0x1000, segments: { ...flat, gate: { type: "task-gate", task: "code" } } } }),
      'gdt.segments.gate.task: no TSS is named "code"\n  hint: the GDT has none',
      "UNKNOWN_NAME",
      "code",
    ],
    [
      "to a task, in long mode",
      edit(longGuest(), {
        gdt: {
          in: "stack",
          segments: { ...flat64, task: { type: "tss", in: "stack" }, gate: { type: "task-gate", task: "task" } },
        },
      }),
      "gdt.segments.gate: long mode has no task gates",
      "INCONSISTENT",
      { type: "task-gate", task: "task" },
    ],
  ]);
});

describe("TR and LDTR", () => {
  testFailures("LayoutError", [
    [
      "a TSS that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack" } } },
        "cpu.tr": "data",
      }),
      'cpu.tr: no TSS is named "data"\n  hint: the GDT has task',
      "UNKNOWN_NAME",
      "data",
    ],
    [
      "an LDT that there is not",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000 } } },
        "cpu.ldtr": "task",
      }),
      'cpu.ldtr: no LDT is named "task"\n  hint: the GDT has none',
      "UNKNOWN_NAME",
      "task",
    ],
    [
      "a TSS by its selector",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: { ...flat, task: { type: "tss", at: 0x2000 } } },
        "cpu.tr": 0x18,
      }),
      "cpu.tr: expected a string or null, got 24",
      "BAD_DESCRIPTION",
      24,
    ],
  ]);
});
