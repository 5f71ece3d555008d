/**
 * Call gates, task gates and the I/O permission bitmap as a CPU uses them: SDM vol. 3A, 5.8 and 7.3, vol. 1, 19.5.2. A KVM
 * without virtualisation hardware has none of them for ring 3, so they run on QEMU's software CPU.
 */
import {
  al,
  code32,
  code64,
  dword,
  eax,
  ecx,
  exceptionFrame32,
  exceptionFrame64,
  edi,
  edx,
  fword,
  layout,
  mem,
  offset,
  qword,
  rax,
  rdi,
  esp,
} from "guestwright";
import { describe, expect, test } from "vitest";
import { noQemu } from "../paging/qemu.ts";
import { doneCode, donePort, loaderPage, runImageInQemu } from "./qemu-image.ts";

const results = { at: 0x1_0000, size: 16 };

/** A port that the bitmap forbids; nothing answers there. */
const forbiddenPort = 0x82;

/** The words that a guest left. */
async function words(image: Parameters<typeof runImageInQemu>[0]): Promise<readonly number[]> {
  const view = new DataView((await runImageInQemu(image, results)).buffer);
  return [0, 4, 8, 12].map((at) => view.getUint32(at, true));
}

const memory = { ram: { at: 0x0, size: "128KiB" } } as const;

describe.skipIf(noQemu !== undefined)("in 32-bit protected mode", () => {
  test("ring 3 calls through a gate that copies parameters, and uses the ports that it may", async () => {
    const kernel = code32()
      .push(offset("gdt.segments.userData"))
      .push(0x1_4000)
      .push(offset("gdt.segments.user"))
      .push(offset("place.user"))
      .retf()
      .label("subtract")
      .mov(eax, dword(esp, 12))
      .sub(eax, dword(esp, 8))
      .mov(mem(results.at + 4), esp)
      .retf(8)
      .label("on_gp")
      .mov(mem(results.at + 8), edx)
      .mov(eax, dword(edi, exceptionFrame32.cs))
      .mov(mem(results.at + 12), eax)
      .add(dword(edi, exceptionFrame32.eip), 2)
      .ret();
    const user = code32()
      .mov(eax, offset("gdt.segments.userData"))
      .asm("mov ds, eax")
      .push(50)
      .push(8)
      .lcall(fword("gate"))
      .mov(mem(results.at), eax)
      .out(forbiddenPort, al)
      .mov(al, doneCode)
      .out(donePort, al)
      .jmp("end")
      .label("gate")
      .u32(0) // a gate has the offset
      .u16(offset("gdt.segments.gate", 3))
      .label("end")
      .jmp("end");
    const image = await layout({
      mode: "protected32",
      memory,
      gdt: {
        at: 0x4000,
        segments: {
          code: { type: "code", bits: 32 },
          data: { type: "data" },
          user: { type: "code", bits: 32, dpl: 3 },
          userData: { type: "data", dpl: 3 },
          gate: { type: "call-gate", target: "place.kernel.subtract", dpl: 3, parameters: 2 },
          task: { type: "tss", at: 0x4800, stacks: { 0: 0x1_8000 }, ports: [donePort] },
        },
      },
      idt: { at: 0x5000, stubs: { in: "ram", offset: 0x3000 }, vectors: { "#GP": "place.kernel.on_gp" } },
      cpu: { rsp: 0x1_6000 },
      place: { kernel: { code: kernel, in: "ram", offset: 0x1000 }, user: { code: user, in: "ram", offset: 0x2000 } },
      entry: "kernel",
    }).build();
    // On the new stack: SS, ESP, two parameters, CS, EIP.
    expect(await words(image)).toEqual([42, 0x1_8000 - 24, 0, 0x1b]);
  });

  test.each([
    [
      "a jump",
      0x2,
      code32().mov(ecx, 0x1234).ljmp(fword("gate")).label("gate").u32(0).u16(offset("gdt.segments.gate")),
    ],
    // The task is nested in the other: NT is set (SDM vol. 3A, 7.4).
    ["an exception", 0x4002, code32().mov(ecx, 0x1234).ud2()],
  ])(
    "%s through a task gate saves the old task and loads the new one, as the description says",
    async (_, flags, first) => {
      const second = code32()
        .nop()
        .label("begin")
        .mov(mem(results.at), esp)
        .asm("str eax")
        .mov(mem(results.at + 4), eax)
        .mov(eax, dword("gdt.segments.first.base", 44)) // ECX (SDM vol. 3A, figure 7-2)
        .mov(mem(results.at + 8), eax)
        .pushfd()
        .pop(eax)
        .mov(mem(results.at + 12), eax)
        .mov(al, doneCode)
        .out(donePort, al)
        .hlt();
      const image = await layout({
        mode: "protected32",
        memory,
        gdt: {
          at: 0x4000,
          segments: {
            code: { type: "code", bits: 32 },
            data: { type: "data" },
            first: { type: "tss", at: 0x4800 },
            second: { type: "tss", at: 0x4900, entry: "place.second.begin", stack: "ram" },
            gate: { type: "task-gate", task: "second" },
          },
        },
        idt: { at: 0x5000, stubs: { in: "ram", offset: 0x3000 }, vectors: { "#UD": { task: "second" } } },
        cpu: { rsp: 0x1_6000 },
        place: {
          first: { code: first, in: "ram", offset: 0x1000 },
          second: { code: second, in: "ram", offset: 0x2000 },
        },
        entry: "first",
      }).build();
      expect(await words(image)).toEqual([0x2_0000, 0x20, 0x1234, flags]);
    },
  );
});

