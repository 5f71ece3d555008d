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
