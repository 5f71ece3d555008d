/** Where things lie that the description gives no address: never over each other, nor over what has one. */
import {
  boot,
  code16,
  code32,
  code64,
  eax,
  layout,
  offset,
  type GuestDescription,
  type Image,
  type LayoutError,
} from "guestwright";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { edit, longGuest, protectedGuest, testFailures, type Loose } from "./descriptions.ts";

const flat = { code: { type: "code", bits: 32 }, data: { type: "data" } };

const build = (description: Loose): Promise<Image> => layout(description as GuestDescription).build();

/** What lies where, from the lowest address on. */
function contentOf({ chunks, stacks }: Image): readonly string[] {
  return [
    ...chunks.map(({ name, at, bytes }) => ({ name, at, size: BigInt(bytes.length) })),
    ...stacks.map(({ name, phys, size }) => ({ name: `stacks.${name}`, at: phys, size })),
  ]
    .toSorted((a, b) => Number(a.at - b.at))
    .map(({ name, at, size }) => `${name} ${at.toString(16)}+${size.toString(16)}`);
}

describe("without paging", () => {
  const small = (changes: Readonly<Record<string, unknown>>): Loose =>
    edit(protectedGuest(), { "memory.ram.size": "64KiB", ...changes });

  test("tables go to the end of their region, and the stack below them", async () => {
    const image = await build(
      small({
        "stacks.main": { size: "4KiB" },
        gdt: { in: "ram", segments: flat },
        idt: { in: "ram", vectors: { "#UD": "place.guest" } },
      }),
    );
    expect(contentOf(image)).toEqual(["code guest 0+1", "stacks.main e000+1000", "idt ffa0+38", "gdt ffe0+18"]);
  });

  test("stacks keep off every table that has an address", async () => {
    const image = await build(
      small({
        "stacks.main": { size: "4KiB" },
        "stacks.other": { size: "4KiB" },
        stack: "main",
        gdt: {
          ...{ in: "ram", offset: 0xf000 },
          segments: {
            ...flat,
            task: { type: "tss", at: 0xe000 },
            local: { type: "ldt", at: 0xc000, segments: { data: { type: "data" } } },
          },
        },
      }),
    );
    expect(contentOf(image)).toEqual([
      "code guest 0+1",
      "stacks.other b000+1000",
      "ldt local c000+8",
      "stacks.main d000+1000",
      "tss task e000+68",
      "gdt f000+28",
    ]);
  });

  test("tables keep off a stack and a table at the end of their region", async () => {
    const image = await build(
      small({
        "stacks.main": { size: "4KiB", phys: 0xf000 },
        gdt: { at: 0xefe8, segments: flat },
        idt: { in: "ram", vectors: { "#DE": "place.guest" } },
      }),
    );
    expect(contentOf(image)).toEqual(["code guest 0+1", "idt efe0+8", "gdt efe8+18", "stacks.main f000+1000"]);
  });

  test("stacks and tables make room for programs, however long", async () => {
    const image = await build(
      small({
        "place.guest.code": code32().hlt().bytes(new Uint8Array(0x800).fill(0x90)),
        "place.guest.offset": 0xe800,
        "stacks.main": { size: "4KiB" },
        gdt: { in: "ram", segments: flat },
        e820: { in: "ram" },
      }),
    );
    expect(contentOf(image)).toEqual(["stacks.main d000+1000", "code guest e800+801", "e820 ffc0+14", "gdt ffe0+18"]);
  });

  test("in a region that is not all free, what must lie there goes first", async () => {
    const description = small({
      "memory.more": { at: 0x1_0000, size: "4KiB" },
      stacks: { any: { size: "4KiB" }, one: { size: "4KiB", in: "more" } },
      stack: "one",
    });
    const { stacks } = await build(description);
    expect(stacks.map(({ name, phys }) => [name, phys])).toEqual([
      ["any", 0xf000n],
      ["one", 0x1_0000n],
    ]);
  });

  testFailures("LayoutError", [
    [
      "a stack for which programs and tables leave no room",
      small({
        "place.guest.code": code32().hlt().bytes(new Uint8Array(0xf000).fill(0x90)),
        "stacks.main": { size: "4KiB" },
        gdt: { in: "ram", segments: flat },
      }),
      "stacks.main: no 4KiB of RAM are free\n  hint: nothing is free: make memory.ram larger, or stacks.main.size smaller",
      "DOES_NOT_FIT",
      0x1000n,
    ],
    [
      "a stack where there is only ROM",
      { ...small({ "memory.ram": { kind: "rom", at: 0x0, size: "8KiB" } }), stacks: { main: { size: "4KiB" } } },
      "stacks.main: no 4KiB of RAM are free\n  hint: memory has no RAM: add a region of it",
      "DOES_NOT_FIT",
      0x1000n,
    ],
    [
      "a table for which a stack leaves no room",
      small({
        "memory.ram.size": "8KiB",
        "stacks.main": { size: "8KiB", phys: 0 },
        "memory.more": { size: "4KiB" },
        "place.guest.in": "more",
        gdt: { in: "ram", segments: flat },
      }),
      "gdt: 24 bytes do not fit ram, where 0B are left\n  hint: make ram larger",
      "DOES_NOT_FIT",
      24n,
    ],
    [
      "a stack whose address is that of a program, with room for none of them elsewhere",
      small({
        "memory.ram.size": "4KiB",
        "stacks.main": { size: "4KiB", phys: 0 },
      }),
      "code guest and stacks.main overlap: 0x0..0x0 and 0x0..0xfff\n  hint: neither stacks.main.phys nor place.guest.offset can lead to free memory: make the memory larger",
      "OVERLAP",
      ["code guest", "stacks.main"],
    ],
    [
      "a stack whose address is that of a table: the program has taken what is below",
      small({
        "memory.ram.size": "12KiB",
        "place.guest.code": code32().hlt().bytes(new Uint8Array(0x1000).fill(0x90)),
        "stacks.main": { size: "4KiB", phys: 0x2000 },
        gdt: { at: 0x2800, segments: flat },
      }),
      "stacks.main and gdt overlap: 0x2000..0x2fff and 0x2800..0x2817\n  hint: set gdt.at to 0x1010, which is free; stacks.main.phys cannot lead to free memory",
      "OVERLAP",
      ["stacks.main", "gdt"],
    ],
    [
      "a program beyond which CS reaches nothing",
      {
        mode: "real16",
        memory: { ram: { at: 0x0, size: "128KiB" } },
        place: {
          guest: { code: code16().hlt().bytes(new Uint8Array(0xfff0).fill(0x90)), in: "ram" },
          other: { code: code16().hlt(), in: "ram", offset: 0xff00 },
        },
        entry: "guest",
      },
      "code guest and code other overlap: 0x0..0xfff0 and 0xff00..0xff00\n  hint: neither place.other.offset nor place.guest.offset can lead to free memory: make the memory larger",
      "OVERLAP",
      ["code guest", "code other"],
    ],
  ]);
});

