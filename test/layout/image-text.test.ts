/** The text form of images that the examples do not have. */
import { code16, code64, imageToText, layout, LayoutError, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { edit, longGuest, protectedGuest } from "./descriptions.ts";

/** The lines of a section, without its title. */
function section(image: Image, title: string): string[] {
  const found = imageToText(image)
    .split("\n\n")
    .find((each) => each.startsWith(title));
  return found === undefined ? [] : found.split("\n").slice(1);
}

test("the memory map shows gaps, and what is mapped where there is no memory", async () => {
  const image = await layout(
    edit(longGuest(), {
      memory: { low: { at: 0x1000, size: "28KiB" }, high: { at: "1MiB", size: "4KiB" } },
      "paging.tables": 0x1000,
      "paging.map.device": { virt: 0xf000, phys: 0xf_0000, size: "8KiB", access: "rw", backing: "none" },
    }),
  ).build();
  expect(section(image, "memory map")).toEqual([
    "  0x00000000 - 0x00000fff (4KiB) no memory",
    "  0x00001000 - 0x00007fff (28KiB) ram low",
    "    0x00001000 - 0x00004fff (16KiB) page tables",
    "    0x00005000 - 0x00005000 (1B) code guest",
    "  0x00008000 - 0x000effff (928KiB) no memory",
    "  0x000f0000 - 0x000f1fff (8KiB) no memory, mapped as device",
    "  0x000f2000 - 0x000fffff (56KiB) no memory",
    "  0x00100000 - 0x00100fff (4KiB) ram high",
  ]);
});

test("a GDT in memory is shown by its descriptors", async () => {
  const segments = {
    code: { type: "code", bits: 32 },
    data: { type: "data" },
    down: { type: "data", bits: 16, expandDown: true, limit: 0xfff, dpl: 3, accessed: false },
    gone: { type: "code", bits: 16, conforming: true, readable: false, limit: 0, present: false },
  };
  const image = await layout(edit(protectedGuest(), { gdt: { at: 0x1000, segments } })).build();
  expect(section(image, "gdt")).toEqual([
    "  at physical 0x00001000",
    "  0x08 0x00cf9b000000ffff code: code32 base 0x0 limit 0xffffffff dpl 0 readable accessed",
    "  0x10 0x00cf93000000ffff data: data32 base 0x0 limit 0xffffffff dpl 0 writable accessed",
    "  0x1b 0x0000f60000000fff down: data16 base 0x0 limit 0xfff dpl 3 writable expand-down",
    "  0x20 0x00001d0000000000 gone: code16 base 0x0 limit 0x0 dpl 0 conforming accessed not present",
  ]);
  expect(section(image, "data:")).toEqual([]);
});

describe("tables", () => {
  test("gates are shown with their exceptions and handlers, task states with their stacks, and what TR holds", async () => {
    const image = await layout({
      mode: "long64",
      memory: {
        ram: { at: 0x0, size: "64KiB" },
        bios: { kind: "rom", at: 0xf_0000, size: "8KiB" },
        shadow: { kind: "alias", at: 0x1f_0000, of: "bios", offset: 0x1000 },
        apic: { kind: "mmio", at: 0xfee0_0000, size: "4KiB" },
        hole: { kind: "reserved", at: 0xa_0000, size: "64KiB" },
      },
      paging: {
        map: {
          text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
          tables: { virt: 0x50_0000, size: "8KiB", access: "rw" },
          apic: { virt: 0x60_0000, phys: 0xfee0_0000, size: "4KiB", access: "rw", backing: "none" },
        },
      },
      stacks: {
        main: { virt: 0x71_0000, size: "4KiB" },
        fault: { virt: 0x72_0000, size: "8KiB", guard: false },
      },
      gdt: {
        in: "tables",
        segments: {
          code: { type: "code", bits: 64 },
          task: {
            type: "tss",
            in: "tables",
            stacks: { 0: "main" },
            ist: { 3: "fault", 4: 0x1234 },
            ports: [0xe9, [0x3f8, 0x3ff]],
          },
          local: { type: "ldt", in: "tables", segments: { gs: { type: "data", base: 0x1000 } } },
          gate: { type: "call-gate", target: "place.guest.on_call", dpl: 3 },
        },
      },
      idt: {
        in: "tables",
        vectors: {
          "#PF": { handler: "place.guest", ist: 3 },
          0x80: { handler: "place.guest.on_call", type: "trap", dpl: 3 },
        },
      },
      e820: { in: "tables" },
      stack: "main",
      place: { guest: { code: code64().hlt().label("on_call").hlt(), in: "text" } },
    }).build();
    expect(section(image, "memory map").filter((line) => line.startsWith("  0x"))).toEqual([
      "  0x00000000 - 0x0000ffff (64KiB) ram",
      "  0x00010000 - 0x0009ffff (576KiB) no memory",
      "  0x000a0000 - 0x000affff (64KiB) reserved hole",
      "  0x000b0000 - 0x000effff (256KiB) no memory",
      "  0x000f0000 - 0x000f1fff (8KiB) rom bios",
      "  0x000f2000 - 0x001effff (1016KiB) no memory",
      "  0x001f0000 - 0x001f0fff (4KiB) alias shadow of bios+0x1000",
      "  0x001f1000 - 0xfedfffff (4173884KiB) no memory",
      "  0xfee00000 - 0xfee00fff (4KiB) mmio apic",
    ]);
    expect(section(image, "memory map").filter((line) => line.includes("stack"))).toEqual([
      "    0x00003000 - 0x00003fff (4KiB) stack main",
      "    0x00004000 - 0x00005fff (8KiB) stack fault",
    ]);
    expect(section(image, "stacks")).toEqual([
      "  0x00710000 - 0x00710fff (4KiB) -> 0x00003000 main, guard pages at 0x0070f000 and 0x00711000",
      "  0x00720000 - 0x00721fff (8KiB) -> 0x00004000 fault",
    ]);
    expect(section(image, "e820")).toEqual([
      "  at physical 0x00002660",
      "  0x00000000 - 0x0000ffff (64KiB) usable",
      "  0x000a0000 - 0x000affff (64KiB) reserved",
      "  0x000f0000 - 0x000f1fff (8KiB) reserved",
      "  0x001f0000 - 0x001f0fff (4KiB) reserved",
    ]);
    const cpu = section(image, "cpu at entry");
    expect(cpu.filter((line) => /^ {2}(rsp|cs|ss|tr|ldt) /.test(line))).toEqual([
      "  rsp 0x711000 stacks.main.end",
      "  cs  0x0008 code: base 0x0 limit 0xffffffff code64 dpl 0 readable accessed",
      "  ss  0x0000 unusable",
      "  tr  0x0010 task: base 0x501ed0 limit 0xe8 busy tss dpl 0",
      "  ldt 0x0020 local: base 0x501ec0 limit 0x7 ldt dpl 0",
    ]);
    expect(section(image, "gdt").slice(2)).toEqual([
      "  0x10 0x000000000000000000008b501ed000e8 task: tss64 base 0x501ed0 limit 0xe8 dpl 0 busy",
      "  0x20 0x0000000000000000000082501ec00007 local: ldt64 base 0x501ec0 limit 0x7 dpl 0",
      "  0x30 0x00000000000000000040ec0000080001 gate: call-gate64 selector 0x0008 offset 0x400001 dpl 3",
    ]);
    expect(section(image, "ldt local")).toEqual([
      "  at physical 0x00002ec0",
      "  0x04 0x00cf93001000ffff gs: data32 base 0x1000 limit 0xffffffff dpl 0 writable accessed",
    ]);
    expect(section(image, "tss task")).toEqual([
      "  at physical 0x00002ed0",
      "  tss64",
      "  rsp0 0x711000 stacks.main.end",
      "  ist3 0x722000 stacks.fault.end",
      "  ist4 0x1234",
      "  ports 0xe9, 0x3f8..0x3ff",
    ]);
    expect(section(image, "idt")).toEqual([
      "  at physical 0x000026b0",
      "  0x0e #PF place.guest: interrupt-gate64 selector 0x0008 offset 0x400000 dpl 0 ist 3",
      "  0x80 place.guest.on_call: trap-gate64 selector 0x0008 offset 0x400001 dpl 3",
    ]);
    expect(imageToText(image)).not.toContain("\n\ndata: ");
  });

  test("an interrupt vector table is shown with its far pointers", async () => {
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      idt: { vectors: { "#UD": "place.guest.on_ud", 0x20: "place.guest.timer" } },
      cpu: { segments: { cs: 0x100 } },
      place: { guest: { code: code16().hlt().label("on_ud").hlt().label("timer").hlt(), in: "ram", offset: 0x1000 } },
    }).build();
    expect(section(image, "interrupt vectors")).toEqual([
      "  at physical 0x00000000",
      "  0x06 #UD place.guest.on_ud: 0x0100:0x0001",
      "  0x20 place.guest.timer: 0x0100:0x0002",
    ]);
    expect(imageToText(image)).not.toContain("\n\ndata: ");
  });

  test("a task of 32 bits is shown with the registers that a switch to it loads", async () => {
    const image = await layout(
      edit(protectedGuest(), {
        gdt: {
          at: 0x1000,
          segments: {
            code: { type: "code", bits: 32 },
            data: { type: "data" },
            task: { type: "tss", at: 0x2000, stacks: { 0: 0x9000 }, entry: "place.guest", stack: "ram" },
          },
        },
      }),
    ).build();
    expect(section(image, "tss task")).toEqual([
      "  at physical 0x00002000",
      "  tss32",
      "  esp0 0x9000",
      "  ss0 0x10",
      "  esp 0x20000 memory.ram.end",
      "  eflags 0x2",
      "  cs 0x8",
      "  ss 0x10",
      "  ds 0x10",
      "  es 0x10",
    ]);
  });
});

