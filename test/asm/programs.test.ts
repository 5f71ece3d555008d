/** Whole programs, byte for byte against GNU as: labels, relaxation, data. */
import fc from "fast-check";
import { hexBytes } from "guestwright";
import {
  al,
  assemble,
  ax,
  byte,
  code16,
  code32,
  code64,
  cx,
  distance,
  dx,
  eax,
  ecx,
  mem,
  offset,
  qword,
  rax,
  rbx,
  rcx,
  rip,
  rsi,
  si,
  since,
  times,
  word,
  type Code,
  type Mode,
} from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuMissing, gnuProgram } from "./gnu.ts";

const missing = gnuMissing();

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test("the real-mode guest, with its text as an author of assembly writes it", async () => {
    const guest = code16()
      .mov(dx, 0x1000)
      .lea(si, mem("msg"))
      .mov(cx, mem("msg_len"))
      .rep.outsb()
      .mov(byte(0x2000), 0xaa)
      .mov(al, byte(0x2000))
      .hlt()
      .label("msg")
      .asciz("Hello from Real Mode!\n")
      .label("msg_len")
      .u16(since("msg"));
    const text = `
      mov dx, 0x1000
      lea si, [msg]
      mov cx, [msg_len]
      rep outsb
      mov byte ptr ds:[0x2000], 0xaa
      mov al, byte ptr ds:[0x2000]
      hlt
      msg: .asciz "Hello from Real Mode!\\n"
      msg_len: .2byte . - msg`;
    expect(hexBytes((await assemble(guest)).bytes)).toBe(hexBytes(gnuProgram(16, text)));
  });

  test("labels in addresses, immediates and data of 64-bit code", async () => {
    const guest = code64()
      .label("start")
      .lea(rsi, rip("table"))
      .mov(rcx, rip("table", 8))
      .mov(rax, offset("table"))
      .mov(ecx, distance("table", "end"))
      .call("leaf")
      .jmp(qword(rsi, times(rcx, 8)))
      .label("leaf")
      .xor(eax, eax)
      .ret()
      .align(8, 0xcc)
      .label("table")
      .u64(offset("start"), offset("leaf"))
      .u32(distance("start", "leaf"))
      .u8(since("table"))
      .label("end");
    const text = `
      start: lea rsi, [rip + table]
      mov rcx, [rip + table + 8]
      mov rax, offset table
      mov ecx, offset end - table
      call leaf
      jmp qword ptr [rsi + rcx*8]
      leaf: xor eax, eax
      ret
      .balign 8, 0xcc
      table: .quad start, leaf
      .4byte leaf - start
      .byte . - table
      end:`;
    expect(hexBytes((await assemble(guest, { origin: 0x40_0000n })).bytes)).toBe(
      hexBytes(gnuProgram(64, text, 0x40_0000)),
    );
  });

  test.each([
    [16, code16()],
    [32, code32()],
    [64, code64()],
  ] as const)("%i-bit branches over 120 to 135 bytes, forward and back", async (mode, start) => {
    for (let distanceOver = 120; distanceOver <= 135; distanceOver++) {
      const guest = (start as Code<64, never, never>)
        .label("back")
        .jz("forth")
        .jmp("forth")
        .zero(distanceOver)
        .label("forth")
        .jnz("back")
        .jmp("back")
        .call("back");
      const text = `back: jz forth\njmp forth\n.zero ${distanceOver}\nforth: jnz back\njmp back\ncall back`;
      const { bytes } = await assemble(guest);
      expect(hexBytes(bytes), `${distanceOver} bytes`).toBe(hexBytes(gnuProgram(mode, text)));
    }
  });

  test("branches among each other and gaps, at random", async () => {
    const branch = fc.constantFrom("jmp", "jz", "jnc", "call" as const);
    const piece = fc.record({ branch, to: fc.nat(11), gap: fc.constantFrom(0, 1, 3, 60, 110, 118, 124, 126) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Mode>(16, 32, 64),
        fc.array(piece, { minLength: 12, maxLength: 12 }),
        async (mode, pieces) => {
          let guest = { 16: code16, 32: code32, 64: code64 }[mode]() as Code<64, string, never>;
          const lines: string[] = [];
          pieces.forEach(({ branch: name, to, gap }, i) => {
            guest = guest.label(`l${i}`)[name as "jmp"](`l${to}`).zero(gap);
            lines.push(`l${i}: ${name} l${to}`, `.zero ${gap}`);
          });
          const { bytes } = await assemble(guest);
          expect(hexBytes(bytes)).toBe(hexBytes(gnuProgram(mode, lines.join("\n"))));
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  test("the string instructions with their prefixes", async () => {
    const guest = code64().rep.movsb().rep.stosq().repe.cmpsb().repne.scasb().lock.add(qword(rbx), rax).rep.insb();
    const text = "rep movsb\nrep stosq\nrepe cmpsb\nrepne scasb\nlock add qword ptr [rbx], rax\nrep insb";
    expect(hexBytes((await assemble(guest)).bytes)).toBe(hexBytes(gnuProgram(64, text)));
  });

  test("a real-mode program at the boot sector's address", async () => {
    const guest = code16().label("top").mov(word("count"), ax).jmp("top").zero(500).label("count").u16(offset("top"));
    const text = "top: mov word ptr [count], ax\njmp top\n.zero 500\ncount: .2byte top";
    expect(hexBytes((await assemble(guest, { origin: 0x7c00n })).bytes)).toBe(hexBytes(gnuProgram(16, text, 0x7c00)));
  });
});
