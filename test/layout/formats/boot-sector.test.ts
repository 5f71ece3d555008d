import { al, checkExport, code16, imageToFile, layout, type Statements } from "guestwright";
import { describe, expect, test } from "vitest";
import { plainGuest, realGuest } from "./guests.ts";

const build = (code: (code: Statements<16>) => void, more: object = {}, offset = 0x7c00) =>
  layout({
    mode: "real16",
    memory: { ram: { at: 0, size: "64KiB" } },
    place: { boot: { code: code16(code), in: "ram", offset } },
    ...more,
  }).build();

describe("a boot sector", () => {
  test("has 512 bytes, those of the guest and the signature", async () => {
    const { bytes, extension, stub } = await imageToFile(await realGuest(), "boot-sector");
    expect(bytes.length).toBe(512);
    expect(Array.from(bytes.slice(0, 3))).toEqual([0xbe, 0x11, 0x7c]);
    expect(Array.from(bytes.slice(510))).toEqual([0x55, 0xaa]);
    expect([extension, stub]).toEqual(["img", undefined]);
  });

  test("may have the signature already", async () => {
    const image = await build((code) => {
      code.hlt();
      code.pad(510);
      code.u16(0xaa55);
    });
    expect(checkExport(image, "boot-sector", "qemu")).toEqual([]);
    expect((await imageToFile(image, "boot-sector")).bytes).toEqual(image.chunks[0]!.bytes);
  });

  test.each([
    [
      "another mode",
      plainGuest,
      "boot-sector: it starts in protected32, and firmware in real mode\n  hint: use mode real16",
    ],
    [
      "another address",
      () => build((code) => code.hlt(), {}, 0x8000),
      "boot-sector: it starts at 0x8000, and firmware at 0x7c00\n  hint: put the program at 0x7c00",
    ],
    [
      "more than a sector",
      () => build((code) => code.zero(513)),
      "boot-sector: code boot lies at 0x7c00..0x7e00, and firmware loads 0x7c00..0x7dff alone\n  hint: keep to 0x7c00..0x7dff, and have the guest load the rest from the disk",
    ],
    [
      "something else where the signature goes",
      () =>
        build((code) => {
          code.pad(510, 0x90);
          code.u8(0x55);
        }),
      "boot-sector: the bytes at 0x7dfe are neither free nor 55 aa, the sign of a boot sector\n  hint: end before 0x7dfe",
    ],
  ] as const)("is not made of %s", async (_, guest, message) => {
    await expect(imageToFile(await guest(), "boot-sector")).rejects.toMatchObject({ code: "NOT_EXPORTABLE", message });
  });

  test("starts with the firmware's CS and stack", async () => {
    const image = await build((code) => code.mov(al, 1), { cpu: { rsp: 0x7000, segments: { cs: 0x7c0 } } });
    expect(checkExport(image, "boot-sector", "qemu")).toEqual([
      {
        kind: "differs",
        target: undefined,
        message: "it starts with CS 0x7c0, and firmware with 0",
        hint: "start with CS 0, or begin with a far jump",
      },
      {
        kind: "differs",
        target: undefined,
        message: "it starts with SP 0x7000, and firmware leaves its own",
        hint: "set SP in the guest's code",
      },
    ]);
  });
});
