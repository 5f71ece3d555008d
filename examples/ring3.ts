/**
 * User code in ring 3: it asks the kernel to print, by `syscall`, prints the answer that it gets, and then reads what is the
 * kernel's. The handler of the page fault runs on a stack of its own, from the interrupt stack table.
 */
import {
  al,
  boot,
  code64,
  cr2,
  debugConsole,
  distance,
  dx,
  eax,
  ecx,
  edx,
  exceptionFrame64,
  hex,
  kvmKind,
  layout,
  mem,
  offset,
  qword,
  r11,
  rax,
  rbx,
  rcx,
  rdi,
  rip,
  rsi,
  rsp,
  type Image,
} from "guestwright";

/** What the kernel prints to. */
const CONSOLE = 0xe9;
/** A write to this port asks the host to print what the registers hold. */
const REPORT = 0x10;

/** Model-specific registers (SDM vol. 4, table 2-2). */
const IA32_EFER = 0xc000_0080;
const IA32_STAR = 0xc000_0081;
const IA32_LSTAR = 0xc000_0082;
const IA32_FMASK = 0xc000_0084;
/** The bit of EFER that allows `syscall`. */
const EFER_SCE = 0x1;
/** Bits of RFLAGS: bit 1 is always set. */
const RFLAGS = 0x2;
const RFLAGS_DF_IF_TF = 0x700;

const kernel = code64()
  // STAR: the kernel's CS, and 16 below it the CS of 64-bit user code (SDM vol. 3A, 5.8.8).
  .mov(edx, offset("gdt.segments.kernelData", 3))
  .shl(edx, 16)
  .or(edx, offset("gdt.segments.kernel"))
  .xor(eax, eax)
  .mov(ecx, IA32_STAR)
  .wrmsr()
  .xor(edx, edx)
  .mov(eax, offset("on_syscall"))
  .mov(ecx, IA32_LSTAR)
  .wrmsr()
  .mov(eax, RFLAGS_DF_IF_TF) // what `syscall` clears
  .mov(ecx, IA32_FMASK)
  .wrmsr()
  .mov(ecx, IA32_EFER)
  .rdmsr()
  .or(eax, EFER_SCE)
  .wrmsr()

  .mov(rcx, offset("place.app"))
  .mov(r11, RFLAGS)
  .mov(rsp, offset("stacks.user.end"))
  .sysretq()

  // `syscall` leaves RIP in RCX and RFLAGS in R11, and the stack as it is.
  .label("on_syscall")
  .mov(qword(rip("user_stack")), rsp)
  .mov(rsp, offset("stacks.kernel.end"))
  .push(rcx)
  .call("print")
  .pop(rcx)
  .mov(rsp, qword(rip("user_stack")))
  .sysretq()

  // Through a gate, the stubs have saved the registers where RDI points to.
  .label("on_breakpoint")
  .push(rdi)
  .mov(rsi, qword(rdi, exceptionFrame64.rsi))
  .mov(rdi, qword(rdi, exceptionFrame64.rdi))
  .call("print")
  .pop(rdi)
  .mov(qword(rdi, exceptionFrame64.rax), rax)
  .ret()

  // Prints RSI bytes from RDI on; their number is the answer, in RAX.
  .label("print")
  .mov(rax, rsi)
  .mov(rcx, rsi)
  .mov(rsi, rdi)
  .mov(dx, CONSOLE)
  .rep.outsb()
  .ret()

  .label("on_page_fault")
  .mov(rax, cr2)
  .mov(rbx, qword(rdi, exceptionFrame64.cs))
  .out(REPORT, al)
  .hlt()

  .section(".data")
  .label("user_stack")
  .u64(0);

/** The ways into the kernel. */
const calls = { syscall: code64().syscall(), gate: code64().int3() };

/** The user code. */
const app = (call: keyof typeof calls) =>
  code64()
    .mov(rdi, offset("hello"))
    .mov(rsi, distance("hello", "end"))
    .use(calls[call])
    .add(al, 0x30) // the answer as a digit
    .push(rax)
    .mov(rdi, rsp)
    .mov(rsi, 1)
    .use(calls[call])
    .mov(rax, mem("paging.map.data"))
    .label("hello")
    .ascii("hello ")
    .label("end");

const guest = (call: keyof typeof calls): Promise<Image> =>
  layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        data: { virt: 0x50_0000, size: "4KiB", access: "rw" },
        app: { virt: 0x60_0000, size: "4KiB", access: "rx", user: true },
      },
    },
    stacks: {
      kernel: { virt: 0x71_0000, size: "4KiB" },
      fault: { virt: 0x72_0000, size: "4KiB" },
      user: { virt: 0x73_0000, size: "4KiB", user: true },
    },
    gdt: {
      in: "data",
      // In the order that `syscall` and `sysret` ask for.
      segments: {
        kernel: { type: "code", bits: 64 },
        kernelData: { type: "data" },
        userData: { type: "data", dpl: 3 },
        user: { type: "code", bits: 64, dpl: 3 },
        task: { type: "tss", in: "data", stacks: { 0: "kernel" }, ist: { 1: "fault" } },
      },
    },
    idt: {
      in: "data",
      stubs: { in: "text" },
      vectors: {
        "#BP": { handler: "place.kernel.on_breakpoint", dpl: 3 },
        "#PF": { handler: "place.kernel.on_page_fault", ist: 1 },
      },
    },
    place: {
      kernel: { code: kernel, in: "text", sections: { ".data": { in: "data" } } },
      app: { code: app(call), in: "app" },
    },
    entry: "kernel",
    stack: "kernel",
  }).build();

/** The guest, ready to be loaded. */
export const image = await guest("syscall");

/** Runs it and prints what the kernel prints and reports. */
export async function main(): Promise<void> {
  // A KVM without virtualisation hardware leaves `syscall` in ring 3, so there the guest takes the gate of a breakpoint.
  using machine = await boot(kvmKind() === "pvm" ? await guest("gate") : image);
  const output = debugConsole({ at: CONSOLE });
  for (const exit of machine.run({ devices: [output] })) {
    if (exit.kind === "hlt") return;
    if (exit.kind !== "io-out") throw new Error(`the guest should not have caused ${exit.kind}`);
    const { rax: address, rbx: codeSegment, rdx: errorCode, rsp } = machine.registers();
    const stack = image.stacks.find(({ virt, size }) => virt <= rsp && rsp < virt + size);
    console.log(output.output());
    console.log(`#PF in ring ${codeSegment & 3n}: error code ${hex(errorCode)}, address ${hex(address)}`);
    console.log(`its handler runs on the stack ${stack?.name}`);
  }
}
