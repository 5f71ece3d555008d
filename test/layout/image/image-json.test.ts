import fc from "fast-check";
import { imageFromJson, imageToJson, layout, LayoutError, type Image } from "guestwright";
import { code16 } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { longImage, realImage } from "./guests.ts";

const long = await longImage();
const real = await realImage();

/** An image's JSON with one value changed. */
function changed(image: Image, path: readonly (string | number)[], value: unknown): string {
  type Owner = Record<string, unknown>;
  const file = JSON.parse(imageToJson(image)) as Owner;
  const owner = path.slice(0, -1).reduce((object, key) => object[key] as Owner, file);
  owner[path.at(-1)!] = value;
  return JSON.stringify(file);
}

function failure(json: string): string {
  try {
    imageFromJson(json);
  } catch (error) {
    if (!(error instanceof LayoutError)) throw error;
    expect(error.code).toBe("BAD_IMAGE");
    return error.message;
  }
  throw new Error("it was read, and should not have been");
}

describe("an image as JSON", () => {
  test.each([
    ["in long mode", long],
    ["in real mode", real],
  ])("comes back as it was: %s", (_, image) => {
    expect(imageFromJson(imageToJson(image))).toStrictEqual(image);
  });

  test("is the same text for the same image, and after reading it", async () => {
    expect(imageToJson(await longImage())).toBe(imageToJson(await longImage()));
    expect(imageToJson(imageFromJson(imageToJson(long)))).toBe(imageToJson(long));
  });

  test("says what it is, then the image", () => {
    expect(imageToJson(real).split("\n").slice(0, 12)).toEqual([
      "{",
      ' "format": "guestwright image",',
      ' "version": 1,',
      ' "image": {',
      '  "mode": "real16",',
      '  "memory": [',
      "   {",
      '    "name": "ram",',
      '    "kind": "ram",',
      '    "at": "$bigint:0x0",',
      '    "size": "$bigint:0x10000"',
      "   }",
    ]);
  });

  test("keeps labels whose names mean something to JSON or JavaScript", async () => {
    const code = code16().label("$bigint:0x1").label("__proto__").label("1").hlt();
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0, size: "4KiB" } },
      place: { guest: { code, in: "ram" } },
    }).build();
    const read = imageFromJson(imageToJson(image));
    expect(read).toStrictEqual(image);
    expect(Object.keys(read.programs[0]!.labels)).toEqual(Object.keys(image.programs[0]!.labels));
  });

  test("keeps any plain data that an image may come to have", () => {
    const plain = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.string(),
        fc.constantFrom("$", "$undefined", "$bytes:", "$string:$x"),
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((each) => !Object.is(each, -0)),
        fc.boolean(),
        fc.constantFrom(null, undefined),
        fc.bigInt({ min: -(1n << 100n), max: 1n << 100n }),
        fc.uint8Array(),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    fc.assert(
      fc.property(plain, (more) => {
        const image = { ...real, more } as Image;
        expect(imageFromJson(imageToJson(image))).toStrictEqual(image);
      }),
    );
  });

  test("keeps bytes whose base64 is put together from parts", () => {
    const bytes = Uint8Array.from({ length: 40_000 }, (_, i) => (i * 7) & 0xff);
    const image = { ...real, chunks: [{ name: "data", at: 0n, bytes }] };
    expect(imageFromJson(imageToJson(image))).toStrictEqual(image);
    expect(imageToJson(image)).toContain(`"$bytes:${Buffer.from(bytes).toString("base64")}"`);
  });

  test("is refused where it is no plain data", () => {
    const image = { ...real, more: { when: [() => 0] } } as Image;
    expect(() => imageToJson(image)).toThrow(
      expect.objectContaining({
        code: "BAD_IMAGE",
        message: "image.more.when[0]: expected plain data, got a function",
      }),
    );
  });
});