test("a mapping that moves changes the lines that speak of it, and no others", async () => {
  const lines = async (virt: number): Promise<string[]> =>
    imageToText(await layout(edit(longGuest(), { "paging.map.stack.virt": virt, stack: "stack" })).build()).split("\n");
  const [before, after] = [await lines(0x1000), await lines(0x2000)];
  expect(after).toHaveLength(before.length);
  const changed = after.filter((line, i) => line !== before[i]).map((line) => line.trim());
  expect(changed).toEqual([
    "rsp 0x3000 paging.map.stack.end",
    "0x00002000 - 0x00002fff (4KiB) -> 0x00006000 rwx stack (1 x 4KiB)",
    "[2] 0x0000000000002000 -> 0x6000 4KiB: P RW  stack",
  ]);
});

describe("bytes", () => {
  test("that another section shows are not shown again", async () => {
    const image = await layout(longGuest()).build();
    expect(imageToText(image)).not.toContain("\n\ndata: ");
  });

  test("that differ from what the listing says are shown", async () => {
    const image = await layout(longGuest()).build();
    const chunks = image.chunks.map((each) =>
      each.name === "code guest" ? { ...each, bytes: Uint8Array.of(0x90, 0xf4) } : each,
    );
    expect(section({ ...image, chunks }, "data: code guest")).toEqual([`  00005000  90 f4${" ".repeat(45)}|..|`]);
  });
});

