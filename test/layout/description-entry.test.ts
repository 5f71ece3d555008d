/** What runs first, and the stack. Each mistake with its whole message. */
import { code16, code64, layout } from "guestwright";
import { describe, expect, test } from "vitest";
import { edit, longGuest, protectedGuest, realGuest, testFailures } from "./descriptions.ts";

const code = { type: "code", bits: 64 };
const data = { type: "data" };
const user = { code: { ...code, dpl: 3 }, data: { ...data, dpl: 3 } };

describe("the program that runs first", () => {
  testFailures("LayoutError", [
    ["there is none", edit(longGuest(), { place: {} }), "place: there is no program", "INCONSISTENT", undefined],
    [
      "one of several",
      edit(longGuest(), { "place.other": { code: code64().hlt(), in: "text", offset: 16 } }),
      "entry: there are 2 programs, so it must name the one that runs first\n  hint: there is guest, other",
      "INCONSISTENT",
      undefined,
    ],
    [
      "one that does not exist",
      edit(longGuest(), { entry: "gest" }),
      'entry: no program is named "gest"\n  hint: there is guest',
      "UNKNOWN_NAME",
      "gest",
    ],
    [
      "of another mode",
      edit(longGuest(), { "place.guest.code": code16().hlt() }),
      "entry: long64 starts in 64-bit code, but guest is 16-bit code",
      "INCONSISTENT",
      16,
    ],
    [
      "without an instruction",
      edit(longGuest(), { "place.guest.code": code64().label("start") }),
      "entry: guest is empty",
      "INCONSISTENT",
      "guest",
    ],
    [
      "in user mode, on a page that is not for it",
      edit(longGuest(), { "gdt.segments": user }),
      'entry: a user fetch from 0x0 ("text") raises #PF(0x5): U/S (bit 2) is clear in PML4E 0x1003 at 0x0\n  hint: set user of paging.map.text, or start with a code segment of dpl 0',
      "NOT_EXECUTABLE",
      0n,
    ],
    [
      "on a page for user mode, with SMEP",
      edit(longGuest(), { "paging.map.text.user": true, "cpu.cr4": 0x10_0020 }),
      'entry: a supervisor fetch from 0x0 ("text") raises #PF(0x11): CR4.SMEP is set and so is U/S (bit 2) in PTE 0x5005 at 0x3000\n  hint: leave user out of paging.map.text, or clear SMEP (bit 20) in cpu.cr4',
      "NOT_EXECUTABLE",
      0n,
    ],
  ]);

  test("a label that nothing defines is the assembler's error", async () => {
    const description = edit(longGuest(), { "place.guest.code": code64().jmp("nowhere") });
    await expect(layout(description).build()).rejects.toMatchObject({ name: "AsmError", code: "UNDEFINED_LABEL" });
  });
});

describe("the stack", () => {
  testFailures("LayoutError", [
    [
      "that no one described",
      edit(longGuest(), { stack: "stak" }),
      'stack: no place is named "stak"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "stak",
    ],
    [
      "said twice",
      edit(longGuest(), { stack: "stack", "cpu.rsp": 0x2000 }),
      "stack: cpu.rsp is given too; give one of them",
      "INCONSISTENT",
      "stack",
    ],
    [
      "that cannot be written",
      edit(longGuest(), { stack: "text" }),
      "stack: text is mapped without w",
      "INCONSISTENT",
      "text",
    ],
    [
      "in user mode, on a page that is not for it",
      edit(longGuest(), { "gdt.segments": user, "paging.map.text.user": true, stack: "stack" }),
      'stack: a user write to 0x1fff ("stack") raises #PF(0x7): U/S (bit 2) is clear in PTE 0x6003 at 0x3008',
      "INCONSISTENT",
      "stack",
    ],
    [
      "beyond the 64 KiB of SS",
      edit(realGuest(), { stack: "ram" }),
      "stack: ram ends at offset 0x20000 of SS, whose offsets are 0x0..0xffff\n  hint: put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer",
      "DOES_NOT_FIT",
      "ram",
    ],
    [
      "before SS",
      edit(realGuest(), { stack: "ram", "cpu.segments.ss": 0x2000 }),
      "stack: ram ends at offset 0x0 of SS, whose offsets are 0x0..0xffff\n  hint: put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer",
      "DOES_NOT_FIT",
      "ram",
    ],
    [
      "below the limit of an expand-down segment",
      edit(protectedGuest(), {
        "gdt.segments": { code: { ...code, bits: 32 }, data: { ...data, expandDown: true, limit: 0x1_ffff } },
        stack: "ram",
      }),
      "stack: ram ends at offset 0x20000 of SS, whose offsets are 0x20000..0xffffffff\n  hint: put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer",
      "DOES_NOT_FIT",
      "ram",
    ],
  ]);
});

describe("what is needed for tables and stacks to be used at entry", () => {
  const vectors = { "#UD": "place.guest.on_ud" };
  const handled = code64().ud2().label("on_ud").hlt();
  const tables = { virt: 0x9000, phys: 0x7000, size: "4KiB", access: "rw" };
  testFailures("LayoutError", [
    [
      "several stacks, and none that is named",
      edit(longGuest(), {
        "memory.ram.size": "64KiB",
        stacks: { main: { size: "4KiB", virt: 0x10_0000 }, fault: { size: "4KiB", virt: 0x20_0000 } },
      }),
      "stack: there are 2 stacks, so it must name the one at entry\n  hint: there is main, fault",
      "INCONSISTENT",
      undefined,
    ],
    [
      "an IDT without a GDT in memory",
      edit(longGuest(), {
        "place.guest.code": handled,
        "paging.map.tables": tables,
        idt: { in: "tables", vectors },
      }),
      "gdt: the gates of the IDT load CS from it, so it needs a place: give at or in",
      "INCONSISTENT",
      undefined,
    ],
    [
      "stubs for a label that no program has",
      edit(longGuest(), {
        "place.guest.code": handled,
        "paging.map.tables": tables,
        gdt: { in: "tables", segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
        idt: { in: "tables", vectors: { "#UD": "place.guest.on_du" }, stubs: { in: "text", offset: 0x100 } },
      }),
      'idt.vectors.#UD: no label is named "place.guest.on_du"\n  hint: there is place.guest, place.guest.on_ud',
      "UNKNOWN_NAME",
      "place.guest.on_du",
    ],
  ]);
});
