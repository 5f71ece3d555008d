import { code32, imageToBytes, imageToFile, layout, type Image } from "guestwright";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { longImage } from "../image/guests.ts";
import { realGuest } from "./guests.ts";
import { ask, missingTool, withFiles } from "./tools.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("Intel HEX", () => {
  test("of 16-bit code", async () => {
    const { bytes, entry } = await imageToFile(await realGuest(), "intel-hex");
    expect(entry).toBe(0x7c00n);
    expect(text(bytes).split("\n")).toEqual([
      ":107C0000BE117CAC84C07404E6E9EBF7B010E6F476",
      ":097C1000F431362D6269740A009A",
      ":0400000300007C007D",
      ":00000001FF",
      "",
    ]);
  });

  test.skipIf(missingTool("objcopy") !== undefined)("objcopy makes the same bytes of it", async () => {
    const high: Image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0xfff_0000, size: "256KiB" } },
      place: {
        guest: {
          code: code32()
            .bytes(Array.from({ length: 70_000 }, (_, i) => i & 0xff))
            .hlt(),
          in: "ram",
          offset: 0xfff9,
        },
      },
    }).build();
    for (const image of [await longImage(), await realGuest(), high]) {
      const { bytes } = await imageToFile(image, "intel-hex");
      const flat = withFiles({ hex: bytes }, (pathOf) => {
        ask("objcopy", "-I", "ihex", "-O", "binary", pathOf("hex"), pathOf("flat"));
        return new Uint8Array(readFileSync(pathOf("flat")));
      });
      expect(flat).toEqual(imageToBytes(image));
    }
  });

  test("ends at 4 GiB", async () => {
    const image = await realGuest();
    const far = { ...image, chunks: [{ name: "far", at: 0xffff_fffen, bytes: Uint8Array.of(1, 2, 3) }] };
    await expect(imageToFile(far, "intel-hex")).rejects.toMatchObject({
      code: "NOT_EXPORTABLE",
      message: "intel-hex: far ends above 4 GiB, at 0x100000001, and Intel HEX has 32 bits",
    });
  });
});
