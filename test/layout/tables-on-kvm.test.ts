/** GDTR, IDTR, TR, LDTR, the LDT's segments, interrupt stacks and guard pages: what the guest sees, and what KVM says. */
import {
  al,
  ax,
  boot,
  bx,
  code16,
  code32,
  code64,
  cr2,
  cx,
  exceptionFrame64,
  layout,
  offset,
  qword,
  rax,
  rbx,
  rcx,
  rdi,
  type AnyCode,
  type Exit,
  type GuestDescription,
  type Image,
  type Machine,
} from "guestwright";
import { decodePseudoDescriptor, segmentState, type Segment, type SegmentState } from "guestwright/layout";
import { expect, test } from "vitest";
import { describeKvm, kind } from "../kvm/require-kvm.ts";

/** Runs to the next `hlt`; the exits before it. */
function runToHlt(machine: Machine): readonly Exit["kind"][] {
  const kinds = [...machine.run({ timeout: "5s" })].map((exit) => exit.kind);
  expect(kinds.pop()).toBe("hlt");
  return kinds;
}

/** A register as the kernel shows it: KVM on SVM makes G from the limit. */
function shown(state: SegmentState): Partial<SegmentState> {
  const { g, ...rest } = state;
  return kind === "svm" ? rest : { g, ...rest };
}

const local = {
  data: { type: "data", base: 0x1234_5000, limit: 0xffff, bits: 16 },
  user: { type: "data", dpl: 3, limit: 0x12_3fff },
  code: { type: "code", bits: 32, base: 0x4000 },
} as const satisfies Readonly<Record<string, Segment>>;

const at = { gdt: 0x5000, idt: 0x5800, task: 0x5a00, ldt: 0x5c00, results: 0x6000 };

/** Stores the table registers, then loads every selector of the LDT, with a `hlt` after each. */
const reader = `
  sgdt [${at.results}]
  sidt [${at.results + 0x10}]
  str word ptr [${at.results + 0x20}]
  sldt word ptr [${at.results + 0x22}]
  hlt
  mov eax, offset gdt.segments.local.segments.data
  mov es, eax
  mov eax, offset gdt.segments.local.segments.user
  mov fs, eax
  mov eax, offset gdt.segments.local.segments.code
  mov gs, eax
  hlt
`;

/** Loads TR and LDTR. */
const loader = `
  mov eax, offset gdt.segments.task
  ltr ax
  mov eax, offset gdt.segments.local
  lldt ax
  hlt
`;

const modes = { protected32: { bits: 32, start: code32 }, long64: { bits: 64, start: code64 } } as const;

const map = {
  text: { virt: 0x0, phys: 0x0, size: "4KiB", access: "rx" },
  data: { virt: 0x5000, phys: 0x5000, size: "8KiB", access: "rw" },
} as const;

function guest(mode: keyof typeof modes, loaded: "at entry" | "by the guest"): Promise<Image> {
  const { bits, start } = modes[mode];
  const code = start().asm(loaded === "at entry" ? reader : loader);
  const description: GuestDescription = {
    mode,
    memory: { ram: { at: 0x0, size: "128KiB" } },
    gdt: {
      at: at.gdt,
      segments: {
        code: { type: "code", bits },
        data: { type: "data" },
        local: { type: "ldt", at: at.ldt, segments: local },
        task: { type: "tss", at: at.task, stacks: { 0: 0x9000 }, ports: [0x10] },
      },
    },
    idt: { at: at.idt, vectors: { "#UD": "place.guest" } },
    cpu: loaded === "at entry" ? {} : { tr: null, ldtr: null },
    ...(bits === 64 ? { paging: { map } } : {}),
    place: { guest: { code, in: bits === 64 ? "text" : "ram" } },
  };
  return layout(description).build();
}

