import { imageToBytes, LayoutError, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { longImage, realImage, withMemory } from "./guests.ts";

const real = await realImage();

describe("the bytes of an image", () => {
  test("reach from the first chunk to the last", () => {
    expect(imageToBytes(real)).toEqual(Uint8Array.of(0xb0, 0x2a, 0xe6, 0xe9, 0xf4));
  });

  test("of all chunks have each chunk at its distance from the first", async () => {
    const image = await longImage();
    const bytes = imageToBytes(image);
    expect(bytes.length).toBe(Number(0xa018n - 0x1000n));
    for (const chunk of image.chunks) {
      const from = Number(chunk.at - 0x1000n);
      expect(bytes.slice(from, from + chunk.bytes.length)).toEqual(chunk.bytes);
    }
    const covered = image.chunks.reduce((sum, chunk) => sum + chunk.bytes.filter((byte) => byte !== 0).length, 0);
    expect(bytes.filter((byte) => byte !== 0).length).toBe(covered);
  });

  test.each([
    ["before, in and behind a chunk", { at: 0x7bff, size: 7 }, [0, 0xb0, 0x2a, 0xe6, 0xe9, 0xf4, 0]],
    ["a part of a chunk", { at: 0x7c01n, size: "2B" }, [0x2a, 0xe6]],
    ["its end, with other bytes behind it", { at: 0x7c04, size: 3, fill: 0xcc }, [0xf4, 0xcc, 0xcc]],
    ["no chunk", { at: 0x9000, size: 2, fill: 0xff }, [0xff, 0xff]],
    ["up to the last chunk", { at: 0x7c03 }, [0xe9, 0xf4]],
    ["nothing, from behind the last chunk on", { at: 0x8000 }, []],
  ] as const)("of a range: %s", (_, options, expected) => {
    expect(Array.from(imageToBytes(real, options))).toEqual(expected);
  });

  test("of an image without any are none", () => {
    expect(imageToBytes({ ...real, chunks: [] }).length).toBe(0);
  });

  test("are seen through an alias, too", () => {
    const image: Image = withMemory(real, [
      ...real.memory,
      { kind: "alias", name: "again", of: "ram", offset: 0x7000n, at: 0x2_0000n, size: 0x1000n },
      { kind: "alias", name: "elsewhere", of: "ram", offset: 0x1000n, at: 0x3_0000n, size: 0x1000n },
    ]);
    expect(imageToBytes(image, { at: 0x2_0c00, size: 5 })).toEqual(real.chunks[0]!.bytes);
    expect(imageToBytes(image, { at: 0x3_0c00, size: 5 })).toEqual(new Uint8Array(5));
  });

  test.each([
    [{ fill: 256 }, "BAD_DESCRIPTION", "fill: expected 0 to 255, got 256"],
    [{ at: -1 }, "BAD_DESCRIPTION", 'at: expected a size or an address such as 0x1000 or "32KiB", got -1'],
    [
      { at: 0, size: "2GiB" },
      "DOES_NOT_FIT",
      "the bytes from 0x0 on are 2GiB, and one array has at most 1GiB\n  hint: give a range with at and size, or take the chunks one by one",
    ],
  ] as const)("with %o are refused", (options, code, message) => {
    const call = (): unknown => imageToBytes(real, options);
    expect(call).toThrow(LayoutError);
    expect(call).toThrow(expect.objectContaining({ code, message }));
  });
});