describe.skipIf(noQemu !== undefined)("in long mode", () => {
  test("ring 3 calls through a gate, and uses the ports that it may", async () => {
    const kernel = code64()
      .push(offset("gdt.segments.userData"))
      .push(offset("stacks.userStack.end"))
      .push(offset("gdt.segments.user"))
      .push(offset("place.user"))
      .retfq()
      .label("called")
      .mov(eax, esp)
      .mov(mem(results.at + 4), eax)
      .mov(eax, 42)
      .retfq()
      .label("on_gp")
      .mov(mem(results.at + 8), edx)
      .mov(rax, qword(rdi, exceptionFrame64.cs))
      .mov(mem(results.at + 12), eax)
      .add(qword(rdi, exceptionFrame64.rip), 2)
      .ret();
    const user = code64()
      .lcall(fword("gate"))
      .mov(mem(results.at), eax)
      .out(forbiddenPort, al)
      .mov(al, doneCode)
      .out(donePort, al)
      .jmp("end")
      .label("gate")
      .u32(0)
      .u16(offset("gdt.segments.gate", 3))
      .label("end")
      .jmp("end");
    const image = await layout({
      mode: "long64",
      memory,
      paging: {
        map: {
          loader: loaderPage,
          text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
          tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
          user: { virt: 0x60_0000, size: "4KiB", access: "rx", user: true },
          results: { virt: results.at, phys: results.at, size: "4KiB", access: "rw", user: true },
        },
      },
      stacks: {
        kernel: { virt: 0x71_0000, size: "4KiB" },
        userStack: { virt: 0x72_0000, size: "4KiB", user: true },
      },
      gdt: {
        in: "tables",
        segments: {
          code: { type: "code", bits: 64 },
          data: { type: "data" },
          user: { type: "code", bits: 64, dpl: 3 },
          userData: { type: "data", dpl: 3 },
          gate: { type: "call-gate", target: "place.kernel.called", dpl: 3 },
          task: { type: "tss", in: "tables", stacks: { 0: "kernel" }, ports: [[0xf0, 0xff]] },
        },
      },
      idt: { in: "tables", stubs: { in: "text" }, vectors: { "#GP": "place.kernel.on_gp" } },
      stack: "kernel",
      place: { kernel: { code: kernel, in: "text" }, user: { code: user, in: "user" } },
      entry: "kernel",
    }).build();
    // On the new stack: SS, RSP, CS, RIP.
    expect(await words(image)).toEqual([42, 0x71_1000 - 32, 0, 0x1b]);
  });
});