describeKvm.each(["protected32", "long64"] as const)("%s: the table registers", (mode) => {
  test("are at entry what the guest stores of them, and what KVM says", async () => {
    const image = await guest(mode, "at entry");
    const { gdt, idt, segments } = image.cpu;
    using machine = await boot(image);
    runToHlt(machine);
    const stored = machine.readMemory(BigInt(at.results), 0x24);
    const words = new DataView(stored.buffer, stored.byteOffset);
    const { bits } = modes[mode];
    expect(decodePseudoDescriptor(stored, bits)).toEqual(gdt);
    expect(decodePseudoDescriptor(stored.subarray(0x10), bits)).toEqual(idt);
    expect([words.getUint16(0x20, true), words.getUint16(0x22, true)]).toEqual([
      segments.tr.selector,
      segments.ldt.selector,
    ]);
    const now = machine.specialRegisters();
    expect([now.gdt, now.idt]).toEqual([gdt, idt]);
    expect([shown(now.segments.tr), shown(now.segments.ldt)]).toEqual([shown(segments.tr), shown(segments.ldt)]);
    // 104 bytes, the bits of ports 0 to 0x17, and the byte that closes them.
    expect([segments.tr.base, segments.tr.limit, segments.tr.type]).toEqual([BigInt(at.task), 107, 11]);
    expect([segments.ldt.base, segments.ldt.limit, segments.ldt.type]).toEqual([BigInt(at.ldt), 23, 2]);
  });

  test("give the segments of the LDT, with the hidden fields that we computed", async () => {
    const image = await guest(mode, "at entry");
    using machine = await boot(image);
    runToHlt(machine);
    runToHlt(machine);
    const { es, fs, gs } = machine.specialRegisters().segments;
    expect([es, fs, gs].map(shown)).toEqual(
      [segmentState(local.data, 0x04), segmentState(local.user, 0x0f), segmentState(local.code, 0x14)].map(shown),
    );
  });

  test("are what the guest loads by ltr and lldt, where the description leaves it to the guest", async () => {
    const image = await guest(mode, "by the guest");
    const { tr, ldt } = image.cpu.segments;
    expect([tr.selector, ldt.selector, ldt.unusable]).toEqual([0, 0, 1]);
    using machine = await boot(image);
    runToHlt(machine);
    const { segments } = (await guest(mode, "at entry")).cpu;
    const now = machine.specialRegisters().segments;
    expect([shown(now.tr), shown(now.ldt)]).toEqual([shown(segments.tr), shown(segments.ldt)]);
  });
});
/** A guest whose page faults go to a stack of their own; its handler reports and halts. */
function faulting(code: AnyCode, stacks: GuestDescription["stacks"]): Promise<Image> {
  const handler = code64()
    .label("on_page_fault")
    .mov(rax, cr2)
    .mov(rbx, qword(rdi, exceptionFrame64.rsp))
    .mov(rcx, qword(rdi, exceptionFrame64.ss))
    .hlt();
  const description: GuestDescription = {
    mode: "long64",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
      },
    },
    stacks: { ...stacks, fault: { virt: 0x9_0000_1000n, size: "4KiB" } },
    gdt: {
      in: "tables",
      segments: {
        code: { type: "code", bits: 64 },
        data: { type: "data" },
        task: { type: "tss", in: "tables", ist: { 7: "fault" } },
      },
    },
    idt: {
      in: "tables",
      stubs: { in: "text" },
      vectors: { "#PF": { handler: "place.handler.on_page_fault", ist: 7 } },
    },
    stack: "main",
    place: { guest: { code, in: "text" }, handler: { code: handler, in: "text", offset: 0x800 } },
    entry: "guest",
  };
  return layout(description).build();
}

