/** The image: the same every time, plain data, and what its description says. */
import { code64, encodeDescriptor, imageAddressSpace, imageToText, layout, type Image } from "guestwright";
import { lint } from "guestwright/paging";
import { describe, expect, test } from "vitest";
import { image as longMode } from "../../examples/long-mode.ts";
import { image as swapgs } from "../../examples/msr-swapgs.ts";
import { image as realMode } from "../../examples/real-mode.ts";
import { edit, gone, longGuest, protectedGuest, realGuest, type Loose } from "./descriptions.ts";

const build = (description: Loose): Promise<Image> => layout(description).build();

function chunk(image: Image, name: string): Uint8Array {
  return image.chunks.find((each) => each.name === name)!.bytes;
}

describe("an image is the same every time", () => {
  test.each([longGuest, protectedGuest, realGuest])("%o", async (describeGuest) => {
    const description = describeGuest();
    const guest = layout(description);
    const [first, second, other] = await Promise.all([guest.build(), guest.build(), build(describeGuest())]);
    expect(second).toEqual(first);
    expect(other.chunks).toEqual(first.chunks);
    expect(other.cpu).toEqual(first.cpu);
    expect(imageToText(other)).toBe(imageToText(first));
  });

  test("and building it does not change its description", async () => {
    const description = edit(longGuest(), { "paging.map.text.cache": { pat: 1 }, stack: "stack" });
    const { code } = description.place.guest;
    const before = structuredClone({ ...description, place: gone.description });
    const image = await build(description);
    expect({ ...description, place: gone.description }).toEqual(before);
    expect(description.place.guest.code).toBe(code);
    description.paging.map.text.cache.pat = 2;
    expect(image.paging!.mappings[0]!.cache).toEqual({ pat: 1 });
  });

  test("the order in which memory and programs are described does not matter to memory", async () => {
    const one = { code: code64().u8(1), in: "text", offset: 16 };
    const two = { code: code64().hlt(), in: "text" };
    const a = await build(edit(longGuest(), { place: { one, two }, entry: "two" }));
    const b = await build(edit(longGuest(), { place: { two, one }, entry: "two" }));
    expect(a.chunks).toEqual(b.chunks);
    expect(a.chunks.map(({ name }) => name)).toEqual(["page tables", "code two", "code one"]);
  });
});

test.each([longMode, swapgs, realMode])(
  "an image is plain data: it can be cloned, and goes to JSON and back",
  (image) => {
    expect(structuredClone(image)).toEqual(image);
    const text = JSON.stringify(image, (_, value: unknown) =>
      typeof value === "bigint"
        ? { $bigint: `${value}` }
        : value instanceof Uint8Array
          ? { $bytes: [...value] }
          : value,
    );
    const back: unknown = JSON.parse(text, (_, value: Loose) => {
      if (value?.$bigint !== undefined) return BigInt(value.$bigint);
      return value?.$bytes === undefined ? value : Uint8Array.from(value.$bytes);
    });
    // Keys without a value are lost on the way.
    expect(back).toEqual(image);
  },
);

describe("the long-mode example", () => {
  test("has the page tables of the guest that it was made after, and nothing else in them", () => {
    const entries = new BigUint64Array(chunk(longMode, "page tables").slice().buffer);
    const used = [...entries.entries()].flatMap(([i, entry]) => (entry === 0n ? [] : [[i * 8, entry]]));
    expect(used).toEqual([
      [0x0000, 0x1003n],
      [0x1000, 0x2003n],
      [0x2000, 0x3003n],
      [0x3000, 0x4001n],
      [0x3008, 0x5003n],
      [0x3010, 0x6003n],
      [0x3018, 0x7003n],
      [0x3020, 0x8003n],
    ]);
    expect(entries).toHaveLength((4 * 4096) / 8);
    expect(longMode.cpu.cr3).toBe(0n);
  });

  test("starts with write protection off, and sets no bit that it does not need", () => {
    expect(longMode.cpu).toMatchObject({ cr0: 0x8000_0001n, cr2: 0n, cr4: 0x20n, cr8: 0n, efer: 0x500n });
    expect(longMode.cpu.regs).toMatchObject({ rip: 0n, rflags: 2n, rsp: 0n });
  });

  test("has its memory, its tables and its code where it says", () => {
    expect(longMode.memory).toEqual([{ name: "ram", kind: "ram", at: 0n, size: 0x8000n }]);
    expect(longMode.chunks.map(({ name, at }) => [name, at])).toEqual([
      ["page tables", 0x0n],
      ["code guest", 0x4000n],
    ]);
    expect(longMode.programs[0]).toMatchObject({ name: "guest", mode: 64, origin: 0n, phys: 0x4000n, size: 132 });
    expect(longMode.programs[0]!.labels).toEqual({ msg: 0x64n, msg_len: 0x7bn, in_dest: 0x83n });
  });
});

