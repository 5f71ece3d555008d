/** Images that tests take apart: built from descriptions, without a label of their own that matters elsewhere. */
import { al, code16, code64, layout, rax, rip, type Image } from "guestwright";

/** In long mode: two programs, one with a section of its own, a GDT in memory, a hole, memory that nothing uses. */
export function longImage(): Promise<Image> {
  const main = code64()
    .label("start")
    .mov(rax, rip("value"))
    .label("spin")
    .jmp("spin")
    .section(".data")
    .label("value")
    .u64(0x1122_3344_5566_7788n);
  return layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "64KiB" }, high: { at: 0x10_0000, size: "4KiB" } },
    paging: {
      tables: 0x1000,
      map: {
        text: { virt: 0x40_0000, phys: 0x8000, size: "4KiB", access: "rx" },
        data: { virt: 0x40_1000, phys: 0x9000, size: "8KiB", access: "rw" },
        again: { virt: 0x50_0000, phys: 0x9000, size: "4KiB", access: "r", user: true },
        hole: { virt: 0x60_0000, phys: 0x2_0000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    gdt: { at: 0xa000, segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
    place: {
      main: { code: main, in: "text", sections: { ".data": { in: "data", offset: 0x10 } } },
      other: { code: code64().label("start").hlt(), in: "text", offset: 0x100 },
    },
    entry: "main",
  }).build();
}

/** In real mode: one program at 0x7c00. */
export function realImage(): Promise<Image> {
  return layout({
    mode: "real16",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    place: {
      boot: { code: code16().label("start").mov(al, 0x2a).out(0xe9, al).hlt(), in: "ram", offset: 0x7c00 },
    },
  }).build();
}

/** The same image with other memory. */
export function withMemory(image: Image, memory: Image["memory"]): Image {
  return { ...image, memory };
}
