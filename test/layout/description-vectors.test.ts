/** Interrupt vectors and their stubs, where tables lie, and programs beside them. Each mistake with its whole message. */
import { code32, code64, layout } from "guestwright";
import { describe, expect, test } from "vitest";
import { edit, longGuest, protectedGuest, realGuest, testFailures } from "./descriptions.ts";

const flat = { code: { type: "code", bits: 32 }, data: { type: "data" } };
const flat64 = { code: { type: "code", bits: 64 }, data: { type: "data" } };

describe("vectors", () => {
  testFailures("LayoutError", [
    [
      "of no exception",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#XX": "place.guest" } },
      }),
      "idt.vectors.#XX: a vector is 0 to 255, or the name of an exception\n  hint: exceptions are #DE, #DB, NMI, #BP, #OF, #BR, #UD, #NM, #DF, #TS, #NP, #SS, #GP, #PF, #MF, #AC, #MC, #XM, #VE, #CP, #HV, #VC, #SX",
      "UNKNOWN_NAME",
      "#XX",
    ],
    [
      "beyond 255",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { 256: "place.guest" } },
      }),
      "idt.vectors.256: a vector is 0 to 255, or the name of an exception\n  hint: exceptions are #DE, #DB, NMI, #BP, #OF, #BR, #UD, #NM, #DF, #TS, #NP, #SS, #GP, #PF, #MF, #AC, #MC, #XM, #VE, #CP, #HV, #VC, #SX",
      "UNKNOWN_NAME",
      "256",
    ],
    [
      "twice, by name and by number",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { 14: "place.guest", "#PF": "place.guest" } },
      }),
      "idt.vectors.14: vector 14 is given twice",
      "INCONSISTENT",
      14,
    ],
    [
      "to no label",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": "place.guest.on_page_fault" } },
      }),
      'idt.vectors.#PF: no label is named "place.guest.on_page_fault"\n  hint: there is place.guest',
      "UNKNOWN_NAME",
      "place.guest.on_page_fault",
    ],
    [
      "without a handler",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": { dpl: 3 } } },
      }),
      "idt.vectors.#PF.handler: it is missing",
      "BAD_DESCRIPTION",
      undefined,
    ],
    [
      "of a kind that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": { handler: "place.guest", type: "task" } } },
      }),
      'idt.vectors.#PF.type: expected "interrupt" or "trap", got "task"',
      "BAD_DESCRIPTION",
      "task",
    ],
    [
      "to a label and to a task",
      edit(longGuest(), { idt: { in: "stack", vectors: { "#DF": { handler: "place.guest", task: "task" } } } }),
      'idt.vectors.#DF.handler: expected nothing, since a task gate has no handler, got "place.guest"',
      "BAD_DESCRIPTION",
      "place.guest",
    ],
    [
      "to a task, with an interrupt stack",
      edit(longGuest(), { idt: { in: "stack", vectors: { "#DF": { task: "task", ist: 1 } } } }),
      "idt.vectors.#DF.ist: expected nothing, since a task gate has no ist, got 1",
      "BAD_DESCRIPTION",
      1,
    ],
    [
      "to a task that there is not",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: flat },
        idt: { at: 0x2000, vectors: { "#DF": { task: "spare" } } },
      }),
      'idt.vectors.#DF.task: no TSS is named "spare"\n  hint: the GDT has none',
      "UNKNOWN_NAME",
      "spare",
    ],
    [
      "to a task, in long mode",
      edit(longGuest(), {
        gdt: { in: "stack", segments: { ...flat64, task: { type: "tss", in: "stack" } } },
        idt: { in: "stack", vectors: { "#DF": { task: "task" } } },
      }),
      "idt.vectors.#DF: long mode has no task gates",
      "INCONSISTENT",
      { task: "task" },
    ],
    [
      "to interrupt stack 0",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": { handler: "place.guest", ist: 0 } } },
      }),
      "idt.vectors.#PF.ist: expected at least 1, got 0",
      "BAD_DESCRIPTION",
      0,
    ],
    [
      "to an interrupt stack outside long mode",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: flat },
        idt: { at: 0x2000, vectors: { "#PF": { handler: "place.guest", ist: 1 } } },
      }),
      "idt.vectors.#PF.ist: only gates of long mode name a stack",
      "INCONSISTENT",
      1,
    ],
    [
      "to a segment that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": { handler: "place.guest", segment: "kernel" } } },
      }),
      'idt.vectors.#PF.segment: no code segment is named "kernel"\n  hint: the GDT has code',
      "UNKNOWN_NAME",
      "kernel",
    ],
    [
      "without a place",
      edit(longGuest(), { idt: { vectors: {} } }),
      "idt: it has no place: give at or in",
      "INCONSISTENT",
      { vectors: {} },
    ],
    [
      "beyond what IDTR holds",
      edit(protectedGuest(), {
        gdt: { at: 0x1000, segments: flat },
        "memory.high": { at: "4GiB", size: "4KiB" },
        idt: { at: "4GiB", vectors: { "#PF": "place.guest" } },
      }),
      "idt: 0x100000000 is beyond the 32 bits of IDTR's base in protected32",
      "DOES_NOT_FIT",
      0x100000000n,
    ],
    [
      "real mode: to a handler that CS does not reach",
      edit(realGuest(), {
        idt: { vectors: { "#UD": "place.far" } },
        "place.guest.offset": 0x1000,
        "place.far": { code: code32().hlt(), in: "ram", offset: "64KiB" },
        entry: "guest",
      }),
      "idt.vectors.#UD: 0x10000 is beyond the 16 bits of an offset",
      "DOES_NOT_FIT",
      0x10000n,
    ],
    [
      "that are nothing",
      edit(longGuest(), { idt: { in: "stack", vectors: { "#PF": null } } }),
      "idt.vectors.#PF: expected a string or an object, got null",
      "BAD_DESCRIPTION",
      null,
    ],
    [
      "real mode: with more than a label",
      edit(realGuest(), { idt: { vectors: { "#UD": { handler: "place.guest" } } } }),
      "idt.vectors.#UD: in real mode a vector is a label, and nothing else",
      "INCONSISTENT",
      { handler: "place.guest" },
    ],
    [
      "real mode: over code",
      edit(realGuest(), { idt: { vectors: { "#UD": "place.guest" } } }),
      "idt and code guest overlap: 0x0..0x3ff and 0x0..0x0\n  hint: set place.guest.offset to 0x400, or idt.at to 0x10: both are free",
      "OVERLAP",
      ["idt", "code guest"],
    ],
  ]);
});

