import { imageHash, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { realModeCpu } from "../../kvm/images.ts";
import { longImage, realImage, withMemory } from "./guests.ts";

const image = await longImage();
const hash = await imageHash(image);

describe("the hash of an image", () => {
  test("is 64 hexadecimal digits, the same for the same image", async () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await imageHash(await longImage())).toBe(hash);
    expect(await imageHash(structuredClone(image))).toBe(hash);
  });

  test("is the same on every machine and in every release", async () => {
    const image: Image = {
      ...(await realImage()),
      memory: [{ kind: "ram", name: "ram", at: 0n, size: 0x1000n }],
      chunks: [{ name: "code", at: 0x10n, bytes: Uint8Array.of(0xf4) }],
      cpu: realModeCpu,
    };
    expect(await imageHash(image)).toMatchInlineSnapshot(
      `"907e042f70229b0693ac24bdaec24578263449d92458d4238504620aee0bc7ef"`,
    );
  });

  test.each<readonly [string, (image: Image) => Image]>([
    [
      "names, listings and warnings",
      (it) => ({ ...it, programs: [], warnings: [], paging: undefined, gdt: undefined }),
    ],
    [
      "a region's name",
      (it) =>
        withMemory(
          it,
          it.memory.map((each) => ({ ...each, name: `${each.name}s` })),
        ),
    ],
    ["a chunk's name", (it) => ({ ...it, chunks: it.chunks.map((each) => ({ ...each, name: "x" })) })],
    [
      "where chunks are divided",
      (it) => ({
        ...it,
        chunks: it.chunks.flatMap(({ name, at, bytes }) => [
          { name, at, bytes: bytes.subarray(0, 3) },
          { name, at: at + 3n, bytes: bytes.subarray(3) },
        ]),
      }),
    ],
    [
      "zeros that lie in a chunk",
      (it) => ({ ...it, chunks: [...it.chunks, { name: "z", at: 0x10_0000n, bytes: new Uint8Array(16) }] }),
    ],
    [
      "the order of keys",
      (it) => ({ ...it, cpu: Object.fromEntries(Object.entries(it.cpu).toReversed()) as unknown as Image["cpu"] }),
    ],
  ])("does not depend on %s", async (_, change) => {
    expect(await imageHash(change(image))).toBe(hash);
  });

  test.each<readonly [string, (image: Image) => Image]>([
    [
      "a byte",
      (it) => ({
        ...it,
        chunks: it.chunks.map((each, i) => (i === 2 ? { ...each, bytes: each.bytes.map((byte) => byte ^ 1) } : each)),
      }),
    ],
    [
      "where a byte lies",
      (it) => ({ ...it, chunks: it.chunks.map((each, i) => (i === 2 ? { ...each, at: each.at + 1n } : each)) }),
    ],
    ["a register", (it) => ({ ...it, cpu: { ...it.cpu, regs: { ...it.cpu.regs, r15: 1n } } })],
    ["a segment", (it) => ({ ...it, cpu: { ...it.cpu, segments: { ...it.cpu.segments, fs: it.cpu.segments.cs } } })],
    ["the size of memory", (it) => withMemory(it, it.memory.slice(0, 1))],
    [
      "the kind of memory",
      (it) =>
        withMemory(
          it,
          it.memory.map((each) => ({ ...each, kind: "rom" as const })),
        ),
    ],
    [
      "what an alias shows",
      (it) =>
        withMemory(it, [
          ...it.memory,
          { kind: "alias", name: "a", of: "ram", offset: 0n, at: 0x20_0000n, size: 0x1000n },
        ]),
    ],
  ])("depends on %s", async (_, change) => {
    expect(await imageHash(change(image))).not.toBe(hash);
  });
});
