import { code32, layout, provenanceOf, provenanceToText, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { longImage, realImage, withMemory } from "./guests.ts";

const image = await longImage();
const text = (at: bigint, of: Image = image): string =>
  provenanceToText(provenanceOf(of, at)).replace(/ \(test\/layout\/image\/guests\.ts:\d+\)/, " (source)");

describe("where a byte comes from", () => {
  test("an instruction", () => {
    const { region, chunk, code, entry, mappings } = provenanceOf(image, 0x8007n);
    expect(region?.name).toBe("ram");
    expect(chunk).toEqual({ name: "code main", offset: 7n });
    expect(code).toMatchObject({ program: "main", label: "spin", offset: 0n, text: "jmp spin" });
    expect(code?.source?.file).toBe("test/layout/image/guests.ts");
    expect(entry).toBeUndefined();
    expect(mappings).toEqual([{ name: "text", virt: 0x40_0007n, access: "rx", user: false }]);
  });

  test.each([
    ["code", 0x8008n, "0x8008: ram, code main+0x8, main:spin+0x1 (source), at 0x400008 through text (rx)"],
    [
      "a section, mapped twice",
      0x9012n,
      "0x9012: ram, code main .data+0x2, main:value+0x2 (source), at 0x401012 through data (rw), at 0x500012 through again (r)",
    ],
    ["memory that is zero", 0x9100n, "0x9100: ram, zero, at 0x401100 through data (rw), at 0x500100 through again (r)"],
    ["an entry of the GDT", 0xa00fn, "0xa00f: ram, gdt+0xf, gdt entry 1 code, at 0x40200f through data (rw)"],
    ["an entry of the root", 0x1001n, "0x1001: ram, page tables+0x1, PML4E entry 0 for 0x0"],
    ["an entry of a page table", 0x4008n, "0x4008: ram, page tables+0x3008, PTE entry 1 for 0x401000"],
    ["a place that nothing is in", 0x2_0000n, "0x20000: no region, zero, at 0x600000 through hole (rw)"],
    ["memory that nothing maps", 0x10_0000n, "0x100000: high, zero"],
  ])("%s", (_, at, expected) => {
    expect(text(at)).toBe(expected);
  });

  test("an alias shows the memory of another region", async () => {
    const real = await realImage();
    const aliased = withMemory(real, [
      ...real.memory,
      { kind: "alias", name: "again", of: "ram", offset: 0x7000n, at: 0x2_0000n, size: 0x1000n },
    ]);
    expect(text(0x2_0c02n, aliased)).toBe(
      "0x20c02: again, the memory at 0x7c02, code boot+0x2, boot:start+0x2 (source)",
    );
  });

  // Tables that lie where an alias shows them are read through it.
  test("page tables behind an alias are found where CR3 points", () => {
    const alias = { kind: "alias", name: "again", of: "ram", offset: 0n, at: 0x20_0000n, size: 0x1_0000n } as const;
    const moved = { ...withMemory(image, [...image.memory, alias]), cpu: { ...image.cpu, cr3: 0x20_1000n } };
    expect(text(0x20_1000n, moved)).toBe("0x201000: again, the memory at 0x1000, page tables, PML4E entry 0 for 0x0");
  });
});

test("entries of an LDT and of an IDT", async () => {
  const built = await layout({
    mode: "protected32",
    memory: { ram: { at: 0, size: "64KiB" } },
    gdt: {
      at: 0x1000,
      segments: {
        code: { type: "code", bits: 32 },
        data: { type: "data" },
        local: { type: "ldt", at: 0x2000, segments: { first: { type: "data" }, second: { type: "data" } } },
      },
    },
    idt: { at: 0x3000, vectors: { "#UD": "place.guest.handler" } },
    place: { guest: { code: code32().label("handler").hlt(), in: "ram", offset: 0x4000 } },
  }).build();
  expect(text(0x1018n, built)).toBe("0x1018: ram, gdt+0x18, gdt entry 3 local");
  expect(text(0x1007n, built)).toBe("0x1007: ram, gdt+0x7, gdt entry 0");
  expect(text(0x200fn, built)).toBe("0x200f: ram, ldt local+0xf, ldt entry 1 second");
  expect(text(0x3000n + 6n * 8n, built)).toBe("0x3030: ram, idt+0x30, idt entry 6");
});