describe("stubs", () => {
  testFailures("LayoutError", [
    [
      "in a place that there is not",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", stubs: { in: "code" }, vectors: { "#PF": "place.guest" } },
      }),
      'idt.stubs.in: no place is named "code"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "code",
    ],
    [
      "where nothing executes",
      edit(longGuest(), {
        "paging.map.stack.access": "rw",
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", stubs: { in: "stack" }, vectors: { "#PF": "place.guest" } },
      }),
      'idt.stubs: it holds code, but stack is mapped without x\n  hint: set paging.map.stack.access to "rwx", or put it in another place',
      "NOT_EXECUTABLE",
      "stack",
    ],
    [
      "over code",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", stubs: { in: "text", offset: 0 }, vectors: { "#PF": "place.guest" } },
      }),
      "code guest and code idt stubs overlap: 0x5000..0x5000 and 0x5000..0x5051\n  hint: set idt.stubs.offset to 0x10, or place.guest.offset to 0x60: both are free",
      "OVERLAP",
      ["code guest", "code idt stubs"],
    ],
    [
      "in real mode",
      edit(realGuest(), { idt: { stubs: { in: "ram" }, vectors: { "#UD": "place.guest" } } }),
      "idt.stubs: there are none for real16",
      "INCONSISTENT",
      { in: "ram" },
    ],
    [
      "with a misspelt key",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", stubs: { at: 0x1000 }, vectors: { "#PF": "place.guest" } },
      }),
      "idt.stubs.at: there is no such key\n  hint: there is in, offset",
      "BAD_DESCRIPTION",
      4096,
    ],
  ]);
});

