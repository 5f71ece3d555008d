/** Programs and the places that they are put in. Each mistake with its whole message. */
import { code16, code32, code64 } from "guestwright";
import { describe } from "vitest";
import { edit, longGuest, protectedGuest, ramHint, realGuest, testFailures } from "./descriptions.ts";

describe("places", () => {
  testFailures("LayoutError", [
    [
      "that no one described",
      edit(longGuest(), { "place.guest.in": "txt" }),
      'place.guest.in: no place is named "txt"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "txt",
    ],
    [
      "that only memory has, where there is paging",
      edit(longGuest(), { "place.guest.in": "ram" }),
      'place.guest.in: no place is named "ram"\n  hint: there is text, stack',
      "UNKNOWN_NAME",
      "ram",
    ],
    [
      "too small for the code",
      edit(longGuest(), { "place.guest.code": code64().zero(0x1001) }),
      "place.guest: 4097 bytes at offset 0x0 do not fit text, which has 4KiB\n  hint: give text at least 8KiB, or put the code elsewhere",
      "DOES_NOT_FIT",
      4097,
    ],
    [
      "too small for the code at its offset",
      edit(longGuest(), { "place.guest.code": code64().nop().hlt(), "place.guest.offset": 0xfff }),
      "place.guest: 2 bytes at offset 0xfff do not fit text, which has 4KiB\n  hint: give text at least 8KiB, or put the code elsewhere",
      "DOES_NOT_FIT",
      2,
    ],
    [
      "that end before the offset",
      edit(longGuest(), { "place.guest.offset": "1TiB" }),
      "place.guest.offset: 0x10000000000 is beyond text, which has 4KiB\n  hint: make the offset smaller, or text larger",
      "DOES_NOT_FIT",
      2n ** 40n,
    ],
    [
      "of two programs",
      edit(longGuest(), { "place.other": { code: code64().hlt(), in: "text" }, entry: "guest" }),
      "code guest and code other overlap: 0x5000..0x5000 and 0x5000..0x5000\n  hint: set place.other.offset to 0x10, or place.guest.offset to 0x10: both are free",
      "OVERLAP",
      ["code guest", "code other"],
    ],
    [
      "without memory",
      edit(longGuest(), {
        "paging.map.hole": { virt: 0x9000, phys: 0x9000, size: "4KiB", access: "rx", backing: "none" },
        "place.guest.in": "hole",
      }),
      `code guest: there is no memory at 0x9000 of its physical 0x9000..0x9000${ramHint}`,
      "NO_MEMORY",
      0x9000n,
    ],
    [
      "where nothing executes",
      edit(longGuest(), { "paging.map.text.access": "rw" }),
      'place.guest: it holds code, but text is mapped without x\n  hint: set paging.map.text.access to "rwx", or put it in another place',
      "NOT_EXECUTABLE",
      "text",
    ],
    [
      "where nothing executes, for code written as data",
      edit(longGuest(), { "paging.map.text.access": "r", "place.guest.code": code64().u8(0xf4) }),
      'entry: guest runs first, but text is mapped without x\n  hint: set paging.map.text.access to "rx", or put it in another place',
      "NOT_EXECUTABLE",
      "text",
    ],
  ]);
});

describe("places and segments", () => {
  testFailures("LayoutError", [
    [
      "real mode: past the 64 KiB of CS",
      edit(realGuest(), { "place.guest.offset": "64KiB" }),
      "place.guest: it begins at offset 0x10000 of CS, whose offsets are 0x0..0xffff\n  hint: put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it",
      "DOES_NOT_FIT",
      0x1_0000n,
    ],
    [
      "real mode: over the end of CS",
      edit(realGuest(), { "place.guest.offset": 0xffff, "place.guest.code": code16().nop().hlt() }),
      "place.guest: it ends at offset 0x10000 of CS, whose offsets are 0x0..0xffff\n  hint: put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it",
      "DOES_NOT_FIT",
      0x1_0000n,
    ],
    [
      "real mode: before CS",
      edit(realGuest(), { "cpu.segments.cs": 0x100 }),
      "place.guest: it begins at offset -0x1000 of CS, whose offsets are 0x0..0xffff\n  hint: put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it",
      "DOES_NOT_FIT",
      -0x1000n,
    ],
    [
      "protected mode: past a limit",
      edit(protectedGuest(), {
        gdt: { segments: { code: { type: "code", bits: 32, limit: 0xfff }, data: { type: "data" } } },
        "place.guest.offset": 0x1000,
      }),
      "place.guest: it begins at offset 0x1000 of CS, whose offsets are 0x0..0xfff\n  hint: put it where CS reaches it, or set cpu.segments.cs to a segment that reaches it",
      "DOES_NOT_FIT",
      0x1000n,
    ],
    [
      "protected mode: 16-bit code where it has no offsets",
      edit(protectedGuest(), {
        "place.small": { code: code16().hlt(), in: "ram", offset: "64KiB" },
        entry: "guest",
      }),
      "place.small: it begins at offset 0x10000 of a flat 16-bit segment, whose offsets are 0x0..0xffff\n  hint: put it where a flat 16-bit segment reaches it",
      "DOES_NOT_FIT",
      0x1_0000n,
    ],
    [
      "long mode: 32-bit code beyond 4 GiB",
      edit(longGuest(), {
        "paging.map.high": { virt: "4GiB", phys: 0x7000, size: "4KiB", access: "rx" },
        "place.small": { code: code32().hlt(), in: "high" },
        entry: "guest",
      }),
      "place.small: it begins at offset 0x100000000 of a flat 32-bit segment, whose offsets are 0x0..0xffffffff\n  hint: put it where a flat 32-bit segment reaches it",
      "DOES_NOT_FIT",
      0x1_0000_0000n,
    ],
  ]);
});
