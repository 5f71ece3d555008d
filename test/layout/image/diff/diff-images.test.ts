/** One change of a description gives one change in words, or the few that come with it. */
import { diffImages, imageChangesToText, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { gone } from "../../descriptions.ts";
import { realImage } from "../guests.ts";
import { richImage } from "./rich-guest.ts";

const base = await richImage();
const words = (after: Image): string => imageChangesToText(diffImages(base, after));

test("an image built again from the same description is the same", async () => {
  expect(diffImages(base, await richImage())).toEqual([]);
  expect(imageChangesToText([])).toBe("");
});

describe("a change of the description in words", () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      "the size of memory, which the guest's map of it has too",
      { "memory.ram.size": "256KiB" },
      "memory ram: size 128KiB -> 256KiB\ne820 0x0: size 128KiB -> 256KiB",
    ],
    [
      "a region that is new",
      { "memory.rom": { kind: "rom", at: 0x20_0000, size: "4KiB" } },
      "memory rom: added rom at 0x200000..0x200fff (4KiB)\ne820 0x200000: added reserved 0x200000..0x200fff (4KiB)",
    ],
    [
      "an alias",
      { "memory.again": { kind: "alias", of: "high", at: 0x30_0000, offset: 0, size: "4KiB" } },
      "memory again: added alias of high from 0x0 on at 0x300000..0x300fff (4KiB)\n" +
        "e820 0x300000: added reserved 0x300000..0x300fff (4KiB)",
    ],
    [
      "the rights of a mapping",
      { "paging.map.data.access": "rwx" },
      "mapping data: access rw -> rwx\n" +
        "warning: added paging.map.data is writable and executable: the guest can run what it writes",
    ],
    [
      "the virtual address of a mapping, with what lies in it",
      { "paging.map.text.virt": 0x50_0000 },
      "mapping text: virt 0x400000 -> 0x500000\n" +
        "program guest: origin 0x400000 -> 0x500000\nprogram other: origin 0x400800 -> 0x500800",
    ],
    ["the physical address", { "paging.map.hole.phys": 0x5_0000 }, "mapping hole: phys 0x40000 -> 0x50000"],
    ["the size of pages", { "paging.map.data.pageSize": "4KiB" }, "mapping data: pageSize by default -> 4KiB"],
    [
      "a mapping that is new",
      { "paging.map.more": { virt: 0x80_0000, phys: 0xe000, size: "4KiB", access: "r", user: true } },
      "mapping more: added 0x800000..0x800fff (4KiB) to 0xe000 r user",
    ],
    [
      "a mapping that is gone",
      { "paging.map.hole": gone },
      "mapping hole: removed 0x600000..0x600fff (4KiB) to 0x40000 rw",
    ],
    ["the tables' place", { "paging.tables": 0x1_8000 }, "paging: root 0x10000 -> 0x18000"],
    [
      "a descriptor's privilege, with which the registers cannot hold it",
      { "gdt.segments.data.dpl": 3 },
      "gdt data: dpl 0 -> 3\ncpu ds, es, fs, gs, ss: 0x10 data32 dpl 0 writable accessed -> 0x0 unusable",
    ],
    [
      "the base of a segment",
      { "gdt.segments.data.base": 0x1000 },
      "gdt data: base 0 -> 0x1000\ncpu ds, es, fs, gs, ss: base 0 -> 0x1000",
    ],
    [
      "a descriptor that is new",
      { "gdt.segments.extra": { type: "data", writable: false } },
      "gdt extra: added 0x38 data32 base 0x0 limit 0xffffffff dpl 0 accessed",
    ],
    [
      "a descriptor of another kind",
      { "gdt.segments.local.segments.own": { type: "code", bits: 32 } },
      "ldt local own: 0x04 data32 base 0x0 limit 0xffffffff dpl 0 writable accessed -> " +
        "0x04 code32 base 0x0 limit 0xffffffff dpl 0 readable accessed",
    ],
    ["the GDT's place", { "gdt.at": 0x9100 }, "gdt: at 0x9000 -> 0x9100"],
    ["the IDT's place", { "idt.at": 0xa100 }, "idt: at 0xa000 -> 0xa100"],
    [
      "a vector that is new, behind the last",
      { "idt.vectors.129": "place.guest.handler" },
      "idt 0x81: added interrupt-gate64 selector 0x0008 offset 0x400014 dpl 0",
    ],
    [
      "the place of a task state, which TR leads to",
      { "gdt.segments.tss.at": 0x9880 },
      "gdt tss: base 0x402800 -> 0x402880\ntss tss: at 0x9800 -> 0x9880",
    ],
    [
      "an entry of the LDT",
      { "gdt.segments.local.segments.own.limit": 0xfff },
      "ldt local own: limit 0xffffffff -> 0xfff, granularity page -> byte",
    ],
    ["a task state", { "gdt.segments.tss.ist": { 2: 0x40_3f00n } }, "tss tss: ist2 0 -> 0x403f00"],
    [
      "the ports of a task, for which it has to be longer",
      { "gdt.segments.tss.ports": [0x80, [0x3f8, 0x3ff]] },
      "gdt tss: limit 0x67 -> 0xe8\ntss tss: ports none -> 0x80 0x3f8..0x3ff",
    ],
    ["where a vector leads", { "idt.vectors.#PF": "place.guest.loop" }, "idt #PF: offset guest:handler -> guest:loop"],
    ["a vector's privilege", { "idt.vectors.128.dpl": 0 }, "idt 0x80: dpl 3 -> 0"],
    [
      "an IDT that is gone",
      { idt: gone },
      "idt: removed 2 vectors, at physical 0xa000\ncpu idtr: base 0x403000 -> 0x0, limit 0x80f -> 0x0",
    ],
    [
      "registers, with the names of their bits",
      { cpu: { rax: 5, cr4: 0x2a0 } },
      "cpu rax: 0x0 -> 0x5\ncpu cr4: 0x20 PAE -> 0x2a0 OSFXSR PGE PAE",
    ],
    ["the entry", { entry: "other" }, "cpu rip: guest:start -> other"],
    [
      "a stack, and the registers that point to its end",
      { "stacks.main.size": "8KiB", "stacks.main.phys": 0x1000 },
      "mapping main: phys 0xc000 -> 0x1000, size 4KiB -> 8KiB\n" +
        "tss tss: rsp0 0x701000 -> 0x702000\ncpu rsp: 0x701000 -> 0x702000",
    ],
    ["a stack's guard pages", { "stacks.main.guard": false }, "stack main: guard true -> false"],
    ["the map of memory", { "e820.at": 0x9500 }, "e820: at 0x9400 -> 0x9500, virt 0x402400 -> 0x402500"],
    [
      "the place of a program",
      { "place.guest.offset": 0x100 },
      "program guest: origin 0x400000 -> 0x400100, phys 0x8000 -> 0x8100",
    ],
    [
      "a program that is gone",
      { "place.other": gone },
      "program other: removed 9 bytes of 64-bit code at 0x400800, physical 0x8800",
    ],
  ])("%s", async (_, changes, text) => {
    expect(words(await richImage(changes))).toBe(text);
  });

  test("registers that lead elsewhere while their tables stay", () => {
    const { cpu } = base;
    const moved = {
      ...base,
      cpu: { ...cpu, gdt: { base: 0x1000n, limit: 0x37 }, idt: { ...cpu.idt, limit: 7 }, cr3: 0x1_0010n },
    };
    expect(words(moved)).toBe(
      "cpu cr3: 0x10000 -> 0x10010\ncpu gdtr: base 0x402000 -> 0x1000\ncpu idtr: limit 0x80f -> 0x7",
    );
  });

  test("another mode", async () => {
    const text = words(await realImage());
    expect(text.split("\n").slice(0, 3)).toEqual([
      "mode: long64 -> real16",
      "memory ram: size 128KiB -> 64KiB",
      "memory high: removed ram at 0x100000..0x100fff (4KiB)",
    ]);
    expect(text).toContain("\nprogram boot: added 5 bytes of 16-bit code at 0x7c00, physical 0x7c00\n");
  });
});
