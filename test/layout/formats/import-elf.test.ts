/** ELF files from elsewhere: those of GNU's linker, and hostile ones. */
import fc from "fast-check";
import {
  boot,
  code32,
  imageFromElf,
  imageFromJson,
  imageToBytes,
  imageToFile,
  imageToJson,
  layout,
  LayoutError,
  type ElfImportOptions,
  type Image,
} from "guestwright";
import { ranges } from "guestwright/paging";
import { describe, expect, test } from "vitest";
import { imageAddressSpace } from "../../../src/layout/image/address-space.ts";
import { describeKvm } from "../../kvm/require-kvm.ts";
import { longImage } from "../image/guests.ts";
import { longGuest, plainGuest } from "./guests.ts";
import { ask, compile, missingTool, withFiles } from "./tools.ts";

/** Prints through port 0xe9 what it has counted in memory that the file does not hold. */
const source = `
  static volatile int zeros[2000];
  static const char text[] = "counted ";
  int base = 40;
  static void put(char character) { asm volatile("outb %0, $0xe9" : : "a"(character)); }
  int count(void) {
    int sum = base;
    for (int i = 0; i < 2000; i++) sum += zeros[i] == 0 ? 0 : 1000;
    return sum + 2;
  }
  void _start(void) {
    for (const char *at = text; *at; at++) put(*at);
    int sum = count();
    put('0' + sum / 10);
    put('0' + sum % 10);
    for (;;) asm volatile("hlt");
  }`;

const noCompiler = missingTool("gcc", "nm", "readelf");

/** What a guest says on KVM until it halts. */
async function say(image: Image): Promise<string> {
  using machine = await boot(image);
  let text = "";
  for (const exit of machine.run({ timeout: "10s" })) {
    if (exit.kind === "hlt") return text;
    if (exit.kind !== "io-out") throw new Error(`the guest caused ${exit.kind} after it had said ${text}`);
    text += String.fromCharCode(...exit.data);
  }
  throw new Error(`the guest did not halt after it had said ${text}`);
}

const compiled = {
  "64-bit": ["-m64", "-mno-red-zone", "-mgeneral-regs-only", "-Wl,-Ttext=0x400000"],
  "64-bit in the upper half": [
    ...["-m64", "-mno-red-zone", "-mgeneral-regs-only", "-mcmodel=kernel"],
    "-Wl,-Ttext=0xffffffff80100000",
  ],
  "32-bit": ["-m32", "-mgeneral-regs-only", "-Wl,-Ttext=0x200000"],
} as const;

describe.skipIf(noCompiler !== undefined)("an ELF file of GNU's linker", () => {
  test("has its segments, symbols and rights", async () => {
    const bytes = compile(source, ...compiled["64-bit"]);
    const image = await imageFromElf(bytes);
    expect(image.mode).toBe("long64");
    const [program] = image.programs;
    const symbols = withFiles({ elf: bytes }, (pathOf) => ask("nm", pathOf("elf")))
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([value, , name]) => [name, BigInt(`0x${value}`)] as const);
    expect(new Map(Object.entries(program!.labels))).toEqual(new Map(symbols));
    expect(image.cpu.regs.rip).toBe(program!.labels["_start"]);
    const other = new Map(symbols).get("count");
    expect((await imageFromElf(bytes, { entry: "count" })).cpu.regs.rip).toBe(other);
    expect((await imageFromElf(bytes, { entry: other! })).cpu.regs.rip).toBe(other);
    const { ranges: mapped } = ranges(imageAddressSpace(image));
    const accessTo = (label: string): string | undefined => {
      const at = program!.labels[label]!;
      return mapped.find(({ virt, size }) => virt <= at && at < virt + size)?.access;
    };
    expect(["_start", "base", "zeros"].map(accessTo)).toEqual(["rx", "rw", "rw"]);
  });

  describeKvm("runs on KVM", () => {
    test.each(Object.entries(compiled))("%s", async (name, options) => {
      // The linker's script gives no physical addresses: a loader in the upper half would need some.
      const isHigh = name.includes("upper half");
      const bytes = isHigh
        ? withPhysical(compile(source, ...options), 0xffff_ffff_8000_0000n)
        : compile(source, ...options);
      expect(await say(await imageFromElf(bytes))).toBe("counted 42");
    });
  });
});

/** A file of 64 bits whose segments lie at physical addresses that are the virtual ones less an offset. */
function withPhysical(bytes: Uint8Array, offset: bigint): Uint8Array {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  const count = view.getUint16(56, true);
  for (let i = 0, at = 64; i < count; i++, at += 56) {
    view.setBigUint64(at + 24, BigInt.asUintN(64, view.getBigUint64(at + 16, true) - offset), true);
  }
  return changed;
}

