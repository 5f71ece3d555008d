/** What a layout says of segments, tables and stacks, asked of the machine. */
import {
  al,
  ax,
  boot,
  bx,
  code16,
  code32,
  code64,
  ds,
  dx,
  eax,
  ebx,
  es,
  fs,
  gs,
  hex,
  layout,
  mem,
  rax,
  rbx,
  ss,
  type Code,
  type Exit,
  type Image,
  type Machine,
} from "guestwright";
import { segmentState, type Segment, type SegmentState } from "guestwright/layout";
import { expect, test } from "vitest";
import { describeKvm, kind } from "../kvm/require-kvm.ts";

/** What the guest prints to its port, and the last exit. */
function play(machine: Machine): { text: string; last: Exit["kind"] | undefined } {
  let text = "";
  let last: Exit["kind"] | undefined;
  for (const exit of machine.run({ timeout: "5s" })) {
    last = exit.kind;
    if (exit.kind === "io-out") text += String.fromCharCode(...exit.data);
  }
  return { text, last };
}

/** A register as the kernel shows it: KVM on SVM makes G from the limit. */
function shown(state: SegmentState): Partial<SegmentState> {
  const { g, ...rest } = state;
  return kind === "svm" ? rest : { g, ...rest };
}

const segments = {
  code32: { type: "code", bits: 32 },
  code64: { type: "code", bits: 64 },
  flat: { type: "data" },
  user: { type: "data", dpl: 3 },
  based: { type: "data", base: 0xfedc_ba98, limit: 0x12_3fff, available: true },
  pages: { type: "data", base: 0x1000, limit: 0xfff, granularity: "page" },
  small: { type: "data", bits: 16, limit: 0xffff },
  fixed: { type: "data", writable: false, limit: 0 },
  down: { type: "data", expandDown: true, limit: 0xfff },
  readable: { type: "code", bits: 32, base: 0x12_3456 },
  conforming: { type: "code", bits: 16, limit: 0xffff, conforming: true },
  fresh: { type: "data", accessed: false },
} as const satisfies Readonly<Record<string, Segment>>;

const names = Object.keys(segments) as (keyof typeof segments)[];
const selectorOf = (name: keyof typeof segments): number => {
  const segment: Segment = segments[name];
  return (names.indexOf(name) + 1) * 8 + (segment.dpl ?? 0);
};
const forStack = new Set<string>(["flat", "based", "pages", "small", "down", "fresh"]);

/** Loads every selector into every register that takes it, with a `hlt` after each; then stores GDTR at 0x5f00. */
function loader<M extends 32 | 64>(start: Code<M, never, never>): Code<M, never, never> {
  // Both modes have all of these instructions, which TypeScript cannot see of either one.
  let code = start as unknown as Code<32, never, never>;
  for (const name of names) {
    code = code.mov(ax, selectorOf(name)).mov(ds, ax).mov(es, ax).mov(fs, ax).mov(gs, ax);
    if (forStack.has(name)) code = code.mov(ss, ax);
    code = code.hlt();
  }
  code = code.mov(ax, selectorOf("flat")).mov(ds, ax).sgdt(mem(0x5f00)).hlt();
  return code as unknown as Code<M, never, never>;
}

const memory = { ram: { at: 0x0, size: "32KiB" } } as const;
const gdt = { at: 0x5800, segments } as const;

const images: Readonly<Record<string, () => Promise<Image>>> = {
  protected32: () =>
    layout({ mode: "protected32", memory, gdt, place: { guest: { code: loader(code32()), in: "ram" } } }).build(),
  long64: () =>
    layout({
      mode: "long64",
      memory,
      gdt,
      paging: {
        tables: 0x0,
        map: {
          text: { virt: 0x0, phys: 0x4000, size: "4KiB", access: "rx" },
          data: { virt: 0x5000, phys: 0x5000, size: "4KiB", access: "rw" },
        },
      },
      place: { guest: { code: loader(code64()), in: "text" } },
    }).build(),
};

describeKvm("a guest that loads every selector of its GDT", () => {
  test.each(Object.keys(images))("%s: has the hidden fields that we computed, and the GDTR", async (mode) => {
    const image = await images[mode]!();
    using machine = await boot(image);
    for (const name of names) {
      expect(play(machine).last).toBe("hlt");
      // A load sets the accessed bit.
      const loaded = shown(segmentState({ ...segments[name], accessed: true }, selectorOf(name)));
      const now = machine.specialRegisters().segments;
      for (const register of ["ds", "es", "fs", "gs"] as const) {
        expect(shown(now[register]), `${register} = ${name}`).toEqual(loaded);
      }
      if (forStack.has(name)) expect(shown(now.ss), `ss = ${name}`).toEqual(loaded);
    }
    expect(play(machine).last).toBe("hlt");
    const stored = new DataView(machine.readMemory(0x5f00n, 10).buffer);
    expect(stored.getUint16(0, true)).toBe(image.cpu.gdt.limit);
    expect(stored.getUint32(2, true)).toBe(Number(image.cpu.gdt.base));
    expect(machine.specialRegisters().gdt).toEqual(image.cpu.gdt);
  });

  test.each(Object.keys(images))("%s: sets the accessed bit in the table, and nothing else", async (mode) => {
    const image = await images[mode]!();
    const before = image.chunks.find(({ name }) => name === "gdt")!.bytes;
    using machine = await boot(image);
    while (machine.registers().rip < image.programs[0]!.origin + BigInt(image.programs[0]!.size)) {
      expect(play(machine).last).toBe("hlt");
    }
    const after = machine.readMemory(gdt.at === undefined ? 0n : BigInt(gdt.at), before.length);
    const expected = before.slice();
    const access = (names.indexOf("fresh") + 1) * 8 + 5;
    expect(expected[access]).toBe(0x92);
    expected[access] = 0x93;
    expect(after).toEqual(expected);
  });

  test.each(Object.keys(images))("%s: starts with the registers of the image", async (mode) => {
    const image = await images[mode]!();
    using machine = await boot(image);
    const { segments: now, idt, cr3, cr4, efer } = machine.specialRegisters();
    for (const register of ["cs", "ds", "es", "fs", "gs", "ss"] as const) {
      expect(shown(now[register]), register).toEqual(shown(image.cpu.segments[register]));
    }
    expect({ idt, cr3, cr4, efer }).toEqual({
      ...{ idt: image.cpu.idt, cr3: image.cpu.cr3 },
      ...{ cr4: image.cpu.cr4, efer: image.cpu.efer },
    });
  });
});

