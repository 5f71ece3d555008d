/** Whole programs in text, byte for byte against GNU as and ld. */
import fc from "fast-check";
import { hexBytes } from "guestwright";
import type { Mode } from "guestwright/asm";
import { assembleText } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuImage, gnuMissing } from "../gnu.ts";
import { longModeGuest, realModeGuest } from "./guests.ts";

const missing = gnuMissing();

/** Without `//` comments, which are the C preprocessor's. */
const forGnu = (text: string): string => `.intel_syntax noprefix\n${text.replaceAll(/\/\/.*$/gm, "")}`;

const same = "the same bytes";

/** Assembles text here and with GNU as and ld; says where they differ, if they do. */
async function compare(
  mode: Mode,
  text: string,
  { sections = [".text"], origin = 0 }: { sections?: readonly string[]; origin?: number } = {},
): Promise<string> {
  const { bytes } = await assembleText(mode, text, { origin: BigInt(origin) });
  const gnu = gnuImage(mode, forGnu(text), sections, origin);
  const ours = hexBytes(bytes);
  const theirs = hexBytes(gnu);
  if (ours === theirs) return same;
  const at = bytes.findIndex((byte, i) => byte !== gnu[i]);
  return `at ${at} of ${bytes.length} and ${gnu.length} bytes: ${ours.slice(at * 3, at * 3 + 60)} instead of ${theirs.slice(at * 3, at * 3 + 60)}`;
}

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test("the real-mode guest as it stands", async () => {
    expect(await compare(16, realModeGuest, { sections: [".boot", ".rodata"] })).toBe(same);
  });

  test("what GCC writes for a switch and a call", async () => {
    const text = [
      '.file "guest.c"\n.version "1"\n.intel_mnemonic\n.text\n.globl pick\npick: push rbp; mov rbp, rsp',
      "mov DWORD PTR -20[rbp], edi; mov QWORD PTR -32[rbp], rsi; cmp DWORD PTR -20[rbp], 1; ja .L4",
      "mov eax, DWORD PTR -20[rbp]; lea rdx, 0[0+rax*8]; mov rax, QWORD PTR table[0+rax*8]; notrack jmp rax",
      ".L2: jmp [QWORD PTR table[0+rdi*8]]",
      ".L3: call pick@PLT; lea rax, table[rip]; call [QWORD PTR 8[rax]]",
      ".L4: leave; ret\n.align 8\ntable: .quad .L2, .L3",
    ].join("\n");
    expect(await compare(64, text, { origin: 0x1000 })).toBe(same);
  });

  test("the long-mode guest as it stands", async () => {
    expect(await compare(64, longModeGuest, { sections: [".boot", ".rodata"] })).toBe(same);
  });

  test("a boot sector at its address", async () => {
    const text = `
      start:
        cli
        xor ax, ax
        mov ds, ax
        mov si, offset msg
      1: lodsb
        test al, al
        jz 2f
        mov ah, 0x0e
        int 0x10
        jmp 1b
      2: hlt
        jmp 2b
      msg: .asciz "Booting\\r\\n"
        .fill 510 - (. - start), 1, 0
        .word 0xaa55`;
    expect(await compare(16, text, { origin: 0x7c00 })).toBe(same);
    expect((await assembleText(16, text)).bytes).toHaveLength(512);
    expect(await compare(16, text.replace(".fill 510 - (. - start), 1, 0", ".org 510"), { origin: 0x7c00 })).toBe(same);
  });

  test("from real mode to protected mode", async () => {
    expect(
      await compare(
        16,
        `
        .code16
        .global _start
        .type _start, @function
      _start:
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        ljmp 8:protected
        .code32
      protected:
        mov ax, 0x10
        mov ds, ax
        mov esp, offset stack_top
        call main
      1: hlt
        jmp 1b
      main:
        push ebp
        mov ebp, esp
        mov eax, counter
        inc dword ptr counter
        mov ecx, offset gdt_end - gdt
        mov edx, gdt_end - gdt
        leave
        ret
        .size _start, . - _start
        .balign 8
      gdt:
        .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
      gdt_end:
      gdtr:
        .word gdt_end - gdt - 1
        .long gdt
      counter: .long 0
        .skip 64
      stack_top:`,
        { origin: 0x1000 },
      ),
    ).toBe(same);
  });

  test("64-bit code with several sections, entered again and again", async () => {
    expect(
      await compare(
        64,
        `
        .set COUNT, 3
        .section .text
      entry:
        lea rdi, [rip + table]
        mov rsi, offset table
        mov ecx, COUNT
      again:
        call [rdi + rcx*8 - 8]
        dec ecx
        jnz again
        mov rax, qword ptr [rip + value]
        mov eax, dword ptr value[rip]
        cmp byte ptr [rip + flag], 1
        ret
        .section .rodata, "a", @progbits
        .align 16
      table: .quad one, two, entry
        .text
      one: ret
        .p2align 4
      two: jmp one
        .balign 16
        .data
      value: .quad 0x1122334455667788
      flag: .byte 1
        .section .rodata
        .long value - table
        .pushsection .data
        .byte COUNT
        .popsection
        .byte again - entry, . - table`,
        { sections: [".text", ".rodata", ".data"], origin: 0x40_0000 },
      ),
    ).toBe(same);
  });

  test("symbols that get values before and after they are used", async () => {
    expect(
      await compare(
        32,
        `
        early = 5
        mov eax, early
        mov eax, late
        mov eax, [early]
        .long late, early
        late = early * 2 + 1
        mov eax, late
        early = 6
        .byte early
        here = .
        nop
        .long . - here
        .set span, . - here
        .byte span
        .long here + 4, 2 * (finish - here) + 1, (finish - here) / 2
      finish:`,
      ),
    ).toBe(same);
  });

  test("distances that are known where they are used", async () => {
    expect(
      await compare(
        32,
        `
        a: .byte 1, 2, 3
        b: .ascii "text"
        .skip 5
        1: .fill 2, 4, 1
        c: .if c - a == 20 && . - 1b == 8
          .byte 4
        .endif
        .if (c - b) / 3 * 2 + 1 - (1b - a) < 0
          .byte 5
        .endif
        .rept 24 - (. - a)
          .byte 6
        .endr
        size = . - b
        selector = b - a + 5
        push size
        push (c - a) | 1
        add eax, size * 100
        ljmp selector, offset a
        ljmp selector:b
        .data
        d: .long 1
        .previous
        .long d + 1 - d, a - b, . - c
        .data
        .if . - d == 4
          .byte 7
        .endif
        .balign 8
        e: .byte e - d, . - d, . - e
        .end
        neither read nor understood [`,
        { sections: [".text", ".data"], origin: 0x1000 },
      ),
    ).toBe(same);
  });

  test("numbers in as few bytes as they need", async () => {
    const numbers = "0, 1, 63, 64, 127, 128, 255, 256, 16383, 16384, 0xffffffff, 0x123456789abcdef";
    const negative = "-1, -63, -64, -65, -127, -128, -129, -8192, -8193, -0x123456789";
    expect(await compare(64, `.uleb128 ${numbers}\n.sleb128 ${numbers}, ${negative}`)).toBe(same);
  });

  test.each([16, 32, 64] as const)("%i-bit gaps of every size up to 300 bytes", async (mode) => {
    const sizes = [
      ...Array.from({ length: 40 }, (_, i) => i + 1),
      87,
      88,
      98,
      99,
      127,
      128,
      129,
      130,
      131,
      200,
      255,
      300,
    ];
    const text = sizes.map((size) => `.balign 512\n.skip ${512 - size}, 0xcc\n.balign 512`).join("\n");
    expect(
      await compare(
        mode,
        `${text}\n.balign 16\nret\n.p2align 4,,15\nnop\n.p2align 4,,3\n.balign 8, 0xcc\nnop\n.p2align 3, 0x90`,
      ),
    ).toBe(same);
  });

  test("floating-point numbers of every width", async () => {
    const numbers =
      "0, -0.0, 1, 1.5, -2.5e3, 0.1, 3.14159265358979323846, 1e-45, 7e-46, 1.17549435e-38, 3.4028234e38, 1e-40";
    const doubles = "5e-324, 2e-324, 1.7976931348623157e308, 2.2250738585072011e-308, 123456789.123456789";
    expect(
      await compare(64, `.float ${numbers}\n.double ${numbers}, ${doubles}\n.tfloat ${numbers}, ${doubles}, 1e4932`),
    ).toBe(same);
  });

  test("jumps among numeric labels and gaps, at random", async () => {
    const branch = fc.constantFrom("jmp", "jz", "jnc", "call");
    const piece = fc.record({
      branch,
      to: fc.constantFrom("1b", "1f", "2b", "2f", "first", "last", "last - 3", "."),
      gap: fc.constantFrom(".zero 1", ".zero 60", ".zero 118", ".zero 126", ".balign 16", ".byte 2 * 3", "nop"),
    });
    const pieces = fc.array(piece, { minLength: 10, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom<Mode>(16, 32, 64), pieces, async (mode, all) => {
        const lines = all.flatMap(({ branch: name, to, gap }, i) => [`${1 + (i % 2)}: ${name} ${to}`, gap]);
        expect(
          await compare(mode, ["first: nop", "1: nop", "2: nop", ...lines, "last: nop", "1: 2: nop"].join("\n")),
        ).toBe(same);
      }),
      { numRuns: 40, seed: 2 },
    );
  });
});

