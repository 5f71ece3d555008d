/** What the names of a description stand for in guest code, and programs that use each other's labels. */
import {
  al,
  boot,
  code16,
  code32,
  code64,
  cs,
  distance,
  eax,
  ecx,
  far,
  hexBytes,
  layout,
  LayoutError,
  offset,
  rax,
  rcx,
  type GuestDescription,
  type Image,
} from "guestwright";
import { describe, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";

/** What a guest has where it names something. */
function valuesIn(image: Image, program: string, names: readonly string[]): Readonly<Record<string, bigint>> {
  const { bytes } = image.chunks.find(({ name }) => name === `code ${program}`)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Object.fromEntries(names.map((name, i) => [name, view.getBigUint64(8 * i, true)]));
}

describeKvm("the name of a segment", () => {
  test("is a far pointer's selector, with which a guest goes on in another segment", async () => {
    const code = code32()
      .ljmp(far("gdt.segments.second", "there"))
      .label("there")
      .mov(ecx, cs)
      .mov(eax, offset("gdt.segments.second"))
      .hlt();
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0, size: "64KiB" } },
      gdt: {
        in: "ram",
        segments: {
          first: { type: "code", bits: 32 },
          data: { type: "data" },
          second: { type: "code", bits: 32, conforming: true },
        },
      },
      place: { guest: { code, in: "ram", offset: 0x1000 } },
    }).build();
    using machine = await boot(image);
    expect([...machine.run({ timeout: "5s" })].map(({ kind }) => kind)).toEqual(["hlt"]);
    const { rax, rcx } = machine.registers();
    expect([rcx, rax]).toEqual([0x18n, 0x18n]);
  });
});

describe("names", () => {
  test("of everything in a description of long mode have the values that its tables have", async () => {
    const expected: Readonly<Record<string, bigint>> = {
      ...{ "memory.ram": 0x1_0000n, "memory.ram.size": 0x2_0000n, "memory.ram.end": 0x3_0000n },
      ...{ "memory.rom": 0n, "memory.rom.size": 0x1000n, "memory.rom.end": 0x1000n },
      ...{ "paging.map.text": 0x40_0000n, "paging.map.text.size": 0x2000n, "paging.map.text.end": 0x40_2000n },
      ...{ "paging.map.text.phys": 0x1_0000n, "paging.tables": 0x2_0000n },
      ...{ "paging.map.tables": 0x50_0000n, "paging.map.tables.size": 0x1000n, "paging.map.tables.end": 0x50_1000n },
      ...{ "paging.map.tables.phys": 0x1_2000n },
      ...{
        "stacks.main": 0xffff_8000_0000_0000n,
        "stacks.main.size": 0x1000n,
        "stacks.main.end": 0xffff_8000_0000_1000n,
      },
      ...{ gdt: 0x50_0100n, "gdt.limit": 0x47n, idt: 0x50_0200n, "idt.limit": 0xefn },
      ...{ "gdt.segments.code": 0x08n, "gdt.segments.user": 0x13n, "gdt.segments.task": 0x18n },
      ...{ "gdt.segments.task.base": 0x50_0300n, "gdt.segments.local": 0x28n, "gdt.segments.local.base": 0x50_0400n },
      ...{ "gdt.segments.local.segments.a": 0x04n, "gdt.segments.local.segments.b": 0x0en, "gdt.segments.gate": 0x38n },
      ...{ e820: 0x50_0500n, "e820.entries": 2n },
      ...{
        "place.guest": 0x40_0000n,
        "place.other": 0x40_1000n,
        "place.other.begin": 0x40_1001n,
        "place.other.late": 0x50_0800n,
      },
    };
    const names = Object.keys(expected);
    const description: GuestDescription = {
      mode: "long64",
      memory: { ram: { at: 0x1_0000, size: "128KiB" }, rom: { kind: "rom", at: 0x0, size: "4KiB" } },
      paging: {
        tables: 0x2_0000,
        map: {
          text: { virt: 0x40_0000, size: "8KiB", access: "rx" },
          tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
        },
      },
      stacks: { main: { virt: 0xffff_8000_0000_0000n, size: "4KiB" } },
      gdt: {
        ...{ in: "tables", offset: 0x100 },
        segments: {
          code: { type: "code", bits: 64 },
          user: { type: "data", dpl: 3 },
          task: { type: "tss", in: "tables", offset: 0x300 },
          local: {
            ...{ type: "ldt", in: "tables", offset: 0x400 },
            segments: { a: { type: "data" }, b: { type: "data", dpl: 2 } },
          },
          gate: { type: "call-gate", target: "place.other" },
        },
      },
      idt: { in: "tables", offset: 0x200, vectors: { "#PF": "place.other" } },
      e820: { in: "tables", offset: 0x500 },
      place: {
        guest: { code: code64().asm(`.quad ${names.join(", ")}`), in: "text" },
        other: {
          code: code64().nop().label("begin").hlt().section(".data").label("late").u64(1),
          ...{ in: "text", offset: 0x1000, sections: { ".data": { in: "tables", offset: 0x800 } } },
        },
      },
      entry: "guest",
    };
    const image = await layout(description).build();
    expect(valuesIn(image, "guest", names)).toEqual(expected);
    expect(image.symbols).toEqual(expected);
    expect([image.cpu.gdt, image.cpu.idt, image.cpu.segments.tr.base, image.cpu.segments.ldt.base]).toEqual([
      { base: expected["gdt"], limit: 0x47 },
      { base: expected["idt"], limit: 0xef },
      expected["gdt.segments.task.base"],
      expected["gdt.segments.local.base"],
    ]);
  });

  test("in real mode are physical addresses, and labels offsets into CS", async () => {
    const names = [
      "memory.ram",
      "memory.ram.end",
      "memory.top",
      "idt",
      "idt.limit",
      "place.guest",
      "place.guest.after",
    ];
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" }, top: { at: 0xf_0000, size: "64KiB" } },
      idt: { vectors: { 0x20: "place.guest.after" } },
      cpu: { segments: { cs: 0xf000 } },
      place: {
        guest: {
          code: code16()
            .asm(`.long ${names.join(", ")}`)
            .label("after")
            .hlt(),
          in: "top",
          offset: 0x100,
        },
      },
    }).build();
    const { bytes } = image.chunks.find(({ name }) => name === "code guest")!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(names.map((_, i) => view.getUint32(4 * i, true))).toEqual([
      0,
      0x1_0000,
      0xf_0000,
      0,
      0x3ff,
      0x100,
      0x100 + 28,
    ]);
    expect(image.idt!.vectors).toEqual([
      { vector: 0x20, handler: "place.guest.after", far: { segment: 0xf000, offset: 0x100 + 28 } },
    ]);
    expect(image.chunks[0]!.bytes.subarray(0x80, 0x84)).toEqual(Uint8Array.of(0x1c, 0x01, 0x00, 0xf0));
  });

  test("of an image have no values besides those that code can use", async () => {
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      place: { guest: { code: code32().label("begin").hlt(), in: "ram" } },
    }).build();
    expect(image.symbols).toEqual({
      ...{ "memory.ram": 0n, "memory.ram.size": 0x1_0000n, "memory.ram.end": 0x1_0000n },
      ...{ gdt: 0n, "gdt.limit": 0n, "gdt.segments.code": 0x08n, "gdt.segments.data": 0x10n },
      ...{ "place.guest": 0n, "place.guest.begin": 0n },
    });
  });
});

