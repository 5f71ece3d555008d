import { boot, imageFromRaw, imageToMap, type RawImportOptions } from "guestwright";
import { describe, expect, test } from "vitest";
import { describeKvm } from "../../kvm/require-kvm.ts";

/** `mov al, 0x2a; out 0x10, al; hlt`, the same in every mode. */
const code = Uint8Array.of(0xb0, 0x2a, 0xe6, 0x10, 0xf4);

const kinds: readonly RawImportOptions[] = [
  { mode: "real16", at: 0x7c00 },
  { mode: "real16", at: 0x1_2345 },
  { mode: "protected32", at: "1MiB" },
  { mode: "long64", at: 0x1234 },
  { mode: "long64", at: "2MiB", ram: [{ at: 0, size: "64KiB" }], stack: "8KiB", name: "kernel" },
];

describeKvm("bytes run on KVM", () => {
  test.each(kinds)("$mode at $at", async (options) => {
    using machine = await boot(await imageFromRaw(code, options));
    const exits = Array.from(machine.run({ timeout: "5s" }), (exit) =>
      exit.kind === "io-out" ? [exit.port, ...exit.data] : exit.kind,
    );
    expect(exits).toEqual([[0x10, 0x2a], "hlt"]);
  });

  test("from another place than their first", async () => {
    const image = await imageFromRaw(Uint8Array.of(0xcc, 0xcc, ...code), {
      mode: "protected32",
      at: 0x1000,
      entry: 0x1002,
    });
    using machine = await boot(image);
    expect(Array.from(machine.run({ timeout: "5s" }), ({ kind }) => kind)).toEqual(["io-out", "hlt"]);
  });
});

describe("an image of bytes", () => {
  test("has memory around them and behind them a GDT, page tables and a stack", async () => {
    const image = await imageFromRaw(code, { mode: "long64", at: 0x20_1234, stack: "4KiB" });
    expect(imageToMap(image).split("\n")).toEqual([
      "0x00000000 - 0x00200fff (0x201000 bytes) no memory",
      "0x00201000 - 0x00207fff (0x7000 bytes) ram",
      "  0x00201000 - 0x00201233 (0x234 bytes) zero",
      "  0x00201234 - 0x00201238 (0x5 bytes) code raw",
      "  0x00201239 - 0x00201fff (0xdc7 bytes) zero",
      "  0x00202000 - 0x00202017 (0x18 bytes) gdt",
      "  0x00202018 - 0x00202fff (0xfe8 bytes) zero",
      "  0x00203000 - 0x00206fff (0x4000 bytes) page tables",
      "  0x00207000 - 0x00207fff (0x1000 bytes) zero",
    ]);
    expect(image.cpu.regs).toMatchObject({ rip: 0x20_1234n, rsp: 0x20_8000n });
    expect(image.symbols["place.raw"]).toBe(0x20_1234n);
  });

  test("keeps bytes of its own", async () => {
    const bytes = code.slice();
    const image = await imageFromRaw(bytes, { mode: "real16", at: 0x7c00 });
    bytes.fill(0);
    expect(image.chunks[0]!.bytes).toEqual(code);
  });

  test.each<readonly [string, Uint8Array, RawImportOptions, string, string]>([
    ["no bytes", new Uint8Array(), { mode: "real16", at: 0 }, "BAD_FILE", "there are no bytes"],
    [
      "something else",
      [1] as unknown as Uint8Array,
      { mode: "real16", at: 0 },
      "BAD_FILE",
      "expected bytes, got an array",
    ],
    [
      "beyond what the mode reaches",
      code,
      { mode: "real16", at: 0xf_fffc },
      "BAD_FILE",
      "the bytes would end at 0x100000, and real16 reaches 0xfffff",
    ],
    [
      "beyond 4 GiB",
      code,
      { mode: "protected32", at: 0xffff_fffe },
      "BAD_FILE",
      "the bytes would end at 0x100000002, and protected32 reaches 0xffffffff",
    ],
    [
      "an entry elsewhere",
      code,
      { mode: "real16", at: 0x7c00, entry: 0x7c05 },
      "BAD_FILE",
      "the guest would start at 0x7c05, and the bytes are at 0x7c00..0x7c04",
    ],
    [
      "a stack that real mode has not",
      code,
      { mode: "real16", at: 0x7c00, stack: "4KiB" },
      "BAD_DESCRIPTION",
      'stack: expected 0 or none in real16, where code sets up its own, got "4KiB"',
    ],
    [
      "no mode",
      code,
      { mode: "compat32" as "long64", at: 0 },
      "BAD_DESCRIPTION",
      'mode: expected "real16" or "protected32" or "long64", got "compat32"',
    ],
    [
      "no address",
      code,
      { mode: "real16" } as RawImportOptions,
      "BAD_DESCRIPTION",
      'at: expected a size or an address such as 0x1000 or "32KiB", got nothing',
    ],
  ])("is not made of %s", async (_, bytes, options, errorCode, message) => {
    await expect(imageFromRaw(bytes, options)).rejects.toMatchObject({ code: errorCode, message });
  });
});
