import { imageToMap, type Image } from "guestwright";
import { expect, test } from "vitest";
import { longImage, realImage, withMemory } from "./guests.ts";

test("a map shows regions, chunks, labels and the gaps between them, in address order", async () => {
  expect(imageToMap(await longImage())).toMatchInlineSnapshot(`
    "0x00000000 - 0x0000ffff (0x10000 bytes) ram
      0x00000000 - 0x00000fff (0x1000 bytes) zero
      0x00001000 - 0x00005fff (0x5000 bytes) page tables
      0x00006000 - 0x00007fff (0x2000 bytes) zero
      0x00008000 - 0x00008008 (0x9 bytes) code main
        0x00008000 - 0x00008006 (0x7 bytes) main.start @ 0x400000
        0x00008007 - 0x00008008 (0x2 bytes) main.spin @ 0x400007
      0x00008009 - 0x000080ff (0xf7 bytes) zero
      0x00008100 - 0x00008100 (0x1 bytes) code other
        0x00008100 - 0x00008100 (0x1 bytes) other.start @ 0x400100
      0x00008101 - 0x0000900f (0xf0f bytes) zero
      0x00009010 - 0x00009017 (0x8 bytes) code main .data
        0x00009010 - 0x00009017 (0x8 bytes) main.value @ 0x401010
      0x00009018 - 0x00009fff (0xfe8 bytes) zero
      0x0000a000 - 0x0000a017 (0x18 bytes) gdt
      0x0000a018 - 0x0000ffff (0x5fe8 bytes) zero
    0x00010000 - 0x000fffff (0xf0000 bytes) no memory
    0x00100000 - 0x00100fff (0x1000 bytes) ram high
      0x00100000 - 0x00100fff (0x1000 bytes) zero"
  `);
});

test("a map shows aliases, and places without memory", async () => {
  const real = await realImage();
  const image: Image = withMemory(real, [
    { kind: "ram", name: "ram", at: 0x0n, size: 0x8000n },
    { kind: "mmio", name: "device", at: 0x1_0000n, size: 0x1000n },
    { kind: "alias", name: "again", of: "ram", offset: 0x7000n, at: 0x1_0000_0000n, size: 0x1000n },
  ]);
  expect(imageToMap(image)).toMatchInlineSnapshot(`
    "0x000000000 - 0x000007fff (0x8000 bytes) ram
      0x000000000 - 0x000007bff (0x7c00 bytes) zero
      0x000007c00 - 0x000007c04 (0x5 bytes) code boot
        0x000007c00 - 0x000007c04 (0x5 bytes) boot.start
      0x000007c05 - 0x000007fff (0x3fb bytes) zero
    0x000008000 - 0x00000ffff (0x8000 bytes) no memory
    0x000010000 - 0x000010fff (0x1000 bytes) mmio device
    0x000011000 - 0x0ffffffff (0xfffef000 bytes) no memory
    0x100000000 - 0x100000fff (0x1000 bytes) alias again
      0x100000000 - 0x100000bff (0xc00 bytes) zero
      0x100000c00 - 0x100000c04 (0x5 bytes) code boot
      0x100000c05 - 0x100000fff (0x3fb bytes) zero"
  `);
});

test("a map of an image without anything is empty", async () => {
  expect(imageToMap({ ...(await realImage()), memory: [], chunks: [] })).toBe("");
});
