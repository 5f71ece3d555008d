/** Guests as people write them in .S files, byte for byte against GNU as and ld. */
import { readdirSync, readFileSync } from "node:fs";
import { hexBytes } from "guestwright";
import type { Mode } from "guestwright/asm";
import { assembleText } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuImage, gnuMissing } from "../gnu.ts";

const missing = gnuMissing();
const folder = new URL("guest-files/", import.meta.url);

interface Guest {
  /** What GNU as is told; each file chooses the size of its code itself. */
  readonly mode: Mode;
  /** In the order in which the file names them, `.bss` last. */
  readonly sections: readonly string[];
  readonly origin: number;
}

const guests: Readonly<Record<string, Guest>> = {
  "ap-trampoline.S": { mode: 64, sections: [".trampoline"], origin: 0x8000 },
  "boot-sector.S": { mode: 16, sections: [".text"], origin: 0x7c00 },
  "gdt.S": { mode: 32, sections: [".data", ".text", ".rodata"], origin: 0x2000 },
  "isr-stubs.S": { mode: 64, sections: [".text", ".rodata", ".bss"], origin: 0x10_0000 },
  "odds-and-ends.S": { mode: 32, sections: [".text", ".data.extra", ".data", ".note"], origin: 0x1000 },
  "page-tables.S": { mode: 64, sections: [".tables", ".text"], origin: 0x1_0000 },
  "serial.S": { mode: 64, sections: [".text", ".rodata.str", ".rodata"], origin: 0x10_0000 },
};

test("each file is compared", () => {
  expect(readdirSync(folder).toSorted()).toEqual(Object.keys(guests));
});

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test.each(Object.entries(guests))("%s", async (file, { mode, sections, origin }) => {
    const text = readFileSync(new URL(file, folder), "utf8");
    const { bytes } = await assembleText(mode, text, { origin, file });
    expect(hexBytes(bytes)).toBe(hexBytes(gnuImage(mode, text, sections, origin)));
  });
});
