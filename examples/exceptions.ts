/**
 * Exceptions of a 64-bit guest: their handlers report vector, error code and address, and let the guest go on. The IDT, and
 * the stubs that save the registers and make all exceptions look alike, come from the description.
 */
import {
  al,
  boot,
  byte,
  code64,
  cr2,
  ecx,
  exceptionFrame64,
  exceptionName,
  hex,
  layout,
  offset,
  qword,
  r15,
  rax,
  rbx,
  rdi,
} from "guestwright";
import { CR0_PE, CR0_PG, CR0_WP } from "guestwright/paging";

/** A write to this port asks the host to print what the registers hold. */
const REPORT = 0x10;

const guest = code64()
  // R15 holds where the guest goes on after each exception.
  .mov(r15, offset("after_read"))
  .mov(rbx, 0x1234_5000)
  .mov(al, byte(rbx)) // #PF: nothing is mapped there
  .label("after_read")
  .mov(r15, offset("after_write"))
  .mov(rbx, offset("paging.map.text"))
  .mov(byte(rbx), al) // #PF: mapped, but not to be written
  .label("after_write")
  .mov(r15, offset("after_stray"))
  .mov(rbx, 0x8000_0000_0000_0000n)
  .mov(al, byte(rbx)) // #GP: the address is not canonical
  .label("after_stray")
  .mov(r15, offset("after_invalid"))
  .ud2() // #UD
  .label("after_invalid")
  .mov(r15, offset("end"))
  .xor(ecx, ecx)
  .div(ecx) // #DE
  .label("end")
  .hlt()

  // A handler finds the address of the saved registers in RDI, the vector in RSI and the error code in RDX.
  .label("on_page_fault")
  .mov(rax, cr2)
  .jmp("report")
  .label("on_fault")
  .mov(rax, qword(rdi, exceptionFrame64.rip))
  .label("report")
  .out(REPORT, al)
  .mov(rax, qword(rdi, exceptionFrame64.r15))
  .mov(qword(rdi, exceptionFrame64.rip), rax)
  .ret();

/** The guest, ready to be loaded. */
export const image = await layout({
  mode: "long64",
  memory: { ram: { at: 0x0, size: "64KiB" } },
  paging: {
    map: {
      text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
      tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
    },
  },
  stacks: { main: { virt: 0x7f_e000, size: "4KiB" } },
  gdt: { in: "tables", segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
  idt: {
    in: "tables",
    stubs: { in: "text" },
    vectors: {
      "#DE": "place.guest.on_fault",
      "#UD": "place.guest.on_fault",
      "#GP": "place.guest.on_fault",
      "#PF": "place.guest.on_page_fault",
    },
  },
  cpu: { cr0: CR0_PG | CR0_WP | CR0_PE }, // without WP, ring 0 may write to every page
  place: { guest: { code: guest, in: "text" } },
}).build();

/** Runs it and prints what its handlers report. */
export async function main(): Promise<void> {
  using machine = await boot(image);
  for (const exit of machine.run()) {
    if (exit.kind === "io-out" && exit.port === REPORT) {
      const { rsi: vector, rdx: errorCode, rax: address } = machine.registers();
      console.log(`${exceptionName(Number(vector))}: error code ${hex(errorCode)}, address ${hex(address)}`);
    } else if (exit.kind === "hlt") console.log("HLT");
    else throw new Error(`the guest should not have caused ${exit.kind}`);
  }
}
