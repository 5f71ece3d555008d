/** Memory that a description leaves to the allocator, memory of every kind, and what takes no bytes of an image. */
import {
  al,
  boot,
  byte,
  code16,
  code64,
  ds,
  layout,
  type AnyCode,
  type Exit,
  type GuestDescription,
  type Image,
} from "guestwright";
import { describe, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";

/** A guest in real mode with this memory, and a page for its code. */
function withMemory(memory: GuestDescription["memory"]): Promise<Image> {
  const description: GuestDescription = {
    mode: "real16",
    memory: { ...memory, code: { at: 0xf000, size: "4KiB" } },
    place: { guest: { code: code16().hlt(), in: "code" } },
  };
  return layout(description).build();
}

const addresses = (image: Image): Readonly<Record<string, bigint>> =>
  Object.fromEntries(image.memory.map(({ name, at }) => [name, at.valueOf()]));

describe("regions without an address", () => {
  test("get the lowest that is free, one after another", async () => {
    const memory = {
      first: { size: "8KiB" },
      fixed: { at: 0x2000, size: "4KiB" },
      second: { size: "4KiB" },
      third: { size: "64KiB" },
      small: { size: "4KiB" },
    } as const;
    const image = await withMemory(memory);
    expect(addresses(image)).toEqual({
      ...{ first: 0n, fixed: 0x2000n, second: 0x3000n, third: 0x1_0000n, small: 0x4000n, code: 0xf000n },
    });
    expect(addresses(await withMemory(memory))).toEqual(addresses(image));
  });

  test("keep to alignment and limit, and clear of windows and aliases", async () => {
    const image = await withMemory({
      video: { kind: "mmio", at: 0x0, size: "32KiB" },
      hole: { kind: "reserved", at: 0x8000, size: "4KiB" },
      shadow: { kind: "alias", of: "low", at: 0x9000 },
      large: { size: "2MiB", align: "2MiB" },
      rom: { kind: "rom", size: "4KiB", align: "64KiB" },
      low: { size: "4KiB", below: 0xb000 },
    });
    expect(addresses(image)).toEqual({
      ...{ video: 0n, hole: 0x8000n, shadow: 0x9000n, low: 0xa000n, code: 0xf000n },
      ...{ rom: 0x1_0000n, large: 0x20_0000n },
    });
  });
});

describe("mappings, stacks and page tables without an address", () => {
  const description = {
    mode: "long64",
    memory: { low: { at: 0x0, size: "64KiB" }, high: { at: "16MiB", size: "4MiB" } },
    paging: {
      map: {
        fixed: { virt: 0x10_0000, phys: 0x1000, size: "4KiB", access: "rw" },
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        large: { virt: 0x80_0000, size: "2MiB", access: "rw", pageSize: "2MiB" },
        chosen: { virt: 0x60_0000, in: "high", size: "4KiB", access: "rw" },
        wide: { virt: 0xc0_0000, size: "8KiB", access: "rw" },
      },
    },
    stacks: { main: { virt: 0xf0_0000, size: "8KiB" }, other: { virt: 0xe0_0000, size: "4KiB", in: "high" } },
    place: { guest: { code: code64().hlt(), in: "text" } },
    stack: "main",
  } as const;

  test("get RAM that nothing else takes, as their pages are aligned", async () => {
    const image = await layout(description).build();
    expect(Object.fromEntries(image.paging!.mappings.map(({ name, phys }) => [name, phys]))).toEqual({
      ...{ text: 0x0n, fixed: 0x1000n, wide: 0x2000n, main: 0x4000n },
      ...{ large: 0x100_0000n, chosen: 0x120_0000n, other: 0x120_1000n },
    });
    expect(image.paging!.root).toBe(0x6000n);
  });

  test("get the same each time", async () => {
    expect(await layout(description).build()).toEqual(await layout(description).build());
  });
});

test("space without content takes no bytes of the image", async () => {
  const code = code64().hlt().section(".bss").label("heap").zero(0x10_0000).section(".data").u64(1).zero(0x2000);
  const image = await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "8MiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        heap: { virt: 0x50_0000, size: "1MiB", access: "rw" },
        data: { virt: 0x70_0000, size: "12KiB", access: "rw" },
      },
    },
    stacks: { main: { virt: 0x90_0000, size: "1MiB" } },
    place: { guest: { code, in: "text", sections: { ".bss": { in: "heap" }, ".data": { in: "data" } } } },
  }).build();
  const sizes = image.chunks.map(({ name, bytes }) => [name, bytes.length]);
  expect(sizes.filter(([name]) => name !== "page tables")).toEqual([
    ["code guest", 1],
    ["code guest .data", 1],
  ]);
  expect(image.programs[0]!.sections.map(({ name, size }) => [name, size])).toEqual([
    [".bss", 0x10_0000],
    [".data", 0x2008],
  ]);
});

