/**
 * What VT-x and SVM check before they run a guest (SDM vol. 3C, 27.3.1; APM vol. 2, 15.5.1): each rule broken once, from states
 * that all of them allow.
 */
import { code16, code32, code64, entryViolations, layout, type CpuState, type SegmentState } from "guestwright";
import { describe, expect, test } from "vitest";
import { image as longMode } from "../../examples/long-mode.ts";
import { edit, protectedGuest, realGuest, testFailures } from "./descriptions.ts";

const realImage = await layout({
  mode: "real16",
  memory: { ram: { size: "64KiB" } },
  place: { guest: { code: code16().hlt(), in: "ram" } },
}).build();
const protectedImage = await layout({
  mode: "protected32",
  memory: { ram: { size: "64KiB" } },
  place: { guest: { code: code32().hlt(), in: "ram" } },
}).build();
const userImage = await layout({
  mode: "long64",
  memory: { ram: { size: "64KiB" } },
  paging: { map: { text: { virt: 0x1000, size: "4KiB", access: "rx", user: true } } },
  gdt: {
    segments: { code: { type: "code", bits: 64, dpl: 3 }, data: { type: "data", dpl: 3 } },
  },
  place: { guest: { code: code64().hlt(), in: "text" } },
}).build();

const states = {
  real: realImage.cpu,
  protected: protectedImage.cpu,
  long: longMode.cpu,
  user: userImage.cpu,
} as const;

test.each(Object.entries(states))("a CPU enters what a layout derives: %s", (_, cpu) => {
  expect(entryViolations(cpu)).toEqual([]);
});

const withSegment = (cpu: CpuState, name: keyof CpuState["segments"], changes: Partial<SegmentState>): CpuState => ({
  ...cpu,
  segments: { ...cpu.segments, [name]: { ...cpu.segments[name], ...changes } },
});
const { long, protected: flat, real, user } = states;