describe("EFER.NXE", () => {
  const efer = async (changes: Readonly<Record<string, unknown>>): Promise<bigint> =>
    (await build(edit(longGuest(), changes))).cpu.efer;

  test("is set exactly where some mapping lacks x: bit 63 of an entry is reserved without it (SDM vol. 3A, 4.6.1)", async () => {
    expect(await efer({})).toBe(0x500n);
    expect(await efer({ "paging.map.stack.access": "rw" })).toBe(0xd00n);
    expect(await efer({ "paging.map.stack.access": "r" })).toBe(0xd00n);
  });

  test("may be given beyond need", async () => {
    expect(await efer({ "cpu.efer": 0xd01 })).toBe(0xd01n);
  });
});

test("CR4.PGE is set exactly where some mapping is global (SDM vol. 3A, 4.10.2.4)", async () => {
  expect((await build(longGuest())).cpu.cr4).toBe(0x20n);
  expect((await build(edit(longGuest(), { "paging.map.text.global": true }))).cpu.cr4).toBe(0xa0n);
});

describe("a GDT in memory", () => {
  const segments = {
    code: { type: "code", bits: 64 },
    data: { type: "data" },
    window: { type: "data", base: 0x12_3456, limit: 0xfff, dpl: 3, available: true },
  };

  test("is the null descriptor and then the segments, in their order", async () => {
    const image = await build(edit(longGuest(), { gdt: { at: 0x6800, segments } }));
    expect(chunk(image, "gdt")).toEqual(
      Uint8Array.of(
        ...[0, 0, 0, 0, 0, 0, 0, 0],
        ...[0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xaf, 0x00],
        ...[0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00],
        ...[0xff, 0x0f, 0x56, 0x34, 0x12, 0xf3, 0x50, 0x00],
      ),
    );
    expect(image.cpu.gdt).toEqual({ base: 0x1800n, limit: 0x1f });
    expect(image.gdt!.entries.map(({ name, selector }) => [name, selector])).toEqual([
      ["code", 0x08],
      ["data", 0x10],
      ["window", 0x1b],
    ]);
  });

  test("may go on from one mapping to the next", async () => {
    const more = { virt: 0x2000, phys: 0x7000, size: "4KiB", access: "rw" };
    const image = await build(edit(longGuest(), { gdt: { at: 0x6ff0, segments }, "paging.map.more": more }));
    expect(image.cpu.gdt).toEqual({ base: 0x1ff0n, limit: 0x1f });
  });

  test("is where no table is in memory, at 0 with no entry", async () => {
    expect((await build(longGuest())).cpu.gdt).toEqual({ base: 0n, limit: 0 });
  });
});

describe("segment registers", () => {
  test("hold the first segment that is for them, accessed as after a load", async () => {
    const image = await build(
      edit(longGuest(), {
        "gdt.segments": {
          old: { type: "code", bits: 32 },
          absent: { type: "code", bits: 64, present: false },
          code: { type: "code", bits: 64, accessed: false },
          fixed: { type: "data", writable: false },
          data: { type: "data", accessed: false },
        },
      }),
    );
    const { cs, ds, ss, tr, ldt } = image.cpu.segments;
    expect([cs.selector, ds.selector, ss.selector]).toEqual([0x18, 0x20, 0x28]);
    expect([cs.type, ds.type, ss.type]).toEqual([11, 1, 3]);
    // The table itself says what was described.
    expect(image.gdt!.entries.map(({ descriptor }) => encodeDescriptor(descriptor)[5]! & 0xf)).toEqual([
      11, 11, 10, 1, 2,
    ]);
    expect(tr).toMatchObject({ type: 11, present: 1, s: 0, unusable: 0, limit: 0x67 });
    expect(ldt).toMatchObject({ unusable: 1 });
  });

  test("may be null in 64-bit code, but for CS", async () => {
    const image = await build(edit(longGuest(), { "gdt.segments": { code: { type: "code", bits: 64 } } }));
    const { cs, ds, ss } = image.cpu.segments;
    expect([cs.unusable, ds.unusable, ss.unusable]).toEqual([0, 1, 1]);
  });

  test("begin at sixteen times their value in real mode (SDM vol. 3B, 21.1.1)", async () => {
    const image = await build(
      edit(realGuest(), {
        "cpu.segments": { cs: 0x100, ds: 0xffff, ss: 0x100 },
        "place.guest.offset": 0x1234,
        stack: "ram",
        "memory.ram.size": "8KiB",
      }),
    );
    expect(image.cpu.segments.cs).toMatchObject({ base: 0x1000n, selector: 0x100, limit: 0xffff, type: 11 });
    expect(image.cpu.segments.ds).toMatchObject({ base: 0xf_fff0n, selector: 0xffff, limit: 0xffff, type: 3 });
    expect(image.cpu.segments.es).toMatchObject({ base: 0n, selector: 0 });
    expect(image.cpu.regs).toMatchObject({ rip: 0x234n, rsp: 0x1000n });
    expect(image.programs[0]).toMatchObject({ origin: 0x234n, phys: 0x1234n });
  });
});