const port = 0x10;

describeKvm("the stack that a layout gives", () => {
  /** What each program leaves on its stack is checked in memory: the last word pushed lies right below the stack's end. */
  const guests: Readonly<Record<string, () => Promise<Image>>> = {
    real16: () =>
      layout({
        mode: "real16",
        memory: { ram: { at: 0x0, size: "8KiB" }, stack: { at: 0x2_0000, size: "4KiB" } },
        cpu: { segments: { ss: 0x2000 } },
        stack: "stack",
        place: {
          guest: {
            code: code16().mov(ax, 0x4241).push(ax).call("print").pop(bx).hlt().label("print").out(port, al).ret(),
            in: "ram",
          },
        },
      }).build(),
    protected32: () =>
      layout({
        mode: "protected32",
        memory: { ram: { at: 0x0, size: "8KiB" }, stack: { at: 0x2_0000, size: "4KiB" } },
        stack: "stack",
        place: {
          guest: {
            code: code32()
              .mov(eax, 0x4443_4241)
              .push(eax)
              .call("print")
              .pop(ebx)
              .hlt()
              .label("print")
              .out(port, al)
              .ret(),
            in: "ram",
          },
        },
      }).build(),
    long64: () =>
      layout({
        mode: "long64",
        memory: { ram: { at: 0x0, size: "32KiB" }, stack: { at: 0x2_0000, size: "4KiB" } },
        paging: {
          tables: 0x0,
          map: {
            text: { virt: 0x40_0000, phys: 0x7000, size: "4KiB", access: "rx" },
            stack: { virt: 0x7fff_ffff_f000, phys: 0x2_0000, size: "4KiB", access: "rw" },
          },
        },
        stack: "stack",
        place: {
          guest: {
            code: code64()
              .mov(rax, 0x4443_4241)
              .push(rax)
              .call("print")
              .pop(rbx)
              .hlt()
              .label("print")
              .out(port, al)
              .ret(),
            in: "text",
          },
        },
      }).build(),
  };

  test.each(Object.keys(guests))("%s: holds what is pushed, returns, and is empty again", async (mode) => {
    const image = await guests[mode]!();
    using machine = await boot(image);
    expect(play(machine)).toEqual({ text: "A", last: "hlt" });
    const { rax: pushed, rbx: popped, rsp } = machine.registers();
    expect(hex(popped)).toBe(hex(pushed));
    expect(rsp).toBe(image.cpu.regs.rsp);
    const size = image.programs[0]!.mode / 8;
    const top = machine.readMemory(0x2_1000n - BigInt(size), size);
    expect([...top]).toEqual(
      [0x41, 0x42, 0x43, 0x44, 0, 0, 0, 0].map((byte, i) => (mode === "real16" && i > 1 ? 0 : byte)).slice(0, size),
    );
  });
});

describeKvm("a program in the middle of its segment", () => {
  test("real mode: CS and DS are not 0, and the labels are offsets into them", async () => {
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "128KiB" } },
      cpu: { segments: { cs: 0x1000, ds: 0x1000, es: 0x1800 } },
      place: {
        guest: {
          code: code16()
            .mov(al, mem("letter"))
            .out(port, al)
            .mov(al, mem(es, 0x10))
            .out(port, al)
            .jmp("end")
            .label("letter")
            .ascii("L")
            .label("end")
            .hlt(),
          in: "ram",
          offset: 0x1_2340,
        },
        other: { code: code16().ascii("E"), in: "ram", offset: 0x1_8010 },
      },
      entry: "guest",
    }).build();
    expect(image.cpu.regs.rip).toBe(0x2340n);
    using machine = await boot(image);
    expect(play(machine)).toEqual({ text: "LE", last: "hlt" });
    expect(machine.registers().rip).toBe(image.programs[0]!.labels["end"]! + 1n);
  });

  test("protected mode: CS has a base, and so has DS", async () => {
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x0, size: "128KiB" } },
      gdt: {
        segments: {
          code: { type: "code", bits: 32, base: 0x1_0000, limit: 0xffff },
          data: { type: "data", base: 0x1_0000, limit: 0xffff },
        },
      },
      stack: "ram",
      place: {
        guest: {
          code: code32()
            .mov(al, mem("letter"))
            .mov(dx, port)
            .out(dx, al)
            .call("end")
            .label("letter")
            .ascii("P")
            .label("end")
            .pop(eax)
            .hlt(),
          in: "ram",
          offset: 0x1_0100,
        },
      },
    }).build();
    expect(image.cpu.regs).toMatchObject({ rip: 0x100n, rsp: 0x1_0000n });
    using machine = await boot(image);
    expect(play(machine)).toEqual({ text: "P", last: "hlt" });
    expect(machine.registers().rax).toBe(image.programs[0]!.labels["letter"]);
  });
});
