/**
 * A boot sector: 512 bytes that a PC's firmware would load to 0x7c00. It begins in real mode, goes up to protected mode and
 * from there to long mode, with a GDT and page tables of its own, and prints a line from each.
 */
import {
  ax,
  boot,
  code16,
  cr0,
  cr3,
  cr4,
  cx,
  debugConsole,
  distance,
  ds,
  dword,
  dx,
  eax,
  ecx,
  edi,
  edx,
  encodeDescriptorTable,
  es,
  esi,
  far,
  layout,
  mem,
  offset,
  rcx,
  rip,
  rsi,
  si,
  ss,
} from "guestwright";
import { CR0_PE, CR0_PG, CR4_PAE, EFER_LME, PTE_P, PTE_PS, PTE_RW } from "guestwright/paging";

/** A port that QEMU and Bochs print. */
const CONSOLE = 0xe9;

/** The model-specific register EFER (SDM vol. 4, table 2-2). */
const IA32_EFER = 0xc000_0080;

const gdt = encodeDescriptorTable([
  { type: "null" },
  { type: "code", bits: 32 },
  { type: "data" },
  { type: "code", bits: 64 },
]);
const selectors = { code32: 0x08, data: 0x10, code64: 0x18 };

/** Where the page tables go: the first 2 MiB at their own addresses, as one page. */
const tables = { pml4: 0x1000, pdpt: 0x2000, pd: 0x3000, end: 0x4000 };

const sector = code16()
  .cli() // the firmware's interrupt handlers are of real mode only
  .xor(ax, ax)
  .mov(ds, ax)
  .cld()
  .mov(dx, CONSOLE)
  .mov(si, offset("real"))
  .mov(cx, distance("real", "protected"))
  .rep.outsb()

  .lgdt(mem("gdtr"))
  .mov(eax, cr0)
  .or(eax, CR0_PE)
  .mov(cr0, eax)
  .ljmp(far(selectors.code32, "protected_mode"))

  .code32()
  .label("protected_mode")
  .mov(eax, selectors.data)
  .mov(ds, eax)
  .mov(es, eax)
  .mov(ss, eax)
  .mov(esi, offset("protected"))
  .mov(ecx, distance("protected", "long"))
  .rep.outsb()

  .mov(edi, tables.pml4)
  .mov(cr3, edi)
  .xor(eax, eax)
  .mov(ecx, (tables.end - tables.pml4) / 4)
  .rep.stosd()
  .mov(dword(tables.pml4), BigInt(tables.pdpt) | PTE_P | PTE_RW)
  .mov(dword(tables.pdpt), BigInt(tables.pd) | PTE_P | PTE_RW)
  .mov(dword(tables.pd), PTE_P | PTE_RW | PTE_PS)

  .mov(eax, cr4)
  .or(eax, CR4_PAE)
  .mov(cr4, eax)
  .mov(ecx, IA32_EFER)
  .rdmsr()
  .or(eax, EFER_LME)
  .wrmsr()
  .mov(eax, cr0)
  .or(eax, CR0_PG)
  .mov(cr0, eax)
  .ljmp(far(selectors.code64, "long_mode"))

  .code64()
  .label("long_mode")
  .mov(edx, CONSOLE)
  .lea(rsi, rip("long"))
  .mov(rcx, distance("long", "end"))
  .rep.outsb()
  .hlt()

  .label("real")
  .ascii("Real mode\n")
  .label("protected")
  .ascii("Protected mode\n")
  .label("long")
  .ascii("Long mode\n")
  .label("end")

  .align(8)
  .label("gdt")
  .bytes(gdt)
  .label("gdtr")
  .u16(gdt.length - 1)
  .u32(offset("gdt"))

  .pad(510)
  .u16(0xaa55); // by which the firmware knows a boot sector

/** The guest, ready to be loaded. */
export const image = await layout({
  mode: "real16",
  memory: { ram: { at: 0x0, size: "64KiB" } },
  place: { sector: { code: sector, in: "ram", offset: 0x7c00 } },
}).build();

/** Runs it and prints what it sends to its port. */
export async function main(): Promise<void> {
  using machine = await boot(image);
  const output = debugConsole({ at: CONSOLE });
  for (const exit of machine.run({ devices: [output] })) {
    if (exit.kind !== "hlt") throw new Error(`the guest should not have caused ${exit.kind}`);
  }
  process.stdout.write(output.output());
}
