import { addressOf, findName, imageNames, imageSymbols, symbolAt } from "guestwright";
import { code16, code32, layout } from "guestwright";
import { describe, expect, test } from "vitest";
import { longImage } from "./guests.ts";

const image = await longImage();

describe("labels of an image", () => {
  test("with their addresses", () => {
    expect(imageSymbols(image)).toEqual([
      { program: "main", label: "start", address: 0x40_0000n, physical: 0x8000n },
      { program: "main", label: "spin", address: 0x40_0007n, physical: 0x8007n },
      { program: "main", label: "value", address: 0x40_1010n, physical: 0x9010n },
      { program: "other", label: "start", address: 0x40_0100n, physical: 0x8100n },
    ]);
  });

  test("a label behind the last byte has a place, one that is a number has none", () => {
    const [main] = image.programs;
    const labels = { end: 0x40_0009n, behind: 0x40_1018n, size: 0x1234n };
    expect(imageSymbols({ programs: [{ ...main!, labels }] }).map(({ label, physical }) => [label, physical])).toEqual([
      ["end", 0x8009n],
      ["behind", 0x9018n],
      ["size", undefined],
    ]);
  });

  test("by name", () => {
    expect(addressOf(image, "main.spin")).toBe(0x40_0007n);
    expect(addressOf(image, "main.value")).toBe(0x40_1010n);
    expect(addressOf(image, "other.start")).toBe(0x40_0100n);
    expect(addressOf(image, "other")).toBe(0x40_0100n);
    expect(addressOf(image, "memory.ram.end")).toBe(0x1_0000n);
    expect(() => addressOf(image, "main.spim")).toThrow(
      expect.objectContaining({
        code: "UNKNOWN_NAME",
        message: 'nothing is named "main.spim"\n  hint: did you mean main.spin?',
      }),
    );
    expect(() => addressOf({ programs: [], symbols: {}, gdt: undefined }, "main.toString")).toThrow(
      expect.objectContaining({
        message: 'nothing is named "main.toString"\n  hint: there is nothing',
      }),
    );
  });

  test("by a path, by parts of it, and by a label alone", () => {
    const value = { name: "place.main.value", kind: "label", value: 0x40_1010n };
    for (const name of ["place.main.value", "main.value", "value"]) expect(findName(image, name)).toEqual(value);
    const data = { name: "paging.map.data", kind: "mapping", value: 0x40_1000n };
    for (const name of ["paging.map.data", "data"]) expect(findName(image, name)).toEqual(data);
    expect(findName(image, "main..data")).toEqual({ name: "place.main..data", kind: "section", value: 0x40_1010n });
    expect(findName(image, "tables")).toEqual({ name: "paging.tables", kind: "physical", value: 0x1000n });
  });

  test("a short name of several places is refused; a name that is far from all lists some", () => {
    expect(() => findName(image, "start")).toThrow(
      expect.objectContaining({
        code: "AMBIGUOUS_NAME",
        value: "start",
        message: '"start" has several places\n  hint: name one of them: place.main.start, place.other.start',
      }),
    );
    expect(() => findName(image, "something")).toThrow(
      /^nothing is named "something"\n {2}hint: there is main, main\.\.data, main\.start, .*, …$/,
    );
  });

  test("a short name of things of several kinds is refused; their whole paths are not", async () => {
    const { programs, symbols, gdt } = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x0, size: "64KiB" }, user: { at: 0x1_0000, size: "4KiB" } },
      stacks: { user: { size: "4KiB" } },
      place: {
        guest: { code: code32().label("user").hlt(), in: "ram" },
        user: { code: code32().hlt(), in: "ram", offset: 16 },
      },
      entry: "guest",
    }).build();
    const named = { programs, symbols, gdt };
    expect(() => findName(named, "user")).toThrow(
      expect.objectContaining({
        code: "AMBIGUOUS_NAME",
        value: "user",
        message:
          '"user" has several places\n  hint: name one of them: place.guest.user, place.user, memory.user, stacks.user',
      }),
    );
    expect(findName(named, "stacks.user")).toEqual({ name: "stacks.user", kind: "stack", value: 0x1_0000n });
    expect(findName(named, "place.user")).toEqual({ name: "place.user", kind: "program", value: 0x10n });
    expect(findName(named, "guest.user")).toEqual({ name: "place.guest.user", kind: "label", value: 0x0n });
    expect(findName(named, "user.size")).toMatchObject({ name: "memory.user.size" });
  });

  test("every name, of what kind it is, and where it lies", () => {
    const names = imageNames(image);
    const of = (name: string) => names.find((each) => each.name === name);
    expect(of("place.main")).toMatchObject({ kind: "program", physical: 0x8000n });
    expect(of("place.main..data")).toMatchObject({ kind: "section", physical: 0x9010n });
    expect(of("place.main.value")).toMatchObject({ kind: "label", physical: 0x9010n });
    expect(of("memory.high")).toMatchObject({ kind: "physical", value: 0x10_0000n, physical: 0x10_0000n });
    expect(of("paging.map.hole")).toMatchObject({ kind: "mapping", physical: 0x2_0000n });
    expect(of("paging.map.hole.end")).toMatchObject({ kind: "mapping", physical: undefined });
    expect(of("paging.map.hole.size")).toMatchObject({ kind: "number", value: 0x1000n, physical: undefined });
    expect(of("paging.map.hole.phys")).toMatchObject({ kind: "physical", value: 0x2_0000n });
    expect(of("gdt.segments.code")).toMatchObject({ kind: "selector", value: 8n, physical: undefined });
    expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
    expect(names.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(image.symbols)));
    for (const { name, value } of names) expect(addressOf(image, name)).toBe(value);
  });

  test("a GDT that is not in memory has no address, and is left out; what GDTR's limit is, is not", async () => {
    const built = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x0, size: "4KiB" } },
      place: { guest: { code: code32().hlt(), in: "ram" } },
    }).build();
    expect(built.symbols).toMatchObject({ gdt: 0n, "gdt.limit": 0n });
    const names = imageNames(built).map(({ name }) => name);
    expect(names).not.toContain("gdt");
    expect(names).toContain("gdt.limit");
    expect(() => findName(built, "gdt")).toThrow(expect.objectContaining({ code: "UNKNOWN_NAME" }));
  });

  test("by address: the label before it, the statement, and where it was written", () => {
    const source = expect.objectContaining({ file: "test/layout/image/guests.ts" });
    const place = { program: "main", section: undefined, source };
    expect(symbolAt(image, 0x40_0000n)).toEqual({ ...place, label: "start", offset: 0n, text: "mov rax, [rip+value]" });
    expect(symbolAt(image, 0x40_0003n)).toEqual({ ...place, label: "start", offset: 3n, text: "mov rax, [rip+value]" });
    expect(symbolAt(image, 0x40_0008n)).toEqual({ ...place, label: "spin", offset: 1n, text: "jmp spin" });
    expect(symbolAt(image, 0x40_1017n)).toMatchObject({ section: ".data", label: "value", offset: 7n });
    expect(symbolAt(image, 0x40_0009n)).toBeUndefined();
    expect(symbolAt(image, 0x3f_ffffn)).toBeUndefined();
  });

  test("of several at one address, the first; before the first, the distance from the beginning", async () => {
    const code = code16().nop().label("b").label("a").nop();
    const built = await layout({
      mode: "real16",
      memory: { ram: { at: 0, size: "4KiB" } },
      place: { guest: { code, in: "ram", offset: 0x100 } },
    }).build();
    expect(symbolAt(built, 0x100n)).toMatchObject({ label: undefined, offset: 0n });
    expect(symbolAt(built, 0x101n)).toMatchObject({ label: "b", offset: 0n });
  });
});