test("labels, constants and the listing of text", async () => {
  const { labels, listing } = await assembleText(64, "PORT = 0x3f8\nstart: mov dx, PORT\n1: jmp 1b\nend:", {
    origin: 0x1000n,
    file: "serial.s",
  });
  expect([...labels]).toEqual([
    ["start", 0x1000n],
    ["end", 0x1006n],
    ["PORT", 0x3f8n],
  ]);
  expect(listing.map(({ text, source }) => `${source?.file}:${source?.line} ${text}`)).toEqual([
    "serial.s:2 start",
    "serial.s:2 mov dx, 0x3f8",
    "serial.s:3 1@1",
    "serial.s:3 jmp 1@1",
    "serial.s:4 end",
    "serial.s:1 PORT = 1016",
  ]);
});

test("100,000 lines are read in a time that only a linear reader keeps", { timeout: 60_000 }, async () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `l${i}: mov eax, dword ptr [rbx + rcx*4 + ${i % 97}]`).join(
    "\n",
  );
  const { readText } = await import("../../../src/asm/text/read-text.ts");
  const { WrittenText } = await import("../../../src/asm/text/source-text.ts");
  const nodes = readText(new WrittenText(text, "long.s"), 64, { isWhole: true });
  expect(nodes).toHaveLength(200_000);
});
