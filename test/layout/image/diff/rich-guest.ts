/** A guest with something of every part of an image, built from a description that a test changes in one place. */
import { al, code64, layout, mem, rax, rbx, rip, type Image } from "guestwright";
import { edit, type Loose } from "../../descriptions.ts";

/** The guest's code. */
const guest = code64()
  .label("start")
  .mov(rax, 1)
  .mov(rbx, rip("value"))
  .label("loop")
  .dec(rax)
  .jnz("loop")
  .hlt()
  .label("handler")
  .out(0x10, al)
  .ret()
  .label("value")
  .u64(0x1122_3344n);

/** The description. */
function richDescription(): Loose {
  return {
    mode: "long64",
    memory: { ram: { at: 0x0, size: "128KiB" }, high: { at: 0x10_0000, size: "4KiB" } },
    paging: {
      tables: 0x1_0000,
      map: {
        text: { virt: 0x40_0000, phys: 0x8000, size: "4KiB", access: "rx" },
        data: { virt: 0x40_2000, phys: 0x9000, size: "8KiB", access: "rw" },
        hole: { virt: 0x60_0000, phys: 0x4_0000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    stacks: { main: { virt: 0x70_0000, phys: 0xc000, size: "4KiB" } },
    gdt: {
      at: 0x9000,
      segments: {
        code: { type: "code", bits: 64 },
        data: { type: "data" },
        tss: { type: "tss", at: 0x9800, stacks: { 0: "main" } },
        local: { type: "ldt", at: 0x9f00, segments: { own: { type: "data" } } },
      },
    },
    idt: { at: 0xa000, vectors: { "#PF": "place.guest.handler", 0x80: { handler: "place.guest.handler", dpl: 3 } } },
    e820: { at: 0x9400 },
    place: {
      guest: { code: guest, in: "text" },
      other: { code: code64().mov(rax, mem(0x60_0000)).hlt(), in: "text", offset: 0x800 },
    },
    entry: "guest",
  };
}

/** The image of the description, with other values at some paths. */
export async function richImage(changes: Readonly<Record<string, unknown>> = {}): Promise<Image> {
  return await layout(edit(richDescription(), changes)).build();
}
