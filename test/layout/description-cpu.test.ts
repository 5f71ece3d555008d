/** The CPU at entry: control registers, general registers, segments. Each mistake with its whole message. */
import { describe } from "vitest";
import { edit, longGuest, protectedGuest, realGuest, testFailures } from "./descriptions.ts";

const code = { type: "code", bits: 64 };
const data = { type: "data" };

describe("control registers", () => {
  testFailures("LayoutError", [
    [
      "long mode without paging",
      edit(longGuest(), { "cpu.cr0": 0x1 }),
      "cpu.cr0: 0x1 lacks PG, which long64 needs\n  hint: leave it out, or give at least 0x80000001",
      "INCONSISTENT",
      0x1n,
    ],
    [
      "long mode without PAE",
      edit(longGuest(), { "cpu.cr4": 0 }),
      "cpu.cr4: 0x0 lacks PAE, which long64 needs\n  hint: leave it out, or give at least 0x20",
      "INCONSISTENT",
      0n,
    ],
    [
      "long mode that is not active",
      edit(longGuest(), { "cpu.efer": 0x100 }),
      "cpu.efer: 0x100 lacks LMA, which long64 needs\n  hint: leave it out, or give at least 0x500",
      "INCONSISTENT",
      0x100n,
    ],
    [
      "no NXE, but execute-disable bits",
      edit(longGuest(), { "paging.map.stack.access": "rw", "cpu.efer": 0x500 }),
      "cpu.efer: 0x500 lacks NXE, which a mapping without x needs\n  hint: without NXE the execute-disable bit is reserved, and every access to such a page faults: set bit 11, or give the mapping x",
      "INCONSISTENT",
      0x500n,
    ],
    [
      "no PGE, but global pages",
      edit(longGuest(), { "paging.map.stack.global": true, "cpu.cr4": 0x20 }),
      "cpu.cr4: 0x20 lacks PGE, which a global mapping needs\n  hint: without PGE the CPU ignores the global bit: set bit 7, or leave the mapping's global out",
      "INCONSISTENT",
      0x20n,
    ],
    [
      "five levels over tables of four",
      edit(longGuest(), { "cpu.cr4": 0x1020 }),
      "cpu.cr4: 0x1020 has LA57, which 4-level paging must not have",
      "INCONSISTENT",
      0x1020n,
    ],
    [
      "protected mode with paging",
      edit(protectedGuest(), { "cpu.cr0": 0x8000_0001 }),
      "cpu.cr0: 0x80000001 has PG, which protected32 without page tables must not have",
      "INCONSISTENT",
      0x8000_0001n,
    ],
    [
      "protected mode without protection",
      edit(protectedGuest(), { "cpu.cr0": 0x10 }),
      "cpu.cr0: 0x10 lacks PE, which protected32 needs\n  hint: leave it out, or give at least 0x1",
      "INCONSISTENT",
      0x10n,
    ],
    [
      "real mode with protection",
      edit(realGuest(), { "cpu.cr0": 0x8000_0001 }),
      "cpu.cr0: 0x80000001 has PG PE, which real16 must not have",
      "INCONSISTENT",
      0x8000_0001n,
    ],
    [
      "bits that no CPU has",
      edit(longGuest(), { "cpu.cr0": 0x1_8000_0001 }),
      "cpu.cr0: 0x180000001 is beyond 32 bits, and the rest is reserved",
      "INCONSISTENT",
      0x1_8000_0001n,
    ],
  ]);
});

describe("general registers", () => {
  testFailures("LayoutError", [
    [
      "beyond 64 bits",
      edit(longGuest(), { "cpu.r15": 1n << 64n }),
      "cpu.r15: 0x10000000000000000 is beyond 64 bits",
      "BAD_DESCRIPTION",
      1n << 64n,
    ],
    [
      "beyond 32 bits in protected mode",
      edit(protectedGuest(), { "cpu.rax": "4GiB" }),
      "cpu.rax: 0x100000000 is beyond 32 bits",
      "BAD_DESCRIPTION",
      1n << 32n,
    ],
    [
      "beyond 32 bits in real mode",
      edit(realGuest(), { "cpu.rsp": 1n << 32n }),
      "cpu.rsp: 0x100000000 is beyond 32 bits",
      "BAD_DESCRIPTION",
      1n << 32n,
    ],
    [
      "virtual-8086 mode",
      edit(protectedGuest(), { "cpu.rflags": 0x2_0002 }),
      "cpu.rflags: 0x20002 has VM, which no guest can start with",
      "BAD_DESCRIPTION",
      0x2_0002n,
    ],
    [
      "reserved flags",
      edit(longGuest(), { "cpu.rflags": 0x8000_0028 }),
      "cpu.rflags: 0x80000028 has bit 31 bit 5 bit 3, which no guest can start with",
      "BAD_DESCRIPTION",
      0x8000_0028n,
    ],
  ]);
});