describe("with paging", () => {
  const whole = (changes: Readonly<Record<string, unknown>>): Loose => ({
    ...edit(longGuest(), {
      "memory.ram.size": "64KiB",
      paging: { map: { all: { virt: 0x0, phys: 0x0, size: "64KiB", access: "rwx" } } },
      "place.guest.in": "all",
      ...changes,
    }),
  });
  const flat64 = { code: { type: "code", bits: 64 }, data: { type: "data" } };

  test("page tables in memory that is mapped keep off tables and programs", async () => {
    const image = await build(
      whole({
        gdt: { in: "all", segments: { ...flat64, task: { type: "tss", at: 0xd000 } } },
        "place.guest.offset": 0x8000,
        "place.guest.code": code64().hlt().bytes(new Uint8Array(0x1800).fill(0x90)),
      }),
    );
    expect(contentOf(image)).toEqual([
      "page tables 4000+4000",
      "code guest 8000+1801",
      "tss task d000+68",
      "gdt ffd0+28",
    ]);
  });

  test("tables keep off page tables that have an address", async () => {
    const image = await build(whole({ "paging.tables": 0xc000, gdt: { in: "all", segments: flat64 } }));
    expect(contentOf(image)).toEqual(["code guest 0+1", "gdt bfe0+18", "page tables c000+4000"]);
  });

  testFailures("LayoutError", [
    [
      "page tables whose address is that of a program, in a page of its own",
      whole({
        paging: {
          tables: 0x1000,
          map: { text: { virt: 0x0, phys: 0x2000, size: "8KiB", access: "rx" } },
        },
        "place.guest.in": "text",
      }),
      "page tables and code guest overlap: 0x1000..0x4fff and 0x2000..0x2000\n  hint: set paging.tables to 0x4000, which is free; place.guest.offset cannot lead to free memory",
      "OVERLAP",
      ["page tables", "code guest"],
    ],
  ]);
});

