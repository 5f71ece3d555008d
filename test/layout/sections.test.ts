/** Sections of a program in places of their own: code that cannot be written, data that cannot be run. */
import { boot, byte, code64, hexBytes, imageToText, layout, offset, rax, rip, type LayoutError } from "guestwright";
import { expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";

const guest = code64()
  .mov(rax, offset("counter"))
  .mov(byte(rip("counter")), 0x42)
  .call("leaf")
  .hlt()
  .section(".data")
  .label("counter")
  .u64(offset("leaf"))
  .section(".text")
  .label("leaf")
  .ret();

const memory = { ram: { at: 0x0, size: "64KiB" } } as const;
const map = {
  text: { virt: 0x40_0000, phys: 0x8000, size: "4KiB", access: "rx" },
  data: { virt: 0x60_0000, phys: 0x9000, size: "4KiB", access: "rw" },
  stack: { virt: 0x7f_f000, phys: 0xa000, size: "4KiB", access: "rw" },
} as const;
const paging = { tables: 0x0, map } as const;
const place = { guest: { code: guest, in: "text", sections: { ".data": { in: "data", offset: 0x10 } } } } as const;

const image = await layout({ mode: "long64", memory, paging, stack: "stack", place }).build();

test("each section lies where it is put, and labels hold across them", () => {
  const [program] = image.programs;
  expect(program!.sections).toEqual([{ name: ".data", origin: 0x60_0010n, phys: 0x9010n, size: 8 }]);
  expect(program!.labels).toEqual({ counter: 0x60_0010n, leaf: 0x40_0014n });
  const chunk = image.chunks.find(({ name }) => name === "code guest .data")!;
  expect([chunk.at, hexBytes(chunk.bytes)]).toEqual([0x9010n, "14 00 40 00 00 00 00 00"]);
});

test("the text form shows every byte once", () => {
  const text = imageToText(image);
  expect(text).toContain("listing: guest (64-bit, at physical 0x00008000, .data at 0x00009010)");
  expect(text).toContain("00600010   14 00 40 00 00 00 00 00  u64 leaf");
  expect(text).not.toContain("data: code");
});

test.each([
  [{ ".rodata": { in: "data" } }, 'the code has no section ".rodata" with anything in it'],
  [{ ".data": { in: "nowhere" } }, 'place.guest.sections..data.in: no place is named "nowhere"'],
  [
    { ".data": { in: "data", offset: 0xffc } },
    "place.guest.sections..data: 8 bytes at offset 0xffc do not fit data, which has 4KiB",
  ],
  [{ ".data": "data" }, 'place.guest.sections..data: expected an object, got "data"'],
])("%j is refused", async (sections, message) => {
  const build = layout({
    mode: "long64",
    memory,
    paging,
    place: { guest: { code: guest, in: "text", sections } },
  } as never).build();
  const error = (await build.catch((each: unknown) => each)) as LayoutError;
  expect(error.message.split("\n")[0]).toBe(message);
});

test("code in a section that is mapped without x", async () => {
  const code = code64().hlt().section(".late").hlt();
  const bad = { guest: { code, in: "text", sections: { ".late": { in: "data" } } } } as const;
  await expect(layout({ mode: "long64", memory, paging, place: bad }).build()).rejects.toThrow(
    "place.guest.sections..late: it holds code, but data is mapped without x",
  );
});

describeKvm("on KVM", () => {
  test("the guest writes to its data and runs its code", async () => {
    using machine = await boot(image);
    expect([...machine.run()].map(({ kind }) => kind)).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0x60_0010n);
    expect(machine.readMemory(0x9010n, 2)).toEqual(Uint8Array.of(0x42, 0));
  });
});