describe("JSON that is no image", () => {
  test.each([
    ["nothing", undefined as unknown as string, "the text: expected JSON, got nothing"],
    ["no JSON", "guest", 'the text: expected JSON, got "guest"'],
    ["JSON of something else", "[1]", 'format: expected "guestwright image", got nothing'],
    ["a later version", changed(real, ["version"], 2), "version: expected 1, got 2"],
    ["no image in it", changed(real, ["image"], null), "the image: expected an object, got null"],
    [
      "an unknown tag",
      changed(real, ["image", "mode"], "$date:0"),
      'image.mode: expected one of $undefined, $bigint, $bytes, $string, got "$date"',
    ],
    [
      "a bigint without digits",
      changed(real, ["image", "cpu", "cr0"], "$bigint:12"),
      'image.cpu.cr0: expected $bigint: and a hexadecimal number of at most 32 digits, got "$bigint:12"',
    ],
    [
      "base64 with a stray character",
      changed(real, ["image", "chunks", 0, "bytes"], "$bytes:AA=A"),
      'image.chunks[0].bytes: expected $bytes: and base64, got "$bytes:AA=A"',
    ],
    [
      "base64 with bits that no byte has",
      changed(real, ["image", "chunks", 0, "bytes"], "$bytes:AB=="),
      'image.chunks[0].bytes: expected $bytes: and base64, got "$bytes:AB=="',
    ],
    [
      "an unknown mode",
      changed(real, ["image", "mode"], "unreal16"),
      /^mode: expected "real16" or .*, got "unreal16"$/,
    ],
    [
      "a number for a bigint",
      changed(real, ["image", "cpu", "cr3"], 0),
      "cpu.cr3: expected a bigint of 64 bits, got 0",
    ],
    [
      "a number without end",
      changed(real, ["image", "cpu", "gdt", "limit"], 0).replace('"limit":0}', '"limit":1e999}'),
      "image.cpu.gdt.limit: expected a number, got Infinity",
    ],
    [
      "a negative address",
      changed(real, ["image", "memory", 0, "at"], "$bigint:-0x1000"),
      "memory[0].at: expected a bigint of 52 bits, got -4096n",
    ],
    [
      "a register too many bits wide",
      changed(real, ["image", "cpu", "regs", "rax"], "$bigint:0x10000000000000000"),
      "cpu.regs.rax: expected a bigint of 64 bits, got 18446744073709551616n",
    ],
    [
      "a segment that is missing",
      changed(real, ["image", "cpu", "segments", "ss"], "$undefined"),
      "cpu.segments.ss: expected an object, got nothing",
    ],
    [
      "a field out of range",
      changed(real, ["image", "cpu", "segments", "cs", "dpl"], 4),
      "cpu.segments.cs.dpl: expected 0 to 0x3, got 4",
    ],
    [
      "text for bytes",
      changed(real, ["image", "chunks", 0, "bytes"], "AA=="),
      'chunks[0].bytes: expected bytes, got "AA=="',
    ],
    ["an object for a list", changed(real, ["image", "chunks"], {}), "chunks: expected an array, got an object"],
    [
      "a region of no kind",
      changed(real, ["image", "memory", 0, "kind"], "flash"),
      'memory[0].kind: expected "ram" or "rom" or "alias" or "mmio" or "reserved", got "flash"',
    ],
    [
      "a region of part of a page",
      changed(real, ["image", "memory", 0, "size"], "$bigint:0x800"),
      "memory[0].size: expected a multiple of 4096 above 0, got 2048n",
    ],
    [
      "a region at no page",
      changed(real, ["image", "memory", 0, "at"], "$bigint:0x800"),
      "memory[0].at: expected a multiple of 4096, got 2048n",
    ],
    [
      "two regions at one place",
      changed(long, ["image", "memory", 1, "at"], "$bigint:0x8000"),
      "memory[1].at: expected 0x10000 or above, behind ram, got 32768n",
    ],
    [
      "two regions of one name",
      changed(long, ["image", "memory", 1, "name"], "ram"),
      "memory: expected a name of its own for each region, got an array",
    ],
    [
      "a chunk without memory",
      changed(real, ["image", "chunks", 0, "at"], "$bigint:0xfffe"),
      "chunks[0].at: expected memory at 0x10000, for all of code boot, got 65534n",
    ],
    [
      "chunks out of order",
      changed(long, ["image", "chunks", 1, "at"], "$bigint:0x1000"),
      "chunks[1].at: expected 0x6000 or above, behind the chunk before it, got 4096n",
    ],
    [
      "a label without an address",
      changed(real, ["image", "programs", 0, "labels", "start"], "here"),
      'programs[0].labels.start: expected a bigint of 64 bits, got "here"',
    ],
    [
      "an alias of nothing",
      changed(long, ["image", "memory", 1], {
        name: "high",
        kind: "alias",
        at: "$bigint:0x100000",
        size: "$bigint:0x1000",
        of: "rom",
        offset: "$bigint:0x0",
      }),
      'memory[1].of: expected the name of a ram or rom region, got "rom"',
    ],
    [
      "an alias of more than there is",
      changed(long, ["image", "memory", 1], {
        name: "high",
        kind: "alias",
        at: "$bigint:0x100000",
        size: "$bigint:0x1000",
        of: "ram",
        offset: "$bigint:0x10000",
      }),
      "memory[1].offset: expected an offset that ram has, got 65536n",
    ],
    [
      "far too many levels",
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      /^(\[0\]){65}: expected at most 64 levels of nesting, got an array$/,
    ],
  ] as const)("%s", (_, json, message) => {
    if (typeof message === "string") expect(failure(json)).toBe(message);
    else expect(failure(json)).toMatch(message);
  });

  test("is refused, or read as an image that makes sense, wherever it is damaged", () => {
    const json = imageToJson(real);
    const pieces = fc.constantFrom('"', "$", "{", "}", "0", "-", ",", "null", "$bigint:0x1", "[]", "true", "e9");
    fc.assert(
      fc.property(fc.nat(json.length), fc.nat(8), pieces, (at, length, piece) => {
        const damaged = json.slice(0, at) + piece + json.slice(at + length);
        let image: Image;
        try {
          image = imageFromJson(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(LayoutError);
          return;
        }
        expect(imageFromJson(imageToJson(image))).toStrictEqual(image);
      }),
      { numRuns: 2000 },
    );
  });
});
