/** ELF files of images, as GNU's tools read them. */
import { imageFromElf, imageToFile, imageToBytes, type Image } from "guestwright";
import { beforeAll, describe, expect, test } from "vitest";
import { longImage } from "../image/guests.ts";
import { longGuest, plainGuest, realGuest } from "./guests.ts";
import { absentTool, askAbout, missingTool } from "./tools.ts";

const noBinutils = missingTool("readelf", "nm", "objdump", "objcopy");
const noGdb = absentTool("gdb");

let image: Image;
beforeAll(async () => {
  image = await longImage();
});

/** Lines with their spaces made one. */
const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "");

describe.skipIf(noBinutils !== undefined)("an ELF file of an image", () => {
  test("of 64 bits: a segment for each chunk, with its addresses and rights", async () => {
    const { bytes, entry } = await imageToFile(image, "elf64");
    expect(entry).toBe(0x40_0000n);
    const text = lines(askAbout(bytes, "readelf", "-hlW", "FILE"));
    expect(text).toContain("Class: ELF64");
    expect(text).toContain("Type: EXEC (Executable file)");
    expect(text).toContain("Machine: Advanced Micro Devices X86-64");
    expect(text).toContain("Entry point address: 0x400000");
    const segments = text.filter((line) => line.startsWith("LOAD")).map((line) => line.split(" ").slice(2));
    expect(segments).toEqual([
      ["0x0000000000001000", "0x0000000000001000", "0x005000", "0x005000", "RW", "0x10"],
      ["0x0000000000400000", "0x0000000000008000", "0x000009", "0x000009", "R", "E", "0x10"],
      ["0x0000000000400100", "0x0000000000008100", "0x000001", "0x000001", "R", "E", "0x10"],
      ["0x0000000000401010", "0x0000000000009010", "0x000008", "0x000008", "RW", "0x10"],
      ["0x0000000000402000", "0x000000000000a000", "0x000018", "0x000018", "RW", "0x10"],
    ]);
  });

  test("readelf finds nothing to warn of", async () => {
    for (const format of ["elf32", "elf64", "pvh", "multiboot"] as const) {
      const { bytes } = await imageToFile(format === "elf32" ? await plainGuest() : image, format);
      expect(askAbout(bytes, "readelf", "--lint", "-aW", "FILE")).not.toMatch(/warning|error/i);
    }
  });

  test("of 32 bits", async () => {
    const { bytes } = await imageToFile(await plainGuest(), "elf32");
    const text = lines(askAbout(bytes, "readelf", "-hW", "FILE"));
    expect(text).toContain("Class: ELF32");
    expect(text).toContain("Machine: Intel 80386");
    expect(text).toContain("Entry point address: 0x102000");
    expect(lines(askAbout(bytes, "nm", "-n", "FILE"))).toEqual([
      "00102000 T guest",
      "00102005 t next",
      "0010200e t done",
      "00102013 t text",
    ]);
  });

  test("of real-mode code has linear addresses", async () => {
    const { bytes, entry } = await imageToFile(await realGuest(), "elf32");
    expect(entry).toBe(0x7c00n);
    const text = askAbout(bytes, "objdump", "-d", "-Mintel,i8086", "-mi8086", "FILE");
    expect(text).toContain("<boot>:\n    7c00:\tbe 11 7c");
  });

  test("has the labels as symbols, under the names of their programs", async () => {
    const { bytes } = await imageToFile(image, "elf64");
    const symbols = lines(askAbout(bytes, "readelf", "-sW", "FILE")).filter((line) => /^\d+: /.test(line));
    expect(symbols.map((line) => line.split(" ").slice(1).join(" "))).toEqual([
      "0000000000000000 0 NOTYPE LOCAL DEFAULT UND",
      "0000000000000000 0 FILE LOCAL DEFAULT ABS main",
      "0000000000400000 0 NOTYPE LOCAL DEFAULT 2 start",
      "0000000000400007 0 NOTYPE LOCAL DEFAULT 2 spin",
      "0000000000401010 0 NOTYPE LOCAL DEFAULT 4 value",
      "0000000000000000 0 FILE LOCAL DEFAULT ABS other",
      "0000000000400100 0 NOTYPE LOCAL DEFAULT 3 start",
      "0000000000400000 0 FUNC GLOBAL DEFAULT 2 main",
      "0000000000400100 0 FUNC GLOBAL DEFAULT 3 other",
    ]);
  });

  test("disassembles with its labels", async () => {
    const { bytes } = await imageToFile(image, "elf64");
    const text = lines(askAbout(bytes, "objdump", "-d", "-Mintel", "FILE"));
    expect(text).toContain("400000: 48 8b 05 09 10 00 00 mov rax,QWORD PTR [rip+0x1009] # 401010 <value>");
    expect(text).toContain("400007: eb fe jmp 400007 <spin>");
    expect(text.filter((line) => line.startsWith("Disassembly"))).toEqual([
      "Disassembly of section .code.main:",
      "Disassembly of section .code.other:",
    ]);
  });

  test("has the bytes of the image", async () => {
    const { bytes } = await imageToFile(await plainGuest(), "elf32");
    const text = askAbout(bytes, "objdump", "-s", "-j", ".code.guest", "FILE");
    const found = text
      .split("\n")
      .filter((line) => line.startsWith(" "))
      .flatMap((line) => line.slice(8, 44).replaceAll(" ", "").match(/../g) ?? []);
    expect(found.join("")).toBe(Buffer.from(imageToBytes(await plainGuest())).toString("hex"));
  });

  test("for PVH has one note, of 8 bytes, and the labels where the guest has them", async () => {
    const file = await imageToFile(await longGuest(), "pvh");
    const text = lines(askAbout(file.bytes, "readelf", "-lnW", "FILE"));
    expect(text.filter((line) => line.startsWith("NOTE"))).toHaveLength(1);
    expect(text.find((line) => line.startsWith("NOTE"))).toMatch(/ 0x000018 0x000018 R 0x4$/);
    const address = Buffer.alloc(8);
    address.writeBigUInt64LE(file.entry!);
    const description = Array.from(address, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    expect(text.filter((line) => line.startsWith("Xen"))).toEqual([
      `Xen 0x00000008 Unknown note type: (0x00000012) description data: ${description}`,
    ]);
    expect(lines(askAbout(file.bytes, "nm", "FILE"))).toContain("ffffffff80001020 d text");
    const code = askAbout(file.bytes, "objdump", "-d", "-Mintel", "-j", ".code.guest", "FILE");
    expect(code).toContain("ffffffff80000000 <guest>:");
  });

  test("for Multiboot has its header in the first 8 KiB, with a sum of 0", async () => {
    const { bytes } = await imageToFile(await plainGuest(), "multiboot");
    const words = new Uint32Array(bytes.slice(0, 0x2000 - (0x2000 % 4)).buffer.slice(0, bytes.length & ~3));
    const at = words.indexOf(0x1bad_b002);
    expect(at).toBeGreaterThan(0);
    expect((words[at]! + words[at + 1]! + words[at + 2]!) >>> 0).toBe(0);
    expect(words[at + 1]).toBe(0);
  });
});

describe.skipIf(noGdb !== undefined)("GDB", () => {
  test("knows the labels and shows the code", async () => {
    const { bytes } = await imageToFile(image, "elf64");
    const commands = ["info symbol 0x400008", "info address spin", "x/1i 0x400007", "x/1gx 0x401010", "info files"];
    const text = askAbout(bytes, "gdb", "-nx", "-batch", ...commands.flatMap((each) => ["-ex", each]), "FILE");
    expect(text).toContain("spin + 1 in section .code.main");
    expect(text).toContain('Symbol "spin" is at 0x400007 in a file compiled without debugging.');
    expect(text).toContain("jmp    0x400007 <spin>");
    expect(text).toContain("0x1122334455667788");
    expect(text).toContain("Entry point: 0x400000");
  });
});

test("an ELF file comes back: chunks, mappings, entry and labels", async () => {
  const { bytes } = await imageToFile(image, "elf64");
  const read = await imageFromElf(bytes, { name: "main", stack: 0 });
  for (const chunk of image.chunks)
    expect(imageToBytes(read, { at: chunk.at, size: chunk.bytes.length })).toEqual(chunk.bytes);
  expect(read.cpu.regs.rip).toBe(0x40_0000n);
  expect(read.programs[0]!.labels).toEqual({
    ...image.programs[1]!.labels,
    ...image.programs[0]!.labels,
    main: 0x40_0000n,
    other: 0x40_0100n,
  });
});