test("what lies in an alias lies in the memory that it shows", async () => {
  const image = await layout({
    mode: "real16",
    memory: {
      rom: { kind: "rom", at: 0xf_0000, size: "64KiB" },
      low: { kind: "alias", of: "rom", at: 0x1000, offset: 0xf000, size: "4KiB" },
    },
    place: { guest: { code: code16().hlt(), in: "low", offset: 0xff0 } },
  }).build();
  expect(image.chunks.map(({ name, at }) => [name, at])).toEqual([["code guest", 0xf_fff0n]]);
  expect(image.cpu.regs.rip).toBe(0x1ff0n);
});

describeKvm("a guest", () => {
  const exitsOf = async (image: Image): Promise<readonly Partial<Exit>[]> => {
    using machine = await boot(image);
    return [...machine.run({ timeout: "5s" })];
  };

  test("reads its ROM, and its writes there exit; both addresses of shared memory show the same", async () => {
    const image = await layout({
      mode: "real16",
      memory: {
        ram: { at: 0x0, size: "8KiB" },
        rom: { kind: "rom", at: 0x4000, size: "4KiB" },
        again: { kind: "alias", of: "ram", at: 0x6000, offset: 0x1000 },
        device: { kind: "mmio", at: 0x8000, size: "4KiB" },
        hole: { kind: "reserved", at: 0x9000, size: "4KiB" },
      },
      place: {
        guest: {
          code: code16()
            .mov(al, byte(ds, "place.table.letter"))
            .mov(byte("memory.again"), al)
            .mov(al, byte("memory.ram", 0x1000))
            .mov(byte("memory.rom", 0x123), al)
            .mov(byte("memory.device", 4), al)
            .mov(byte("memory.hole"), al)
            .hlt(),
          in: "ram",
        },
        table: { code: code16().label("letter").ascii("R"), in: "rom", offset: 0x10 },
      },
      entry: "guest",
    }).build();
    expect(await exitsOf(image)).toEqual([
      ...[0x4123n, 0x8004n, 0x9000n].map((address) => ({
        ...{ kind: "mmio-write", address, size: 1, data: Uint8Array.of("R".charCodeAt(0)) },
      })),
      { kind: "hlt" },
    ]);
  });

  test("finds the map of its memory where the description puts it, and how many ranges that has", async () => {
    const image = await layout({
      mode: "long64",
      memory: {
        ram: { at: 0x0, size: "64KiB" },
        bios: { kind: "rom", at: 0xf_0000, size: "64KiB" },
        apic: { kind: "mmio", at: 0xfee0_0000, size: "4KiB" },
        hole: { kind: "reserved", at: 0x2_0000, size: "4KiB" },
        more: { at: "1MiB", size: "1MiB" },
      },
      paging: {
        map: {
          text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
          tables: { virt: 0x50_0000, size: "4KiB", access: "rw" },
        },
      },
      e820: { in: "tables" },
      place: { guest: { code: guestThatAdds(), in: "text" } },
    }).build();
    using machine = await boot(image);
    expect([...machine.run({ timeout: "5s" })].map(({ kind }) => kind)).toEqual(["hlt"]);
    // The guest added up what is usable: 64 KiB and 1 MiB.
    expect(machine.registers().rax).toBe(0x11_0000n);
    const { at, entries } = image.e820!;
    const table = machine.readMemory(at, entries.length * 20);
    const view = new DataView(table.buffer, table.byteOffset);
    const read = entries.map((_, i) => [0, 8].map((from) => view.getBigUint64(i * 20 + from, true)));
    expect(read).toEqual([
      [0n, 0x1_0000n],
      [0x2_0000n, 0x1000n],
      [0xf_0000n, 0x1_0000n],
      [0x10_0000n, 0x10_0000n],
    ]);
    expect(entries.map((_, i) => view.getUint32(i * 20 + 16, true))).toEqual([1, 2, 2, 1]);
  });
});

/** Adds up the sizes of all usable ranges of the E820 map. */
function guestThatAdds(): AnyCode {
  return code64().asm(`
    xor eax, eax
    mov ebx, offset e820
    mov ecx, offset e820.entries
  next:
    cmp dword ptr [rbx + 16], 1
    jne skip
    add rax, [rbx + 8]
  skip:
    add rbx, 20
    dec ecx
    jnz next
    hlt
  `);
}