describe("the GDT", () => {
  testFailures("LayoutError", [
    [
      "in real mode",
      edit(realGuest(), { gdt: { segments: {} } }),
      "gdt: real16 has no GDT at entry",
      "INCONSISTENT",
      { segments: {} },
    ],
    [
      "with more segments than selectors have numbers",
      edit(longGuest(), {
        "gdt.segments": Object.fromEntries(Array.from({ length: 8192 }, (_, i) => [`data${i}`, data])),
      }),
      "gdt.segments: a descriptor table holds 8192 entries of 8 bytes, got 8193",
      "BAD_DESCRIPTION",
      8193,
    ],
    [
      "with a name that JavaScript would put first",
      edit(longGuest(), { "gdt.segments": { code, data, 3: data } }),
      "gdt.segments.3: a name that is a number would not keep its place in the table",
      "BAD_DESCRIPTION",
      "3",
    ],
    [
      "with a field that no descriptor has room for",
      edit(longGuest(), { "gdt.segments": { code, data: { ...data, limit: 0x12_3456 } } }),
      "gdt.segments.data.limit: a limit that counts pages ends in 0xfff, got 0x123456",
      "BAD_SEGMENT",
      0x12_3456,
    ],
    [
      "without code of the mode's size",
      edit(longGuest(), { "gdt.segments": { small: { ...code, bits: 32 }, data } }),
      "gdt.segments: CS needs a 64-bit code segment, and none of them is a present one",
      "INCONSISTENT",
      ["small", "data"],
    ],
    [
      "empty",
      edit(protectedGuest(), { "gdt.segments": {} }),
      "gdt.segments: CS needs a 32-bit code segment, and none of them is a present one",
      "INCONSISTENT",
      [],
    ],
    [
      "without a stack segment",
      edit(protectedGuest(), { "gdt.segments": { code: { ...code, bits: 32 }, data: { ...data, writable: false } } }),
      "gdt.segments: SS needs a writable data segment of privilege level 0, and none of them is a present one",
      "INCONSISTENT",
      ["code", "data"],
    ],
  ]);
});

describe("segment registers", () => {
  const segments = {
    ...{ code, data, small: { ...code, bits: 32 }, hidden: { ...code, readable: false } },
    ...{ fixed: { ...data, writable: false }, absent: { ...data, present: false }, user: { ...data, dpl: 3 } },
    ...{ userCode: { ...code, dpl: 3 } },
  };
  const loaded = (register: string, name: unknown, more = {}) =>
    edit(longGuest(), { "gdt.segments": segments, [`cpu.segments.${register}`]: name, ...more });
  testFailures("LayoutError", [
    [
      "an unknown name",
      loaded("ds", "dta"),
      'cpu.segments.ds: no segment is named "dta"\n  hint: the GDT has code, data, small, hidden, fixed, absent, user, userCode',
      "UNKNOWN_NAME",
      "dta",
    ],
    [
      "a number where names are wanted",
      edit(longGuest(), { "cpu.segments.ds": 0x10 }),
      "cpu.segments.ds: no segment is named 16\n  hint: the GDT has code, data",
      "UNKNOWN_NAME",
      16,
    ],
    [
      "a name in real mode",
      edit(realGuest(), { "cpu.segments.es": "data" }),
      'cpu.segments.es: in real mode a segment is 0 to 0xffff, got "data"',
      "BAD_DESCRIPTION",
      "data",
    ],
    [
      "a number that real mode has no room for",
      edit(realGuest(), { "cpu.segments.cs": 0x1_0000 }),
      "cpu.segments.cs: in real mode a segment is 0 to 0xffff, got 0x10000",
      "BAD_DESCRIPTION",
      0x1_0000,
    ],
    [
      "a negative number in real mode",
      edit(realGuest(), { "cpu.segments.gs": -1 }),
      "cpu.segments.gs: in real mode a segment is 0 to 0xffff, got -0x1",
      "BAD_DESCRIPTION",
      -1,
    ],
    [
      "data in CS",
      loaded("cs", "data"),
      'cpu.segments.cs: it needs a 64-bit code segment, but "data" is data32 dpl 0 writable accessed',
      "INCONSISTENT",
      "data",
    ],
    [
      "code of another size in CS",
      loaded("cs", "small"),
      'cpu.segments.cs: it needs a 64-bit code segment, but "small" is code32 dpl 0 readable accessed',
      "INCONSISTENT",
      "small",
    ],
    [
      "code in SS",
      loaded("ss", "code"),
      'cpu.segments.ss: it needs a writable data segment of privilege level 0, but "code" is code64 dpl 0 readable accessed',
      "INCONSISTENT",
      "code",
    ],
    [
      "what cannot be written in SS",
      loaded("ss", "fixed"),
      'cpu.segments.ss: it needs a writable data segment of privilege level 0, but "fixed" is data32 dpl 0 accessed',
      "INCONSISTENT",
      "fixed",
    ],
    [
      "another privilege level in SS",
      loaded("ss", "user"),
      'cpu.segments.ss: it needs a writable data segment of privilege level 0, but "user" is data32 dpl 3 writable accessed',
      "INCONSISTENT",
      "user",
    ],
    [
      "code that cannot be read in DS",
      loaded("ds", "hidden"),
      'cpu.segments.ds: it needs a segment that privilege level 0 can read, but "hidden" is code64 dpl 0 accessed',
      "INCONSISTENT",
      "hidden",
    ],
    [
      "more privileged data in user mode",
      loaded("ds", "data", { "cpu.segments.cs": "userCode" }),
      'cpu.segments.ds: it needs a segment that privilege level 3 can read, but "data" is data32 dpl 0 writable accessed',
      "INCONSISTENT",
      "data",
    ],
    [
      "what is not present",
      loaded("fs", "absent"),
      'cpu.segments.fs: it needs a present segment, but "absent" is data32 dpl 0 writable accessed not present',
      "INCONSISTENT",
      "absent",
    ],
  ]);
});
