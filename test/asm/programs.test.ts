/** Whole programs, byte for byte against GNU as: labels, relaxation, data. */
import fc from "fast-check";
import { hexBytes } from "guestwright";
import {
  al,
  assemble,
  ax,
  cr0,
  ds,
  far,
  fword,
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
          let guest = { 16: code16, 32: code32, 64: code64 }[mode]() as unknown as Code<64, string, never>;
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

describe.skipIf(missing !== undefined)("from mode to mode", () => {
  test("real mode to protected mode to long mode in one program", async () => {
    const guest = code16()
      .lgdt(mem("gdtr"))
      .mov(eax, cr0)
      .or(eax, 1)
      .mov(cr0, eax)
      .ljmp(far(0x08, "protected"))
      .code32()
      .label("protected")
      .mov(ax, 0x10)
      .mov(ds, ax)
      .ljmp(far(0x18, "long"))
      .code64()
      .label("long")
      .mov(rax, 0x1234)
      .hlt()
      .label("gdtr")
      .u16(0x1f)
      .u32(0);
    const text = `
      lgdt [gdtr]
      mov eax, cr0
      or eax, 1
      mov cr0, eax
      ljmp 0x08, offset protected
      .code32
      protected: mov ax, 0x10
      mov ds, ax
      ljmp 0x18, offset long
      .code64
      long: mov rax, 0x1234
      hlt
      gdtr: .2byte 0x1f
      .4byte 0`;
    const { bytes } = await assemble(guest, { origin: 0x7c00n });
    expect(hexBytes(bytes)).toBe(hexBytes(gnuProgram(16, text, 0x7c00)));
  });

  test("far transfers of every kind", async () => {
    const guest = code64()
      .retfq()
      .retf()
      .iretq()
      .sysretq()
      .lcall(fword(rbx))
      .ljmp(fword(rax))
      .code32()
      .retf()
      .code16()
      .iret()
      .ljmp(far(0x08, 0x12345678, 32))
      .ljmp(far(0x08, 0x1234));
    expect(hexBytes((await assemble(guest)).bytes)).toBe(
      "48 cb cb 48 cf 48 0f 07 ff 1b ff 28 cb cf 66 ea 78 56 34 12 08 00 ea 34 12 08 00",
    );
  });
});

test("repz and repnz are second names of repe and repne", async () => {
  type Prefixed = Record<string, { readonly [name: string]: () => Code<64, string, never> }>;
  const prefixed = code64() as unknown as Prefixed;
  const written = await Promise.all(
    [prefixed["repz"]!["cmpsb"]!(), prefixed["repnz"]!["scasb"]!()].map((code) => assemble(code)),
  );
  expect(written.map(({ bytes }) => [...bytes])).toEqual([
    [0xf3, 0xa6],
    [0xf2, 0xae],
  ]);
  const inStatements = await assemble(
    code64((code) => {
      (code as unknown as Prefixed)["repnz"]!["scasb"]!();
    }),
  );
  expect([...inStatements.bytes]).toEqual([0xf2, 0xae]);
});
