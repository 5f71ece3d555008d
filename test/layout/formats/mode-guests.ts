/** Guests that start in every mode that an entry stub can reach. They say `ok` on port 0xe9 and end. */
import { al, ax, code16, code32, code64, layout, type Image } from "guestwright";
import { doneCode } from "./guests.ts";

const text = `
  mov al, 'o'
  out 0xe9, al
  mov al, 'k'
  out 0xe9, al
  mov al, ${doneCode}
  out 0xf4, al
  hlt
`;

const memory = { ram: { at: 0, size: "128KiB" } } as const;
const map = { text: { virt: 0x4_0000, phys: 0x4000, size: "4KiB", access: "rx" } } as const;
const high = { text: { virt: 0xffff_ff80_0000_0000n, phys: 0x4000, size: "4KiB", access: "rx" } } as const;

/** By name. */
export const modeGuests: Readonly<Record<string, () => Promise<Image>>> = {
  "16-bit protected mode": () =>
    layout({ mode: "protected16", memory, place: { guest: { code: code16().asm(text), in: "ram" } } }).build(),
  "a code segment with a base": () =>
    layout({
      mode: "protected32",
      memory,
      gdt: { at: 0x1000, segments: { data: { type: "data" }, code: { type: "code", bits: 32, base: 0x4000 } } },
      place: { guest: { code: code32().asm(text), in: "ram", offset: 0x5000 } },
    }).build(),
  "32-bit paging": () =>
    layout({
      mode: "protected32",
      memory,
      paging: { mode: "32-bit", map },
      place: { guest: { code: code32().asm(text), in: "text" } },
    }).build(),
  "32-bit paging and a code segment with a base": () =>
    layout({
      mode: "protected32",
      memory,
      paging: { mode: "32-bit", map },
      gdt: { segments: { data: { type: "data" }, code: { type: "code", bits: 32, base: 0x3_0000 } } },
      place: { guest: { code: code32().asm(text), in: "text" } },
    }).build(),
  "PAE paging": () =>
    layout({
      mode: "protected32",
      memory,
      paging: { mode: "pae", map },
      place: { guest: { code: code32().asm(text), in: "text" } },
    }).build(),
  "compatibility mode": () =>
    layout({
      mode: "compat32",
      memory,
      paging: { map },
      place: { guest: { code: code32().asm(text), in: "text" } },
    }).build(),
  "64-bit mode with 4-level paging": () =>
    layout({
      mode: "long64",
      memory,
      paging: { map: high },
      place: { guest: { code: code64().asm(text), in: "text" } },
    }).build(),
  "64-bit mode with 5-level paging": () =>
    layout({
      mode: "long64",
      memory,
      paging: { mode: "5-level", map: { text: { ...high.text, virt: 0xff80_0000_0000_0000n } } },
      place: { guest: { code: code64().asm(text), in: "text" } },
    }).build(),
  "TR, LDTR and IDTR loaded": () =>
    layout({
      mode: "long64",
      memory,
      paging: {
        map: { ...high, tables: { virt: 0x50_0000, phys: 0x6000, size: "8KiB", access: "rw" } },
      },
      stacks: { main: { virt: 0x7f_e000, size: "4KiB" } },
      gdt: {
        in: "tables",
        segments: {
          code: { type: "code", bits: 64 },
          data: { type: "data" },
          task: { type: "tss", in: "tables" },
          local: { type: "ldt", in: "tables", segments: { data: { type: "data" } } },
        },
      },
      idt: { in: "tables", vectors: { "#UD": "place.guest.on_invalid" } },
      place: {
        guest: {
          code: code64()
            .str(ax)
            .cmp(ax, 0x18)
            .jne("wrong")
            .sldt(ax)
            .cmp(ax, 0x28)
            .jne("wrong")
            .ud2()
            .label("wrong")
            .mov(al, doneCode)
            .out(0xf4, al)
            .hlt()
            .label("on_invalid")
            .asm(text),
          in: "text",
        },
      },
    }).build(),
};
