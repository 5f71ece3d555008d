/**
 * A 64-bit guest that writes the two GS base registers, prints them, exchanges them with `swapgs`, and prints them again.
 * The guest itself turns numbers into hexadecimal digits, in a subroutine of its own.
 */
import { al, boot, byte, code64, dx, eax, ebx, ecx, edx, layout, rax, rip, rsi } from "guestwright";

/** Model-specific registers (SDM vol. 4, table 2-2). */
const IA32_GS_BASE = 0xc000_0101;
const IA32_KERNEL_GS_BASE = 0xc000_0102;

const guest = code64()
  .mov(ecx, IA32_GS_BASE)
  .mov(eax, 0xbbbb_bbbb)
  .xor(edx, edx)
  .wrmsr()
  .mov(ecx, IA32_KERNEL_GS_BASE)
  .mov(eax, 0xaaaa_aaaa)
  .wrmsr()
  .call("print_both")
  .lea(rsi, rip("swap"))
  .call("print_text")
  .swapgs()
  .call("print_both")
  .hlt()

  .label("print_both")
  .lea(rsi, rip("gsbase"))
  .call("print_text")
  .mov(ecx, IA32_GS_BASE)
  .call("print_msr")
  .lea(rsi, rip("kernel_gsbase"))
  .call("print_text")
  .mov(ecx, IA32_KERNEL_GS_BASE)
  .call("print_msr")
  .ret()

  // Prints the zero-terminated string at RSI.
  .label("print_text")
  .mov(dx, 0x1000)
  .label("next_character")
  .lodsb()
  .test(al, al)
  .jz("text_done")
  .out(dx, al)
  .jmp("next_character")
  .label("text_done")
  .ret()

  // Prints the low half of the model-specific register ECX: 0x, eight digits from the highest down, end of line.
  .label("print_msr")
  .rdmsr()
  .mov(ebx, eax)
  .lea(rsi, rip("prefix"))
  .call("print_text")
  .mov(ecx, 8)
  .label("next_digit")
  .rol(ebx, 4)
  .mov(eax, ebx)
  .and(eax, 0xf)
  .lea(rsi, rip("digits"))
  .mov(al, byte(rsi, rax))
  .out(dx, al)
  .dec(ecx)
  .jnz("next_digit")
  .mov(al, 0x0a)
  .out(dx, al)
  .ret()

  .label("gsbase")
  .asciz("gsbase: ")
  .label("kernel_gsbase")
  .asciz("kernel_gsbase: ")
  .label("swap")
  .asciz("-- swapgs --\n")
  .label("prefix")
  .asciz("0x")
  .label("digits")
  .ascii("0123456789abcdef");

/** The guest, ready to be loaded. */
export const image = await layout({
  mode: "long64",
  memory: { ram: { at: 0x0, size: "32KiB" } },
  paging: {
    tables: 0x0,
    map: {
      text: { virt: 0x40_0000, phys: 0x5000, size: "4KiB", access: "rx" },
      stack: { virt: 0x7f_e000, phys: 0x6000, size: "8KiB", access: "rw" },
    },
  },
  stack: "stack",
  place: { guest: { code: guest, in: "text" } },
}).build();

/** Runs it and prints what it sends to its port. */
export async function main(): Promise<void> {
  using machine = await boot(image);
  for (const exit of machine.run()) {
    if (exit.kind === "io-out") process.stdout.write(exit.data);
    else if (exit.kind === "hlt") console.log("HLT");
    else throw new Error(`the guest should not have caused ${exit.kind}`);
  }
}