describe("programs whose sizes depend on each other's addresses", () => {
  // `mov` of a label to a 64-bit register has 7 bytes where the address has 31 bits, else 10. As long as the second program
  // is not assembled, its labels count as its beginning, which has 31 bits.
  const first = code64().mov(rax, offset("place.second.here")).label("here").jmp("place.second.begin");
  const second = code64()
    .zero(0x1000)
    .label("begin")
    .mov(rcx, offset("place.first.here"))
    .label("here")
    .mov(al, 0x42)
    .out(0x10, al)
    .hlt();

  const build = (): Promise<Image> =>
    layout({
      mode: "long64",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      paging: {
        map: {
          border: { virt: 0x7fff_f000, size: "8KiB", access: "rx" },
          above: { virt: 0x9000_0000, size: "4KiB", access: "rx" },
        },
      },
      place: { first: { code: first, in: "above" }, second: { code: second, in: "border" } },
      entry: "first",
    }).build();

  test("are assembled until the addresses hold", async () => {
    const image = await build();
    expect(image.programs.map(({ labels }) => labels)).toEqual([
      { here: 0x9000_000an },
      { begin: 0x8000_0000n, here: 0x8000_000an },
    ]);
    const code = image.chunks.find(({ name }) => name === "code first")!;
    expect(hexBytes(code.bytes)).toMatch(/^48 b8 0a 00 00 80 00 00 00 00 /);
  });

  test("are refused where they depend on each other in a circle", async () => {
    // Where the first program is shorter, the second is longer, so that the first must be longer; and the other way round.
    const circling = layout({
      mode: "long64",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      paging: {
        map: {
          low: { virt: 0x1000_0000, size: "8KiB", access: "rx" },
          border: { virt: 0x7fff_f000, size: "8KiB", access: "rx" },
          edge: { virt: 0x9000_0000, size: "4KiB", access: "r" },
        },
      },
      place: {
        first: {
          code: code64().mov(rax, offset("place.second.end")).label("end").hlt(),
          ...{ in: "low", offset: 0xff8 },
        },
        second: {
          code: code64().mov(rcx, distance("place.first.end", "paging.map.edge.end")).label("end").hlt(),
          ...{ in: "border", offset: 0xff8 },
        },
      },
      entry: "first",
    });
    const error = (await circling.build().catch((each: unknown) => each)) as LayoutError;
    expect(error).toBeInstanceOf(LayoutError);
    expect([error.message, error.code, error.value]).toEqual([
      "place: the sizes of first and second depend on each other\n" +
        "  hint: use a label of the other program where the size of the instruction does not depend on it",
      "INCONSISTENT",
      ["first", "second"],
    ]);
  });

  describeKvm("on KVM", () => {
    test("run with these addresses", async () => {
      using machine = await boot(await build());
      expect([...machine.run({ timeout: "5s" })].map(({ kind }) => kind)).toEqual(["io-out", "hlt"]);
      const { rax: secondHere, rcx: firstHere } = machine.registers();
      expect([secondHere, firstHere]).toEqual([0x8000_0042n, 0x9000_000an]);
    });
  });
});