test("flags, registers and segments at entry go by their names", async () => {
  const image = await layout({
    mode: "real16",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    cpu: { rflags: 0x3202, rax: 0x1234, segments: { ds: 0x1000 } },
    place: { boot: { code: code16().hlt(), in: "ram", offset: 0x7c00 } },
  }).build();
  expect(section(image, "cpu at entry (real16)").slice(0, 9)).toEqual([
    "  rip 0x7c00 boot",
    "  rflags 0x3202 IOPL.1 IOPL.0 IF",
    "  rax 0x1234",
    "  cr0 0x0",
    "  cr3 0x0",
    "  cr4 0x0",
    "  efer 0x0",
    "  cs  0x0000 base 0x0 limit 0xffff code16 dpl 0 readable accessed",
    "  ds  0x1000 base 0x10000 limit 0xffff data16 dpl 0 writable accessed",
  ]);
});

test("a gibibyte of mappings is a few lines", async () => {
  const image = await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "1GiB" } },
    paging: { tables: "1MiB", map: { all: { virt: 0x0, phys: 0x0, size: "1GiB", access: "rwx" } } },
    place: { guest: { code: code64().hlt(), in: "all" } },
  }).build();
  expect(section(image, "mappings")).toEqual(["  0x00000000 - 0x3fffffff (1GiB) -> 0x00000000 rwx all (512 x 2MiB)"]);
  expect(section(image, "page tables")).toEqual([
    "  4-level paging, CR3 0x100000",
    "  PML4 at 0x100000",
    "    [0] 0x0000000000000000 PDPT at 0x101000: P RW",
    "      [0] 0x0000000000000000 PD at 0x102000: P RW",
    "        [0..511] 0x0000000000000000 -> 0x0 2MiB: P RW  all",
  ]);
});

test("where a statement was written is shown where it is asked for", async () => {
  const image = await layout(longGuest()).build();
  expect(imageToText(image)).not.toContain(".ts:");
  expect(imageToText(image, { source: true })).toMatch(/f4 +hlt +test\/layout\/descriptions\.ts:\d+\n/);
});

test.each<[string, unknown, string]>([
  ["nothing", undefined, "got nothing"],
  ["a string", "image", 'got "image"'],
  ["an image that is on its way", Promise.resolve(), "got an object\n  hint: await layout(...).build()"],
  ["a layout that is not built", { build: () => {} }, "got an object\n  hint: await layout(...).build()"],
])("%s is no image", (_, value, got) => {
  const write = (): string => imageToText(value as Image);
  expect(write).toThrow(LayoutError);
  expect(write).toThrow(`imageToText takes an image, from layout(...).build(), ${got}`);
});