describeKvm("a page fault", () => {
  test("below a stack lands on the interrupt stack, with the first address of the guard page that was touched", async () => {
    const endless = code64().label("deeper").push(rax).jmp("deeper");
    const image = await faulting(endless, { main: { virt: 0x70_1000, size: "8KiB" } });
    using machine = await boot(image);
    expect(runToHlt(machine)).toEqual([]);
    const { rax: address, rbx: interrupted, rcx: stackSegment, rdi: frame } = machine.registers();
    expect([address, interrupted, stackSegment]).toEqual([0x70_1000n - 8n, 0x70_1000n, 0x10n]);
    const fault = image.stacks.find(({ name }) => name === "fault")!;
    expect(frame).toBe(fault.virt + fault.size - BigInt(exceptionFrame64.ss + 8));
    // The handler's frame lies in the memory of that stack.
    const words = new BigUint64Array(machine.readMemory(fault.phys + fault.size - 8n, 8).slice().buffer);
    expect(words[0]).toBe(0x10n);
  });

  test("above a stack: nothing is mapped there either", async () => {
    const image = await faulting(code64().pop(rax).hlt(), { main: { virt: 0x70_1000, size: "4KiB" } });
    using machine = await boot(image);
    expect(runToHlt(machine)).toEqual([]);
    expect(machine.registers().rax).toBe(0x70_2000n);
  });

  test("does not come where guard is false and the next page is mapped", async () => {
    const image = await faulting(code64().pop(rax).hlt(), {
      main: { virt: 0x70_1000, size: "4KiB", guard: false },
      next: { virt: 0x70_2000, size: "4KiB", guard: false },
    });
    using machine = await boot(image);
    expect(runToHlt(machine)).toEqual([]);
    expect(machine.registers().rsp).toBe(0x70_2008n);
  });
});

describeKvm("a guest without paging", () => {
  test("in real mode takes its interrupts and exceptions where the vector table of the description leads", async () => {
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      idt: { vectors: { 0x21: "place.guest.service", "#DE": "place.handlers.on_de" } },
      cpu: { segments: { cs: 0x100 } },
      stack: "ram",
      place: {
        guest: {
          code: code16().int(0x21).xor(cx, cx).div(cx).label("service").mov(al, 0x53).out(0x10, al).iret(),
          ...{ in: "ram", offset: 0x1000 },
        },
        handlers: {
          code: code16().label("on_de").hlt(),
          ...{ in: "ram", offset: 0x1100 },
        },
      },
      entry: "guest",
    }).build();
    using machine = await boot(image);
    const exits = [...machine.run({ timeout: "5s" })];
    expect(exits.map((exit) => (exit.kind === "io-out" ? String.fromCharCode(...exit.data) : exit.kind))).toEqual([
      ...["S", "hlt"],
    ]);
    // The handler of #DE halted; CS:IP, and FLAGS above it, are on the stack.
    const { rip, rsp } = machine.registers();
    expect(rip).toBe(image.programs[1]!.labels["on_de"]! + 1n);
    const words = new DataView(machine.readMemory(0x1_0000n - 6n, 4).slice().buffer);
    expect([rsp, words.getUint16(2, true)]).toEqual([0xfffan, 0x100]);
  });

  test("in 16-bit protected mode runs in the segments of the description", async () => {
    const image = await layout({
      mode: "protected16",
      memory: { ram: { at: 0x0, size: "128KiB" } },
      gdt: {
        at: 0x800,
        segments: {
          code: { type: "code", bits: 16, base: 0x1_0000, limit: 0xffff },
          data: { type: "data", bits: 16, base: 0x1_0000, limit: 0xffff },
        },
      },
      stack: "ram",
      place: {
        guest: {
          code: code16().mov(ax, offset("place.guest.end")).push(ax).call("end").label("end").pop(cx).pop(bx).hlt(),
          ...{ in: "ram", offset: 0x1_0200 },
        },
      },
    }).build();
    expect(image.cpu.regs).toMatchObject({ rip: 0x200n, rsp: 0n });
    using machine = await boot(image);
    expect(runToHlt(machine)).toEqual([]);
    const { rax: end, rbx: pushed, rcx: returned, rsp } = machine.registers();
    expect([end, pushed, returned, rsp & 0xffffn]).toEqual([0x207n, 0x207n, 0x207n, 0n]);
  });
});