describe("a CPU does not enter", () => {
  test.each<[string, CpuState, string]>([
    [
      "paging without protection",
      { ...real, cr0: 0x8000_0000n },
      "cr0: 0x80000000 PG: PG needs PE (SDM vol. 3C, 27.3.1.1; APM vol. 2, 15.5.1)",
    ],
    [
      "not-write-through without cache disable",
      { ...flat, cr0: 0x2000_0001n },
      "cr0: 0x20000001 NW PE: NW needs CD (APM vol. 2, 15.5.1)",
    ],
    [
      "a wide CR0",
      { ...flat, cr0: 0x1_0000_0001n },
      "cr0: 0x100000001 bit 32 PE: bits 63 to 32 must be 0 (SDM vol. 3C, 27.3.1.1; APM vol. 2, 15.5.1)",
    ],
    [
      "long mode without PAE",
      { ...long, cr4: 0n },
      "cr4: 0x0: long mode needs PAE (SDM vol. 3C, 27.3.1.1; APM vol. 2, 15.5.1)",
    ],
    [
      "process-context identifiers outside long mode",
      { ...flat, cr4: 0x2_0000n },
      "cr4: 0x20000 PCIDE: PCIDE needs long mode (SDM vol. 3C, 27.3.1.1)",
    ],
    [
      "LME without LMA while paging",
      { ...long, efer: 0x100n, segments: { ...long.segments } },
      "efer: 0x100 LME: LMA must be as LME is with paging, and 0 without (SDM vol. 3C, 27.3.1.1)",
    ],
    [
      "a root beyond all physical addresses",
      { ...long, cr3: 1n << 52n },
      "cr3: 0x10000000000000: bits 63 to 52 must be 0 (SDM vol. 3C, 27.3.1.1; APM vol. 2, 15.5.1)",
    ],
    [
      "a GDT at an address that is not canonical",
      { ...long, gdt: { base: 1n << 47n, limit: 0x17 } },
      "gdt.base: 0x800000000000: it must be canonical (SDM vol. 3C, 27.3.1.3)",
    ],
    [
      "an IDT of more than 64 KiB",
      { ...long, idt: { base: 0n, limit: 0x1_0000 } },
      "idt.limit: 0x10000: bits 31 to 16 must be 0 (SDM vol. 3C, 27.3.1.3)",
    ],
    [
      "a wide RIP in 32-bit code",
      { ...flat, regs: { ...flat.regs, rip: 1n << 32n } },
      "regs.rip: 0x100000000: outside 64-bit code, bits 63 to 32 must be 0 (SDM vol. 3C, 27.3.1.4)",
    ],
    [
      "a RIP that is not canonical",
      { ...long, regs: { ...long.regs, rip: 0xffff_0000_0000_0000n } },
      "regs.rip: 0xffff000000000000: in 64-bit code, it must be canonical (SDM vol. 3C, 27.3.1.4)",
    ],
    [
      "RFLAGS without the bit that is always 1",
      { ...long, regs: { ...long.regs, rflags: 0n } },
      "regs.rflags: 0x0: bit 1 must be 1, and bits 63 to 22, 15, 5 and 3 must be 0 (SDM vol. 3C, 27.3.1.4)",
    ],
    [
      "virtual-8086 mode in long mode",
      { ...long, regs: { ...long.regs, rflags: 0x2_0002n } },
      "regs.rflags: 0x20002 VM: VM needs protected mode, and not long mode (SDM vol. 3C, 27.3.1.4)",
    ],
    [
      "data in CS",
      withSegment(flat, "cs", { type: 1 }),
      "segments.cs: type 1: it must be code that was accessed, or writable data that was (type 3) (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "code in SS",
      withSegment(flat, "ss", { type: 11 }),
      "segments.ss: type 11: it must be writable data that was accessed (type 3 or 7) (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "data that was not accessed",
      withSegment(flat, "ds", { type: 2 }),
      "segments.ds: type 2: it must have been accessed, and code must be readable (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "a segment that is not present",
      withSegment(flat, "es", { present: 0 }),
      "segments.es: S 1, P 0: it must be a code or data segment (S is 1) that is present (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "code of another level than the stack's",
      withSegment(user, "cs", { dpl: 0 }),
      "segments.cs: DPL 0, SS has DPL 3: its DPL must be that of SS, at most that where it conforms, and 0 where its type is 3 (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "code of 64 and of 32 bits at once",
      withSegment(long, "cs", { db: 1 }),
      "segments.cs: L 1, D 1: L and D must not both be 1 in long mode (SDM vol. 3C, 27.3.1.2; APM vol. 2, 15.5.1)",
    ],
    [
      "a limit in pages that ends within one",
      withSegment(flat, "gs", { limit: 0xffff_f000 }),
      "segments.gs: limit 0xfffff000 with G 1: bits 31 to 20 of the limit must be 0 with G 0, and bits 11 to 0 must be 1 with G 1 (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "no task",
      withSegment(long, "tr", { unusable: 1 }),
      "segments.tr: type 11, S 0, P 1, unusable: it must be a present, busy TSS: type 11, or 3 of 16 bits outside long mode (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "a TSS of 16 bits in long mode",
      withSegment(long, "tr", { type: 3 }),
      "segments.tr: type 3, S 0, P 1: it must be a present, busy TSS: type 11, or 3 of 16 bits outside long mode (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "an LDT that is none",
      withSegment(long, "ldt", { unusable: 0, present: 1, type: 11 }),
      "segments.ldt: type 11, S 0, P 1: it must be unusable, or a present LDT (type 2) (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "a task whose selector is of the LDT",
      withSegment(long, "tr", { selector: 0xc }),
      "segments.tr: selector 0xc: its selector must be one of the GDT (TI is 0) (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "an FS base that is not canonical",
      withSegment(long, "fs", { base: 1n << 63n }),
      "segments.fs: base 0x8000000000000000: its base must be canonical (SDM vol. 3C, 27.3.1.2)",
    ],
    [
      "a wide base of DS",
      withSegment(long, "ds", { base: 1n << 32n }),
      "segments.ds: base 0x100000000: bits 63 to 32 of its base must be 0 (SDM vol. 3C, 27.3.1.2)",
    ],
  ])("%s", (_, cpu, message) => {
    expect(entryViolations(cpu).map((each) => each.message)).toContain(message);
  });
});

describe("a description whose state no CPU enters is refused", () => {
  testFailures("LayoutError", [
    [
      "not-write-through without cache disable",
      edit(protectedGuest(), { "cpu.cr0": 0x2000_0001 }),
      "cpu at entry: cr0: 0x20000001 NW PE: NW needs CD (APM vol. 2, 15.5.1)\n  hint: no CPU enters a guest in this state: KVM gives a fail-entry exit, or refuses the registers",
      "INCONSISTENT",
      "cr0",
    ],
    [
      "process-context identifiers in real mode",
      edit(realGuest(), { "cpu.cr4": 0x2_0000 }),
      "cpu at entry: cr4: 0x20000 PCIDE: PCIDE needs long mode (SDM vol. 3C, 27.3.1.1)\n  hint: no CPU enters a guest in this state: KVM gives a fail-entry exit, or refuses the registers",
      "INCONSISTENT",
      "cr4",
    ],
  ]);
});