/** Descriptions that give no address but the beginning of each program. */
const descriptions = fc
  .record({
    size: fc.constantFrom("32KiB", "64KiB"),
    more: fc.constantFrom("4KiB", "16KiB"),
    stacks: fc.array(
      fc.record({ size: fc.constantFrom("4KiB", "8KiB"), in: fc.constantFrom("ram", "more", undefined) }),
      {
        maxLength: 3,
      },
    ),
    tables: fc.array(fc.constantFrom("gdt", "idt", "e820", "task", "local"), { maxLength: 5 }),
    places: fc.array(fc.constantFrom("ram", "more"), { minLength: 6, maxLength: 6 }),
    length: fc.integer({ min: 0, max: 0x7000 }),
    at: fc.integer({ min: 0, max: 0x7000 }),
  })
  .map(({ size, more, stacks, tables, places, length, at }): Loose => {
    const [gdt, idt, e820, task, local, program] = places;
    const has = new Set(tables);
    return {
      mode: "protected32",
      memory: { ram: { at: 0x0, size }, more: { size: more } },
      stacks: Object.fromEntries(
        stacks.map((stack, i) => [`s${i}`, stack.in === undefined ? { size: stack.size } : stack]),
      ),
      ...(stacks.length === 0 ? {} : { stack: "s0" }),
      gdt: {
        in: gdt,
        segments: {
          ...flat,
          ...(has.has("task") ? { task: { type: "tss", in: task } } : {}),
          ...(has.has("local") ? { local: { type: "ldt", in: local, segments: { data: { type: "data" } } } } : {}),
        },
      },
      ...(has.has("idt") ? { idt: { in: idt, stubs: { in: idt }, vectors: { "#PF": "place.guest" } } } : {}),
      ...(has.has("e820") ? { e820: { in: e820 } } : {}),
      place: { guest: { code: code32().hlt().bytes(new Uint8Array(length).fill(0x90)), in: program, offset: at } },
    };
  });

test("nothing that has no address is ever found over anything else", async () => {
  await fc.assert(
    fc.asyncProperty(descriptions, async (description) => {
      let image: Image;
      try {
        image = await build(description);
      } catch (error) {
        expect(error).toMatchObject({ code: "DOES_NOT_FIT" });
        return;
      }
      const extents = [
        ...image.chunks.map(({ name, at, bytes }) => ({ name, at, end: at + BigInt(bytes.length) })),
        ...image.stacks.map(({ name, phys, size }) => ({ name, at: phys, end: phys + size })),
      ].toSorted((a, b) => Number(a.at - b.at));
      for (const [i, { name, at }] of extents.entries()) {
        const before = extents[i - 1];
        if (before !== undefined) expect(at, `${name} behind ${before.name}`).toBeGreaterThanOrEqual(before.end);
      }
    }),
    { numRuns: 60 },
  );
});

test("what the hint about an overlap says is free, and overlaps nothing", async () => {
  const pages = fc.integer({ min: 0, max: 7 });
  const bytes = fc.integer({ min: 0, max: 0x7fe0 });
  await fc.assert(
    fc.asyncProperty(pages, bytes, bytes, fc.integer({ min: 0, max: 0x3000 }), async (page, gdt, start, length) => {
      const description: Loose = {
        mode: "protected32",
        memory: { ram: { at: 0x0, size: "32KiB" } },
        stacks: { main: { size: "4KiB", phys: page * 0x1000 } },
        gdt: { at: gdt, segments: flat },
        place: { guest: { code: code32().hlt().bytes(new Uint8Array(length).fill(0x90)), in: "ram", offset: start } },
      };
      const failure = async (): Promise<Partial<LayoutError>> =>
        build(description).then(
          () => ({}),
          (error: LayoutError) => error,
        );
      const { code, hint = "" } = await failure();
      if (code !== "OVERLAP") return;
      const [, key, value] = /^set ([\w.]+) to (0x[\da-f]+)/.exec(hint) ?? [];
      if (key === undefined) expect(hint).toMatch(/^neither [\w.]+ nor [\w.]+ can lead to free memory/);
      else {
        edit(description, { [key]: Number(value) });
        const moved = { "stacks.main.phys": "stacks.main", "gdt.at": "gdt", "place.guest.offset": "code guest" }[key]!;
        const { code: again, value: pair } = await failure();
        expect([undefined, "OVERLAP"]).toContain(again);
        if (again === "OVERLAP") expect(pair).not.toContain(moved);
      }
    }),
    { numRuns: 100 },
  );
});

describeKvm("a guest whose stack and tables share a region", () => {
  test("pushes, loads its segments again, and takes an interrupt", async () => {
    const image = await layout({
      mode: "protected32",
      memory: { ram: { size: "64KiB" } },
      stacks: { main: { size: "4KiB" } },
      gdt: { in: "ram", segments: { code: { type: "code", bits: 32 }, data: { type: "data" } } },
      idt: { in: "ram", vectors: { "#UD": "place.guest.invalid" } },
      place: {
        guest: {
          code: code32()
            .mov(eax, offset("stacks.main.size"))
            .shr(eax, 2)
            .sub(eax, 8)
            .label("again")
            .push(eax)
            .dec(eax)
            .jnz("again")
            .push(offset("gdt.segments.data"))
            .asm("pop ds")
            .ud2()
            .hlt()
            .label("invalid")
            .out(0x10, eax)
            .hlt(),
          in: "ram",
        },
      },
    }).build();
    using machine = await boot(image);
    expect([...machine.run()].map(({ kind }) => kind)).toEqual(["io-out", "hlt"]);
  });
});