const long = (await imageToFile(await longGuest(0x100_0000n), "elf64")).bytes;
const plain = (await imageToFile(await plainGuest(), "elf32")).bytes;
const manySymbols = (await imageToFile(await labelledGuest(), "elf32")).bytes;
const several = (await imageToFile(await longImage(), "elf64")).bytes;

/** A guest of ten labels. */
async function labelledGuest(): Promise<Image> {
  return await layout({
    mode: "protected32",
    memory: { ram: { at: 0x10_0000, size: "4KiB" } },
    place: { guest: { code: code32().asm("l0: l1: l2: l3: l4: l5: l6: l7: l8: l9: hlt"), in: "ram" } },
  }).build();
}

/** A file with other bytes in some places, as little-endian numbers of a size. */
function edit(
  bytes: Uint8Array,
  ...edits: readonly (readonly [at: number, size: 1 | 2 | 4 | 8, value: bigint])[]
): Uint8Array {
  const changed = bytes.slice();
  for (const [at, size, value] of edits) {
    for (let i = 0; i < size; i++) changed[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return changed;
}

/** Offsets of fields in files of 64 bits: those of the header, and of the first program header. */
const field = {
  type: 16,
  machine: 18,
  entry: 24,
  phoff: 32,
  shoff: 40,
  phentsize: 54,
  phnum: 56,
  shentsize: 58,
} as const;
const first = { type: 64, flags: 68, offset: 72, vaddr: 80, paddr: 88, filesz: 96, memsz: 104 } as const;
const second = Object.fromEntries(Object.entries(first).map(([name, at]) => [name, at + 56])) as Record<
  keyof typeof first,
  number
>;

const sectionsAt = Number(new DataView(several.buffer).getBigUint64(field.shoff, true));
const sectionCount = new DataView(several.buffer).getUint16(60, true);
/** The header of the symbol table, which is the third from the end. */
const symbolTable = sectionsAt + (sectionCount - 3) * 64;

type Refused = readonly [name: string, bytes: Uint8Array, message: string, options?: ElfImportOptions];

const refused: readonly Refused[] = [
  ["nothing", new Uint8Array(), "the file does not begin with 7f 45 4c 46, as ELF files do"],
  ["no bytes", "elf" as unknown as Uint8Array, 'an ELF file is bytes, got "elf"'],
  [
    "another format",
    Uint8Array.from({ length: 64 }, () => 0x4d),
    "the file does not begin with 7f 45 4c 46, as ELF files do",
  ],
  [
    "a class that there is not",
    edit(long, [4, 1, 3n]),
    "the file's class is 3, and ELF has 1 (32 bits) and 2 (64 bits)",
  ],
  ["big-endian", edit(long, [5, 1, 2n]), "the file's byte order is 2, and x86 has 1, little-endian"],
  ["another version", edit(long, [6, 1, 9n]), "the file's version is 9, and ELF has 1"],
  ["a header cut off", long.slice(0, 60), "the file header would be at 0x0..0x3f, and the file has 0x3c bytes"],
  [
    "another machine",
    edit(long, [field.machine, 2, 183n]),
    "e_machine is 183, and x86 has EM_X86_64 (62) in files of 64 bits",
  ],
  ["x32", edit(plain, [field.machine, 2, 62n]), "e_machine is 62, and x86 has EM_386 (3) in files of 32 bits"],
  [
    "an object file",
    edit(long, [field.type, 2, 1n]),
    "e_type is 1, and a file whose addresses are final has ET_EXEC (2)\n  hint: link it without -r, -shared and -pie: -static -no-pie",
  ],
  [
    "a dynamic one",
    edit(several, [first.type, 4, 2n]),
    "the file is linked dynamically, and a guest has no dynamic linker\n  hint: link it with -static",
  ],
  [
    "too many segments",
    edit(long, [field.phnum, 2, 0xffffn]),
    "the file has 65535 program headers, and 256 are read at most",
  ],
  ["no segments", edit(long, [field.phnum, 2, 0n]), "the file has no segment to load"],
  [
    "program headers of another size",
    edit(long, [field.phentsize, 2, 32n]),
    "e_phentsize is 32, and files of 64 bits have 56",
  ],
  [
    "program headers past the end",
    edit(several, [field.phoff, 8, 0xffff_ffff_ffff_ff00n]),
    `the program headers would be at 0xffffffffffffff00..0x10000000000000017, and the file has 0x${several.length.toString(16)} bytes`,
  ],
  [
    "more in the file than in memory",
    edit(several, [first.memsz, 8, 1n]),
    "segment 0 has 0x5000 bytes in the file and 0x1 in memory",
  ],
  [
    "a segment past the end",
    edit(several, [first.offset, 8, 0x10_0000n]),
    `segment 0 would be at 0x100000..0x104fff, and the file has 0x${several.length.toString(16)} bytes`,
  ],
  [
    "a physical address that wraps",
    edit(several, [first.paddr, 8, 0xffff_ffff_ffff_f000n]),
    "segment 0 would end at physical 0x10000000000003fff, beyond the last address 0xfffffffffffff",
  ],
  [
    "a virtual address that wraps",
    edit(several, [first.vaddr, 8, 0xffff_ffff_ffff_f000n]),
    "segment 0 would end at virtual 0x10000000000003fff, beyond the last address 0xffffffffffffffff",
  ],
  [
    "two segments at one place",
    edit(several, [second.paddr, 8, 0x1000n]),
    "segment 0 and segment 1 overlap at physical 0x1000",
  ],
  [
    "two places at one virtual page",
    edit(several, [first.vaddr, 8, 0x40_1000n]),
    "segment-0 and segment-3 want different memory at virtual 0x401000",
  ],
  [
    "a virtual address that is not canonical",
    edit(several, [first.vaddr, 8, 0x8000_0000_1000n]),
    "segment-0 has virtual 0x800000001000..0x800000005fff, which 4-level paging cannot translate",
  ],
  [
    "a physical address that is not canonical",
    edit(several, [first.paddr, 8, 0x1_0000_0000_1000n]),
    "segment-0 has physical 0x1000000001000..0x1000000005fff, where memory cannot be mapped to itself",
  ],
  [
    "addresses that lie differently in their pages",
    edit(several, [first.vaddr, 8, 0x1008n]),
    "segment-0 has virtual 0x1008 and physical 0x1000: they lie differently in their pages",
  ],
  [
    "more memory than is allowed",
    edit(
      several,
      [first.memsz, 8, 1n << 40n],
      [first.paddr, 8, 0x10_0000n],
      [first.vaddr, 8, 0x10_0000n],
      [field.shoff, 8, 0n],
    ),
    "the guest takes 1073741836KiB of memory, and 1GiB are allowed\n  hint: raise memoryLimit (--memory-limit on the command line) if that is meant",
  ],
  [
    "a small limit",
    long,
    "the guest takes 36KiB of memory, and 4KiB are allowed\n  hint: raise memoryLimit (--memory-limit on the command line) if that is meant",
    { memoryLimit: "4KiB" },
  ],
  [
    "an entry in no segment",
    edit(several, [field.entry, 8, 0x1234_5678n]),
    "the file starts at 0x12345678, which is in none of its segments",
  ],
  [
    "an entry in data",
    edit(several, [field.entry, 8, 0x40_1010n]),
    "the file starts at 0x401010, in segment 3, which is not executable",
  ],
  [
    "section headers past the end",
    edit(several, [field.shoff, 8, 0xff_ffffn]),
    `the section headers would be at 0xffffff..0x${(0xff_ffff + sectionCount * 64 - 1).toString(16)}, and the file has 0x${several.length.toString(16)} bytes`,
  ],
  [
    "section headers of another size",
    edit(several, [field.shentsize, 2, 1n]),
    "e_shentsize is 1, and files of 64 bits have 64",
  ],
  [
    "symbols without names",
    edit(several, [symbolTable + 40, 4, 99n]),
    "the symbol table's names are in section 99, which there is not",
  ],
  [
    "symbols of another size",
    edit(several, [symbolTable + 56, 8, 8n]),
    "the size of a symbol is 8, and files of 64 bits have 24",
  ],
  [
    "far too many symbols",
    edit(several, [symbolTable + 32, 8, 1n << 40n]),
    "the file has 45812984490 symbols, and 1048576 are read at most",
  ],
  [
    "symbols past the end",
    edit(several, [symbolTable + 24, 8, 0xff_0000n]),
    `the symbol table would be at 0xff0000..0xff00d7, and the file has 0x${several.length.toString(16)} bytes`,
  ],
  ["no PVH note", long, "the file has no PVH note", { start: "pvh" }],
  [
    "a symbol that there is not",
    several,
    'the file has no symbol "strat"\n  hint: did you mean start?',
    { entry: "strat" },
  ],
  [
    "a symbol like no other",
    several,
    'the file has no symbol "interrupt_table"\n  hint: it has start, spin, value, main, other',
    { entry: "interrupt_table" },
  ],
  [
    "a symbol like none of many",
    manySymbols,
    'the file has no symbol "interrupt_table"\n  hint: it has l0, l1, l2, l3, l4, l5, l6, l7, and 3 more',
    { entry: "interrupt_table" },
  ],
  [
    "a symbol of a file without any",
    edit(several, [field.shoff, 8, 0n]),
    "the file has no symbols\n  hint: give the address instead",
    { entry: "start" },
  ],
  [
    "another first instruction in no segment",
    several,
    "the guest would start at 0x12345678, which is in none of its segments",
    { entry: 0x1234_5678 },
  ],
  [
    "another first instruction in data",
    several,
    "the guest would start at 0x401010, in segment 3, which is not executable",
    { entry: 0x40_1010 },
  ],
  ["an unknown start", long, 'start: expected "entry" or "pvh"', { start: "main" as "pvh" }],
];

describe("a file that is refused", () => {
  for (const [name, bytes, message, options] of refused) {
    test(name, async () => {
      await expect(imageFromElf(bytes, options)).rejects.toMatchObject({
        name: "LayoutError",
        code: "BAD_FILE",
        message,
      });
    });
  }

  test.each<readonly [ElfImportOptions, string]>([
    [{ name: "" }, 'name: expected a name, got ""'],
    [{ entry: -1 }, "entry: expected an address or the name of a symbol, got -1"],
    [{ stack: 100 }, "stack: expected a multiple of 4096, got 100"],
    [
      { memoryLimit: "1 gig" as "1GiB" },
      'memoryLimit: expected a size or an address such as 0x1000 or "32KiB", got "1 gig"',
    ],
    [{ ram: [{ at: 1, size: "4KiB" }] }, "ram[0].at: expected a multiple of 4096, got 1"],
    [{ ram: [{ at: (1n << 52n) - 0x1000n, size: "8KiB" }] }, 'ram[0].size: expected memory below 2^52, got "8KiB"'],
  ])("options that are none: %o", async (options, message) => {
    await expect(imageFromElf(long, options)).rejects.toMatchObject({ code: "BAD_DESCRIPTION", message });
  });
});

describe("a file that has been tampered with", () => {
  const limit = 1n << 24n;
  const size = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const);
  const value = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.bigInt({ min: 0n, max: 0x1_0000n }),
    fc.constantFrom(0n, 1n, 0xffffn, (1n << 63n) - 1n, (1n << 64n) - 0x1000n),
  );

  test.each([
    ["64 bits", several],
    ["32 bits", plain],
  ])("is refused, or becomes an image that makes sense: %s", async (_, bytes) => {
    const headers = fc.oneof(fc.nat(bytes.length - 8), fc.nat(400));
    const edits = fc.array(fc.tuple(headers, size, value), { minLength: 1, maxLength: 3 });
    let built = 0;
    await fc.assert(
      fc.asyncProperty(edits, fc.option(fc.nat(bytes.length)), async (changes, cut) => {
        const damaged = edit(bytes, ...changes).slice(0, cut ?? undefined);
        let image: Image;
        try {
          image = await imageFromElf(damaged, { memoryLimit: limit });
        } catch (error) {
          expect(error).toBeInstanceOf(LayoutError);
          return;
        }
        built++;
        expect(imageFromJson(imageToJson(image))).toStrictEqual(image);
        const memory = image.memory.reduce((sum, each) => sum + each.size, 0n);
        expect(memory).toBeLessThan(2n * limit);
        expect(imageToBytes(image, { at: image.chunks[0]!.at, size: 1 }).length).toBe(1);
      }),
      { numRuns: 400 },
    );
    expect(built).toBeGreaterThan(20);
  });
});

test("what is suspicious about a mapping names the file's segment and its address", async () => {
  const { warnings, paging } = await imageFromElf(edit(long, [first.flags, 4, 7n]));
  expect(warnings).toContainEqual({
    code: "WRITABLE_AND_EXECUTABLE",
    message: "segment-0 at 0x1008000 is writable and executable: the guest can run what it writes",
  });
  expect(paging?.mappings.map(({ name }) => name)).toEqual([
    "segment-1 at 0x1004000",
    "segment-2 at 0x1005000",
    "segment-0 at 0x1008000",
    "memory at 0x100f000",
    "segment-1 at 0xffffffff80000000",
    "segment-2 at 0xffffffff80001000",
  ]);
});
