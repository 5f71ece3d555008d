/**
 * Guests that say on port 0xe9 what they find and end with a write to port 0xf4: on QEMU the debug console and the device
 * that ends it, on KVM two exits.
 */
import {
  al,
  byte,
  code16,
  code32,
  code64,
  dword,
  ebx,
  esi,
  esp,
  layout,
  offset,
  r15,
  rbx,
  rip,
  rsi,
  rsp,
  si,
  type Image,
} from "guestwright";

/** What a guest writes to port 0xf4 when it is done: QEMU then ends with twice that, plus 1. */
export const doneCode = 0x10;

/** What the guests say; `?` for a letter where a register or a byte of memory is not as the image has it. */
export const said = { long: "64-bit: ABC\n", protected: "32-bit: ABC\n", real: "16-bit\n" } as const;

/**
 * 64-bit code at a virtual address of its own; page tables, code and stack below 1 MiB, where firmware leaves its data.
 * It says A where RBX, R15 and RSP are right, B where memory that firmware uses is zero, C where its section is there.
 */
export function longGuest(at = 0n): Promise<Image> {
  const code = code64()
    .mov(al, "A".charCodeAt(0))
    .cmp(rbx, 0x1234)
    .jne("wrong")
    .cmp(r15, -2)
    .jne("wrong")
    .cmp(rsp, 0x3000)
    .je("registers")
    .label("wrong")
    .mov(al, "?".charCodeAt(0))
    .label("registers")
    .mov(byte(rip("first")), al)
    .cmp(byte(0x1417), 0)
    .je("memory")
    .mov(byte(rip("second")), "?".charCodeAt(0))
    .label("memory")
    .lea(rsi, rip("text"))
    .label("next")
    .lodsb()
    .test(al, al)
    .jz("done")
    .out(0xe9, al)
    .jmp("next")
    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()
    .section(".data")
    .label("text")
    .ascii("64-bit: ")
    .label("first")
    .ascii("-")
    .label("second")
    .asciz("BC\n");
  return layout({
    mode: "long64",
    memory: { ram: { at, size: "64KiB" } },
    paging: {
      tables: at + 0x8000n,
      map: {
        low: { virt: 0x1000, phys: at, size: "8KiB", access: "rw" },
        text: { virt: 0xffff_ffff_8000_0000n, phys: at + 0x4000n, size: "4KiB", access: "rx" },
        data: { virt: 0xffff_ffff_8000_1000n, phys: at + 0x5000n, size: "4KiB", access: "rw" },
      },
    },
    cpu: { rbx: 0x1234, r15: 0xffff_ffff_ffff_fffen, rsp: 0x3000 },
    place: { guest: { code, in: "text", sections: { ".data": { in: "data", offset: 0x20 } } } },
  }).build();
}

/** 32-bit code below 1 MiB, with a GDT in memory, registers and a stack. It says the same letters. */
export function protectedGuest(): Promise<Image> {
  const code = code32()
    .mov(al, "A".charCodeAt(0))
    .cmp(ebx, 0x1234)
    .jne("wrong")
    .cmp(esp, 0x3000)
    .je("registers")
    .label("wrong")
    .mov(al, "?".charCodeAt(0))
    .label("registers")
    .mov(byte("first"), al)
    .cmp(dword(0x417), 0)
    .je("memory")
    .mov(byte("second"), "?".charCodeAt(0))
    .label("memory")
    .mov(esi, offset("text"))
    .label("next")
    .lodsb()
    .test(al, al)
    .jz("done")
    .out(0xe9, al)
    .jmp("next")
    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()
    .label("text")
    .ascii("32-bit: ")
    .label("first")
    .ascii("-")
    .label("second")
    .asciz("BC\n");
  return layout({
    mode: "protected32",
    memory: { ram: { at: 0, size: "64KiB" } },
    gdt: {
      at: 0x1000,
      segments: { unused: { type: "data" }, data: { type: "data" }, code: { type: "code", bits: 32 } },
    },
    cpu: { rbx: 0x1234, rsp: 0x3000 },
    place: { guest: { code, in: "ram", offset: 0x7000 } },
  }).build();
}

/** 32-bit code from 1 MiB on that takes the CPU as PVH and Multiboot loaders leave it. */
export function plainGuest(): Promise<Image> {
  const code = code32()
    .mov(esi, offset("text"))
    .label("next")
    .lodsb()
    .test(al, al)
    .jz("done")
    .out(0xe9, al)
    .jmp("next")
    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()
    .label("text")
    .asciz(said.protected);
  return layout({
    mode: "protected32",
    memory: { ram: { at: 0x10_0000, size: "64KiB" } },
    place: { guest: { code, in: "ram", offset: 0x2000 } },
  }).build();
}

/** 16-bit code in the first sector of a disk. */
export function realGuest(): Promise<Image> {
  const code = code16()
    .mov(si, offset("text"))
    .label("next")
    .lodsb()
    .test(al, al)
    .jz("done")
    .out(0xe9, al)
    .jmp("next")
    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()
    .label("text")
    .asciz(said.real);
  return layout({
    mode: "real16",
    memory: { ram: { at: 0, size: "64KiB" } },
    place: { boot: { code, in: "ram", offset: 0x7c00 } },
  }).build();
}
