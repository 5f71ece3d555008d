/** Bytes that no part of the image describes, and values that nothing else speaks of. */
import { diffImages, imageChangesToText, LayoutError, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { richImage } from "./rich-guest.ts";

const base = await richImage();

/** The image with other bytes in one chunk. */
function patched(name: string, patch: (bytes: Uint8Array) => Uint8Array | void): Image {
  const chunks = base.chunks.map((chunk) => {
    if (chunk.name !== name) return chunk;
    const bytes = chunk.bytes.slice();
    return { ...chunk, bytes: patch(bytes) ?? bytes };
  });
  return { ...base, chunks };
}

const words = (after: Image): string => imageChangesToText(diffImages(base, after));

describe("bytes that were changed in the image", () => {
  test("of code: the listing does not tell them any more", () => {
    expect(words(patched("code guest", (bytes) => void (bytes[1] = 0xff)))).toBe(
      "data code guest at 0x8000+0x1: c7 -> ff",
    );
  });

  test("of page tables: what is mapped otherwise", () => {
    // R/W of the only entry of the PML4 is bit 1: without it nothing below can be written (SDM vol. 3A, table 4-15).
    const changes = diffImages(
      base,
      patched("page tables", (bytes) => void (bytes[0]! &= ~2)),
    );
    expect(imageChangesToText(changes)).toBe(
      "page tables for 0x402000..0x403fff in data: access rw -> r\n" +
        "page tables for 0x600000..0x600fff in hole: access rw -> r\n" +
        "page tables for 0x700000..0x700fff in main: access rw -> r",
    );
  });

  test("of page tables: bits that map nothing otherwise", () => {
    // A is bit 5 of every entry.
    expect(words(patched("page tables", (bytes) => void (bytes[0]! |= 0x20)))).toBe(
      "data page tables at 0x10000: 03 -> 23",
    );
  });

  test("of a table of descriptors", () => {
    expect(words(patched("gdt", (bytes) => void (bytes[8] = 0)))).toBe("data gdt at 0x9000+0x8: ff -> 00");
  });

  test("that lie near each other are one change, those that do not are two", () => {
    const after = patched("code guest", (bytes) => {
      for (const at of [0, 8, 17]) bytes[at]! ^= 0xff;
    });
    expect(diffImages(base, after).map(({ subject }) => subject)).toEqual([
      "data code guest at 0x8000",
      "data code guest at 0x8000+0x11",
    ]);
  });

  test("are a hexdump where they are many, and no endless one", () => {
    const after = {
      ...base,
      chunks: [...base.chunks, { name: "blob", at: 0x1_f000n, bytes: new Uint8Array(300).fill(0x41) }],
    };
    const [change] = diffImages(base, after);
    expect(change).toMatchObject({ part: "data", kind: "added", subject: "data blob at 0x1f000", before: undefined });
    const lines = change!.after!.split("\n");
    expect(lines).toHaveLength(17);
    expect(lines[1]).toBe("0001f010  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|");
    expect(lines[16]).toBe("44 bytes more");
  });

  test("that lie elsewhere", () => {
    const blob = (at: bigint): Image => ({
      ...base,
      chunks: [...base.chunks, { name: "blob", at, bytes: Uint8Array.of(1) }],
    });
    expect(imageChangesToText(diffImages(blob(0x1_f000n), blob(0x1_f001n)))).toBe("data blob: at 0x1f000 -> 0x1f001");
  });
});

test("what is said nowhere else is said by its path", () => {
  expect(words({ ...base, symbols: { ...base.symbols, gdt: 1n } })).toBe("symbols.gdt: 0x402000 -> 0x1");
});

/** Other values of fields that take only some. */
const others: Readonly<Record<string, string>> = {
  ...{ ram: "rom", rx: "rwx", rw: "r", none: "ram", long64: "compat32", "4-level": "5-level", usable: "reserved" },
  ...{ code: "data", data: "code", tss: "ldt", ldt: "tss", "interrupt-gate": "trap-gate" },
};

/** Every image that differs from another in one value, with the value's path. */
function* neighbours(value: unknown, path: string): Generator<readonly [string, unknown]> {
  if (typeof value === "bigint") yield [path, value ^ 1n];
  else if (typeof value === "number") yield [path, value ^ 1];
  else if (typeof value === "boolean") yield [path, !value];
  else if (typeof value === "string") yield [path, others[value] ?? `${value}x`];
  else if (value instanceof Uint8Array) {
    if (value.length > 0) yield [path, value.map((byte, i) => (i === 0 ? byte ^ 1 : byte))];
  } else if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) {
      for (const [where, other] of neighbours(each, `${path}[${i}]`)) yield [where, value.with(i, other)];
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (key === "source" || key === "writer") continue;
      for (const [where, other] of neighbours(each, `${path}.${key}`)) yield [where, { ...value, [key]: other }];
    }
  }
}

test("no value of an image can change without a change, and each change has words", () => {
  const silent: string[] = [];
  const refused: string[] = [];
  let count = 0;
  for (const [path, after] of neighbours(base, "image")) {
    count++;
    try {
      const text = imageChangesToText(diffImages(base, after as Image));
      if (text === "" || /undefined|\[object/.test(text)) silent.push(`${path}: ${text}`);
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      refused.push(path);
    }
  }
  expect(silent).toEqual([]);
  expect(count).toBeGreaterThan(300);
  // A descriptor that cannot be: a TSS of 65 bits.
  expect(refused.filter((path) => !/\.(?:descriptor|gate|state)\./.test(path))).toEqual([]);
  expect(refused.length).toBeLessThan(20);
});
