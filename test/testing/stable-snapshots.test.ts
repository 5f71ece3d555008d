/** How many lines of an image's snapshot change with a typical edit of its description: what a reviewer has to read. */
import { al, code64, imageToText, layout, type Image } from "guestwright";
import { imageSerializer } from "guestwright/testing";
import { describe, expect, test } from "vitest";
import { edit, type Loose } from "../layout/descriptions.ts";

/** A guest that leaves physical addresses to the layout, but for one mapping and a device. */
function guest(): Loose {
  return {
    mode: "long64",
    memory: { ram: { at: 0x0, size: "256KiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        fixed: { virt: 0x48_0000, phys: 0x3_0000, size: "4KiB", access: "rw" },
        tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
        data: { virt: 0x60_0000, size: "4KiB", access: "rw" },
        bss: { virt: 0x70_0000, size: "8KiB", access: "rw" },
        apic: { virt: 0xfee0_0000, phys: 0xfee0_0000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    gdt: {
      in: "tables",
      segments: { code: { type: "code", bits: 64 }, data: { type: "data" }, tss: { type: "tss", in: "tables" } },
    },
    idt: { in: "tables", stubs: { in: "text" }, vectors: { "#PF": { handler: "place.guest.fault" } } },
    stacks: { main: { virt: 0x7f_e000, size: "4KiB" } },
    place: {
      guest: { code: code64().mov(al, 1).hlt().label("fault").ret(), in: "text" },
      other: { code: code64().label("line").ascii("a line of text"), in: "data" },
    },
    entry: "guest",
  };
}

const build = (description: Loose): Promise<Image> => layout(description).build();
const text = (image: Image): string => imageSerializer().serialize(image, {}, "");

/** The lines that one text has and the other lacks, each with its sign, in their order. */
function changedLines(before: string, after: string): readonly string[] {
  const lacking = (lines: readonly string[], others: readonly string[], sign: string): readonly string[] =>
    lines.filter((line) => !others.includes(line)).map((line) => `${sign}${line}`);
  const [old, now] = [before.split("\n"), after.split("\n")];
  return [...lacking(old, now, "-"), ...lacking(now, old, "+")];
}

const changed = async (changes: Readonly<Record<string, unknown>>): Promise<readonly string[]> =>
  changedLines(text(await build(guest())), text(await build(edit(guest(), changes))));

describe("a snapshot changes only where its description does", () => {
  test("a mapping grows by a page, and all behind it moves in memory", async () => {
    const changes = { "paging.map.data.size": "8KiB" };
    expect(await changed(changes)).toEqual([
      "-  0x00600000 - 0x00600fff (4KiB) -> found rw- data (1 x 4KiB)",
      "-          [0] 0x0000000000600000 -> data 4KiB: P RW XD  data",
      "+  0x00600000 - 0x00601fff (8KiB) -> found rw- data (2 x 4KiB)",
      "+          [0..1] 0x0000000000600000 -> data 4KiB: P RW XD  data",
    ]);
    const [before, after] = [imageToText(await build(guest())), imageToText(await build(edit(guest(), changes)))];
    expect(changedLines(before, after).length).toBeGreaterThan(30);
  });

  test("a program grows over a page", async () => {
    const code = code64().label("line").ascii("a line of text").bytes(new Uint8Array(0x1000).fill(0x90));
    const lines = await changed({ "paging.map.data.size": "8KiB", "place.other.code": code });
    expect(lines.filter((line) => !line.includes("00600") && !line.includes("00601"))).toEqual([
      "-    in data (14B) code other",
      "+    in data (4110B) code other",
    ]);
  });

  test("a mapping moves to another virtual address", async () => {
    expect(await changed({ "paging.map.bss.virt": 0x71_0000 })).toEqual([
      "-  0x00700000 - 0x00701fff (8KiB) -> found rw- bss (2 x 4KiB)",
      "-          [256..257] 0x0000000000700000 -> bss 4KiB: P RW XD  bss",
      "+  0x00710000 - 0x00711fff (8KiB) -> found rw- bss (2 x 4KiB)",
      "+          [272..273] 0x0000000000710000 -> bss 4KiB: P RW XD  bss",
    ]);
  });

  test("a mapping moves to another physical address, which the description gives", async () => {
    expect(await changed({ "paging.map.fixed.phys": 0x3_1000 })).toEqual([
      "-  0x00480000 - 0x00480fff (4KiB) -> 0x00030000 rw- fixed (1 x 4KiB)",
      "-          [128] 0x0000000000480000 -> 0x30000 4KiB: P RW XD  fixed",
      "+  0x00480000 - 0x00480fff (4KiB) -> 0x00031000 rw- fixed (1 x 4KiB)",
      "+          [128] 0x0000000000480000 -> 0x31000 4KiB: P RW XD  fixed",
    ]);
  });

  test("a descriptor changes", async () => {
    expect(await changed({ "gdt.segments.code.readable": false })).toHaveLength(4);
  });

  test("memory grows, and with it nothing but its own lines", async () => {
    expect(await changed({ "memory.ram.size": "512KiB" })).toEqual([
      "-  0x00000000 - 0x0003ffff (256KiB) ram",
      "-  0x00040000 - 0xfedfffff (4175616KiB) no memory",
      "+  0x00000000 - 0x0007ffff (512KiB) ram",
      "+  0x00080000 - 0xfedfffff (4175360KiB) no memory",
    ]);
  });
});

test("addresses that the layout found are shown where one asks for them", async () => {
  const image = await build(guest());
  expect(imageSerializer({ found: true }).serialize(image, {}, "")).toBe(imageToText(image));
  expect(imageToText(image, { found: false })).toBe(text(image));
});