describe("the stack pointer", () => {
  const rsp = async (description: Loose): Promise<bigint> => (await build(description)).cpu.regs.rsp;

  test("is the end of the stack, as an offset into SS", async () => {
    expect(await rsp(edit(longGuest(), { stack: "stack" }))).toBe(0x2000n);
    expect(await rsp(edit(protectedGuest(), { stack: "ram" }))).toBe(0x2_0000n);
    expect(await rsp(edit(realGuest(), { stack: "ram", "cpu.segments.ss": 0x1800 }))).toBe(0x8000n);
  });

  test("is 0 where SS ends with the stack: the first push goes to 0xfffe", async () => {
    expect(await rsp(edit(realGuest(), { stack: "ram", "cpu.segments.ss": 0x1000 }))).toBe(0n);
    expect(await rsp(edit(realGuest(), { stack: "ram", "memory.ram.size": "64KiB" }))).toBe(0n);
  });

  test("may be given, and then lies where it is given", async () => {
    expect(await rsp(edit(longGuest(), { "cpu.rsp": 0xdead_0000 }))).toBe(0xdead_0000n);
  });
});

describe("warnings", () => {
  const warnings = async (description: Loose) => (await build(description)).warnings;

  test("name what is writable and executable", async () => {
    expect(await warnings(longGuest())).toEqual([
      {
        code: "WRITABLE_AND_EXECUTABLE",
        message: "paging.map.stack is writable and executable: the guest can run what it writes",
      },
    ]);
  });

  test("do not speak of what has no memory, nor where there is no paging", async () => {
    const hole = { virt: 0x8000, phys: 0x8000, size: "4KiB", access: "rwx", backing: "none" };
    expect(await warnings(edit(longGuest(), { "paging.map.stack.access": "rw", "paging.map.hole": hole }))).toEqual([]);
    expect(await warnings(protectedGuest())).toEqual([]);
  });

  test.each([
    [
      "user mode in the upper half",
      {
        "memory.ram.size": "64KiB",
        "paging.tables": 0x8000,
        "paging.map.high": { virt: 0xffff_8000_0000_0000n, phys: 0x7000, size: "4KiB", access: "r", user: true },
      },
      "USER_IN_UPPER_HALF",
      "paging.map.high is open to user mode in the upper half of the addresses, which is the kernel's by custom",
    ],
    [
      "one page under two memory types",
      { "paging.map.again": { virt: 0x9000, phys: 0x6000, size: "4KiB", access: "rw", cache: { pcd: true } } },
      "CACHE_ALIAS",
      "paging.map.stack and paging.map.again are the same memory at physical 0x6000 under two memory types",
    ],
    [
      "wide addresses and large pages",
      {
        "paging.map.wide": {
          ...{ virt: 1n << 40n, phys: 1n << 36n, size: "1GiB", access: "r" },
          ...{ pageSize: "1GiB", backing: "none" },
        },
      },
      "WIDE_ADDRESS",
      "paging.map.wide goes past physical addresses of 36 bits, the least that CPUs have",
    ],
  ])("say of %s what is wrong with it", async (_, changes, code, message) => {
    const found = await warnings(edit(longGuest(), { "paging.map.stack.access": "rw", ...changes }));
    expect(found).toContainEqual({ code, message });
    const pages = found.filter((each: { code: string }) => each.code === "GIGABYTE_PAGE");
    expect(pages).toEqual(
      code === "WIDE_ADDRESS"
        ? [
            {
              code: "GIGABYTE_PAGE",
              message: "paging has pages of 1 GiB, which not every CPU has (CPUID.80000001H:EDX.Page1GB)",
            },
          ]
        : [],
    );
    // The lint of the page tables has the same words, behind another name for the same mapping.
    const { cpu, ...space } = imageAddressSpace(
      await build(edit(longGuest(), { "paging.map.stack.access": "rw", ...changes })),
    );
    const words = lint({ ...space, cpu }).map(({ message }) =>
      message.replaceAll(/"(\w+)" 0x\w+ to 0x\w+/g, "paging.map.$1"),
    );
    expect(words).toContain(message);
  });
});