describe("places of tables", () => {
  testFailures("LayoutError", [
    [
      "twice",
      edit(longGuest(), { gdt: { at: 0x6000, in: "stack", segments: flat64 } }),
      "gdt: at and in are both given; give one of them",
      "INCONSISTENT",
      24576,
    ],
    [
      "an offset into nothing",
      edit(protectedGuest(), { gdt: { offset: 0x10, segments: flat } }),
      "gdt.offset: it needs in",
      "INCONSISTENT",
      16,
    ],
    [
      "that there are not",
      edit(longGuest(), { gdt: { in: "data", segments: flat64 } }),
      'gdt.in: no place is named "data"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "data",
    ],
    [
      "too small",
      edit(longGuest(), { gdt: { in: "stack", offset: 0xff0, segments: flat64 } }),
      "gdt: 24 bytes at offset 0xff0 do not fit stack, which has 4KiB\n  hint: make the offset smaller, or stack larger",
      "DOES_NOT_FIT",
      0xff0n,
    ],
    [
      "too small for all",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { 255: "place.guest" } },
      }),
      "idt: 4096 bytes do not fit stack, where 4064B are left\n  hint: make stack larger",
      "DOES_NOT_FIT",
      0x1000n,
    ],
    [
      "where the stack begins",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", vectors: { "#PF": "place.guest" } },
        stack: "stack",
      }),
      "gdt.in: the stack begins at the end of stack, and would overwrite the table\n  hint: give an offset, or put it in another place",
      "INCONSISTENT",
      "stack",
    ],
    [
      "over each other",
      edit(longGuest(), {
        gdt: { in: "stack", offset: 0, segments: flat64 },
        idt: { in: "stack", offset: 8, vectors: { "#PF": "place.guest" } },
      }),
      "gdt and idt overlap: 0x6000..0x6017 and 0x6008..0x60f7\n  hint: set idt.offset to 0x20, or gdt.offset to 0x100: both are free",
      "OVERLAP",
      ["gdt", "idt"],
    ],
    [
      "of the E820 map: none",
      edit(longGuest(), { e820: {} }),
      "e820: it has no place: give at or in",
      "INCONSISTENT",
      {},
    ],
    [
      "of the E820 map: not mapped",
      edit(longGuest(), { e820: { at: 0x7000 } }),
      "e820.at: no mapping has the table at physical 0x7000..0x7013 from 0x7000 on: the guest could not reach it",
      "INCONSISTENT",
      0x7000n,
    ],
  ]);
});

describe("programs", () => {
  testFailures("LayoutError", [
    [
      "whose section goes to no place",
      edit(longGuest(), {
        "place.guest.code": code64().hlt().section(".data").u8(1),
        "place.guest.sections": { ".data": { in: "data" } },
      }),
      'place.guest.sections..data.in: no place is named "data"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "data",
    ],
    [
      "with an offset into a section's place that is too large",
      edit(longGuest(), {
        "place.guest.code": code64().hlt().section(".data").u8(1),
        "place.guest.sections": { ".data": { in: "stack", offset: "1MiB" } },
      }),
      "place.guest.sections..data.offset: 0x100000 is beyond stack, which has 4KiB\n  hint: make the offset smaller, or stack larger",
      "DOES_NOT_FIT",
      0x100000n,
    ],
    [
      "of which none is said to run first",
      edit(longGuest(), {
        "place.other": { code: code64().hlt(), in: "stack" },
        idt: { in: "stack", stubs: { in: "stack" }, vectors: { "#UD": "place.other" } },
        gdt: { in: "stack", segments: flat64 },
      }),
      "entry: there are 2 programs, so it must name the one that runs first\n  hint: there is guest, other",
      "INCONSISTENT",
      undefined,
    ],
    [
      "of which the stubs cannot run first",
      edit(longGuest(), {
        gdt: { in: "stack", segments: flat64 },
        idt: { in: "stack", stubs: { in: "stack" }, vectors: { "#PF": "place.guest" } },
        entry: "idt stubs",
      }),
      'entry: no program is named "idt stubs"\n  hint: there is guest',
      "UNKNOWN_NAME",
      "idt stubs",
    ],
  ]);
});

test("stubs that a layout brings come from no line of a source, what the author wrote from theirs", async () => {
  const image = await layout({
    mode: "protected32",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    gdt: { in: "ram", segments: { code: { type: "code", bits: 32 }, data: { type: "data" } } },
    idt: { in: "ram", stubs: { in: "ram" }, vectors: { "#UD": "place.guest" } },
    place: { guest: { code: code32().ret(), in: "ram" } },
  }).build();
  const sourcesOf = (wanted: string): readonly (string | undefined)[] =>
    image.programs.find(({ name }) => name === wanted)!.listing.map(({ source }) => source?.file);
  expect(new Set(sourcesOf("idt stubs"))).toEqual(new Set([undefined]));
  expect(sourcesOf("guest")).toEqual(["test/layout/description-vectors.test.ts"]);
});
