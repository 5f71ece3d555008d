/** From addresses back to what was written. */
import { assemble, code64, listingToText, placeAt, rax, rip } from "guestwright/asm";
import { expect, test } from "vitest";

const program = await assemble(
  code64().label("start").nop().lea(rax, rip("value")).hlt().section(".data").label("value").u32(7, 8),
  { origin: 0x1000, sections: { ".data": 0x9000 } },
);

test.each([
  [0x1000n, undefined, "start", 0n, "nop"],
  [0x1003n, undefined, "start", 3n, "lea rax, [rip+value]"],
  [0x1008n, undefined, "start", 8n, "hlt"],
  [0x9005n, ".data", "value", 5n, "u32 0x7, 0x8"],
])("%o is in the statement that was written for it", (address, section, label, offset, text) => {
  expect(placeAt(program, address)).toEqual({
    section,
    label,
    offset,
    text,
    source: { file: "test/asm/place-at.test.ts", line: 6, column: expect.any(Number) },
  });
  expect(program.labels.get(label)).toBe(address - offset);
});

test.each([0xfffn, 0x1009n, 0x8fffn, 0x9008n])("nothing of the program is at %o", (address) => {
  expect(placeAt(program, address)).toBeUndefined();
});

test.each<[string, () => unknown, string]>([
  ["no program", () => placeAt(undefined as never, 0n), "placeAt takes an assembled program, got nothing"],
  ["a listing", () => placeAt(program.listing as never, 0n), "placeAt takes an assembled program, got "],
  ["a number", () => placeAt(program, 5 as never), "placeAt takes an address as a bigint, got 5"],
  ["a program", () => listingToText(program as never), "listingToText takes the listing of a program, got "],
  ["no lines", () => listingToText([null] as never), "listingToText takes the listing of a program, got "],
])("what is given %s is refused with an error of its own", (_, call, message) => {
  expect(call).toThrow(
    expect.objectContaining({ code: "BAD_VALUE", message: expect.stringContaining(message) as string }),
  );
});
