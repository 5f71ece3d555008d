/** The builder's data: numbers, text, typed arrays, gaps, tables, and arithmetic with labels. */
import { hexBytes } from "guestwright";
import type { AnyCode } from "guestwright/asm";
import {
  AsmError,
  assemble,
  code16,
  code32,
  code64,
  difference,
  ecx,
  eax,
  multiple,
  offset,
  since,
  sum,
} from "guestwright/asm";
import { expect, test } from "vitest";

const bytesOf = async (code: AnyCode, origin = 0n): Promise<string> =>
  hexBytes((await assemble(code as never, { origin })).bytes);

test("numbers of every width", async () => {
  expect(
    await bytesOf(
      code64()
        .u8(1, -1)
        .u16(0x1234)
        .u32(-2)
        .u64(1n << 63n),
    ),
  ).toBe("01 ff 34 12 fe ff ff ff 00 00 00 00 00 00 00 80");
  expect(await bytesOf(code64().u128(0x0123456789abcdef0123456789abcdefn, -1))).toBe(
    "ef cd ab 89 67 45 23 01 ef cd ab 89 67 45 23 01 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff",
  );
  await expect(assemble(code64().u128(1n << 128n))).rejects.toThrow("does not fit 128 bits");
});

test("floating-point numbers", async () => {
  expect(await bytesOf(code64().f32(1.5, -0.1).f64(Math.PI))).toBe("00 00 c0 3f cd cc cc bd 18 2d 44 54 fb 21 09 40");
  expect(await bytesOf(code64().f32(Infinity, NaN))).toBe("00 00 80 7f 00 00 c0 7f");
  expect(() => code64().f32(1e39)).toThrow("f32 holds numbers up to 3.4e38, got 1e+39");
});

test("text in ASCII, UTF-8 and UTF-16, with and without an end", async () => {
  expect(await bytesOf(code64().ascii("hi").asciz("hi"))).toBe("68 69 68 69 00");
  expect(await bytesOf(code64().utf8("é€").utf8z("😀"))).toBe("c3 a9 e2 82 ac f0 9f 98 80 00");
  expect(await bytesOf(code64().utf16("é").utf16z("😀"))).toBe("e9 00 3d d8 00 de 00 00");
  expect(() => code64().utf8("\ud83d")).toThrow('utf8 takes Unicode text, got half of a pair in "\\ud83d"');
});

test("arrays, Buffers and typed arrays, whose elements keep their width", async () => {
  expect(await bytesOf(code64().bytes([1, 2]).bytes(Buffer.from("hi")).bytes(Uint8Array.of(255)))).toBe(
    "01 02 68 69 ff",
  );
  expect(await bytesOf(code64().bytes(Uint16Array.of(0x1234)).bytes(Int32Array.of(-2)))).toBe("34 12 fe ff ff ff");
  expect(await bytesOf(code64().bytes(BigUint64Array.of(1n)).bytes(Float32Array.of(1.5)))).toBe(
    "01 00 00 00 00 00 00 00 00 00 c0 3f",
  );
  expect(
    await bytesOf(
      code64()
        .bytes(Uint8Array.of(1, 2, 3).subarray(1))
        .bytes(Uint8Array.of(9).buffer),
    ),
  ).toBe("02 03 09");
  expect(() => code64().bytes("hi" as never)).toThrow('bytes takes an array or a typed array, got "hi"');
});

test("bytes are copied when they are written", async () => {
  const source = Uint8Array.of(1);
  const code = code64().bytes(source);
  source[0] = 2;
  expect(await bytesOf(code)).toBe("01");
});

test("a boot sector and its signature in one line", async () => {
  const { bytes } = await assemble(code16().hlt().pad(510).u16(0xaa55), { origin: 0x7c00n });
  expect(bytes).toHaveLength(512);
  expect(hexBytes(bytes.slice(510))).toBe("55 aa");
});

test("org goes on at an address, pad at a size, reserve leaves room", async () => {
  expect(await bytesOf(code64().u8(1).org(0x1004, 0xcc).u8(2).pad(8).reserve(2).u8(3), 0x1000n)).toBe(
    "01 cc cc cc 02 00 00 00 00 00 03",
  );
  expect(await bytesOf(code64().label("a").reserve(difference("c", "b")).label("b").u16(1).label("c"))).toBe(
    "00 00 01 00",
  );
  expect(await bytesOf(code64().label("a").nop().org(offset("a", 4)).nop())).toBe("90 00 00 00 90");
  await expect(assemble(code64().zero(9).pad(8))).rejects.toThrow("pad 8: it would go back by 1 bytes");
  await expect(assemble(code64().nop().org(0x10), { origin: 0x20n })).rejects.toThrow(
    "org 16: it would go back by 17 bytes",
  );
});

test("alignment fills with NOPs after an instruction, with zeros after data, with what is asked for", async () => {
  expect(await bytesOf(code64().nop().align(8))).toBe("90 0f 1f 80 00 00 00 00");
  expect(await bytesOf(code32().nop().label("x").align(4))).toBe("90 8d 76 00");
  expect(await bytesOf(code16().nop().align(4))).toBe("90 8d 74 00");
  expect(await bytesOf(code64().u8(1).align(4))).toBe("01 00 00 00");
  expect(await bytesOf(code64().u8(1).align(4, "nop"))).toBe("01 0f 1f 00");
  expect(await bytesOf(code64().nop().align(4, 0xcc))).toBe("90 cc cc cc");
});

test("a table of label addresses is as wide as the code's mode", async () => {
  expect(await bytesOf(code16().label("a").nop().label("b").addresses("a", "b"), 0x7c00n)).toBe("90 00 7c 01 7c");
  expect(await bytesOf(code32().label("a").addresses("a"), 0x1000n)).toBe("00 10 00 00");
  expect(await bytesOf(code64().label("a").addresses("a"), 0x1000n)).toBe("00 10 00 00 00 00 00 00");
});

test("sums, differences and multiples of labels", async () => {
  const code = code64()
    .label("start")
    .mov(ecx, difference("end", "start"))
    .mov(eax, multiple(difference("end", "start"), 3))
    .label("end")
    .u16(sum("end", 4, since("start")), multiple("end", 2), difference(sum("end", "start"), "start"))
    .u32(difference("end", offset("start", 1)));
  expect(await bytesOf(code, 0x100n)).toBe("b9 0a 00 00 00 b8 1e 00 00 00 18 01 14 02 0a 01 09 00 00 00");
});

test("room beyond all bounds is refused where it is written", () => {
  expect(() => code64().reserve(2 ** 40)).toThrow("reserve takes up to 256 MiB, got 1099511627776");
  expect(() => code64().zero(-1)).toThrow(AsmError);
  expect(() => code64().pad(1, 256)).toThrow("a fill is 0 to 255, got 256");
});
