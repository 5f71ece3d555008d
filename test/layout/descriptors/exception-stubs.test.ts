/** Exceptions in 64-bit code that go through stubs to handlers, on the machine: SDM vol. 3A, 6.14. */
import {
  al,
  assemble,
  byte,
  code64,
  cr2,
  ds,
  eax,
  ebx,
  ecx,
  layout,
  mem,
  qword,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r8,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rip,
  rsi,
  rsp,
  type UndefinedLabels,
} from "guestwright";
import {
  exceptionFrame64,
  exceptionStubs,
  LayoutError,
  pseudoDescriptor,
  stubLabel,
  vectorOf,
} from "guestwright/layout";
import { describe, expect, expectTypeOf, test } from "vitest";
import { describeKvm } from "../../kvm/require-kvm.ts";
import { at, DF, idtOf, recordsOnKvm } from "./stub-guests.ts";
import { thrownBy } from "./thrown-by.ts";

describeKvm("64-bit code", () => {
  /** What the registers hold while the exceptions happen. */
  const held = {
    ...{ rax: 0x28n, rbx: 0x40_0000n, rcx: 0n, rdx: 0x0123_4567_89ab_cdefn, rbp: 0x5555_0000_0000_0005n },
    ...{ rsi: 0x6666_0000_0000_0006n, rdi: 0x7777_0000_0000_0007n, r8: 0x8888_0000_0000_0008n },
    ...{ r9: 0x9999_0000_0000_0009n, r10: 0xaaaa_0000_0000_000an, r11: 0xbbbb_0000_0000_000bn },
    ...{ r12: 0xcccc_0000_0000_000cn, r13: 0xdddd_0000_0000_000dn, r14: 0xeeee_0000_0000_000en },
    ...{ r15: 0xffff_0000_0000_000fn },
  };

  const guest = code64()
    .lidt(rip("idtr"))
    .mov(rax, held.rax)
    .mov(rbx, held.rbx)
    .mov(rcx, held.rcx)
    .mov(rdx, held.rdx)
    .mov(rbp, held.rbp)
    .mov(rsi, held.rsi)
    .mov(rdi, held.rdi)
    .mov(r8, held.r8)
    .mov(r9, held.r9)
    .mov(r10, held.r10)
    .mov(r11, held.r11)
    .mov(r12, held.r12)
    .mov(r13, held.r13)
    .mov(r14, held.r14)
    .mov(r15, held.r15)
    // The handler's stack must be aligned whatever this one is.
    .sub(rsp, 8)
    .std()
    // Each of these has two bytes, and the handlers go on after it.
    .label("at_0")
    .ud2()
    .label("at_1")
    .div(ecx)
    .label("at_2")
    .mov(ds, eax)
    .label("at_3")
    .mov(al, byte(rbx))
    .label("at_4")
    .mov(byte(rbx), al)
    // Shows the registers once more, as the last return left them.
    .label("at_5")
    .ud2()
    .hlt()
    .use(exceptionStubs(64, { "#DE": "on_fault", "#UD": "on_fault", 13: "on_fault", "#PF": "on_page_fault" }))
    .label("on_page_fault")
    .mov(rbx, cr2)
    .jmp("record")
    .label("on_fault")
    .xor(ebx, ebx)
    // A record: what the handler got, CR2 for page faults, the stack pointer, the flags; then the frame.
    .label("record")
    .mov(r8, qword(rip("next")))
    .mov(qword(r8, 0), rsi)
    .mov(qword(r8, 8), rdx)
    .mov(qword(r8, 16), rbx)
    .mov(qword(r8, 24), rsp)
    .pushfq()
    .pop(rax)
    .mov(qword(r8, 32), rax)
    .add(qword(rdi, exceptionFrame64.rip), 2)
    .mov(rsi, rdi)
    .lea(rdi, mem(r8, 40))
    .mov(ecx, 22)
    .rep.movsq()
    .mov(qword(rip("next")), rdi)
    // Nothing of what a handler does to the registers stays.
    .mov(rax, -1)
    .mov(rcx, rax)
    .mov(rdx, rax)
    .mov(rbp, rax)
    .mov(r9, rax)
    .mov(r10, rax)
    .mov(r11, rax)
    .mov(r12, rax)
    .mov(r13, rax)
    .mov(r14, rax)
    .mov(r15, rax)
    .ret()
    .label("idtr")
    .bytes(pseudoDescriptor({ base: BigInt(at.idt), limit: 0xfff }, 64))
    .label("next")
    .u64(at.records);

  test("handlers get the vector, the error code and every register, and the code goes on as it was", async () => {
    const { labels } = await assemble(guest, { origin: at.code });
    const image = await layout({
      mode: "long64",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      gdt: { at: at.gdt, segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
      paging: {
        tables: 0x0,
        map: { all: { virt: at.code, phys: at.code, size: at.stack - at.code, access: "rwx" } },
      },
      cpu: { rsp: at.stack },
      place: {
        guest: { code: guest, in: "all" },
        idt: {
          code: code64().bytes(idtOf(labels, 64, ["#DE", "#UD", "#GP", "#PF"])),
          in: "all",
          offset: at.idt - at.code,
        },
      },
      entry: "guest",
    }).build();
    const words = new BigUint64Array((await recordsOnKvm(image)).slice().buffer);

    const faults = [
      { vector: 6n, errorCode: 0n, address: 0n },
      { vector: 0n, errorCode: 0n, address: 0n },
      { vector: 13n, errorCode: 0x28n, address: 0n },
      { vector: 14n, errorCode: 0n, address: held.rbx },
      { vector: 14n, errorCode: 2n, address: held.rbx },
      { vector: 6n, errorCode: 0n, address: 0n },
    ];
    const recordWords = 5 + 22;
    faults.forEach(({ vector, errorCode, address }, i) => {
      const [gotVector, gotCode, gotAddress, stack, flags, ...frame] = words.subarray(
        i * recordWords,
        (i + 1) * recordWords,
      );
      expect([gotVector, gotCode, gotAddress], `fault ${i}`).toEqual([vector, errorCode, address]);
      // A function of the System V ABI begins with the stack 8 past a multiple of 16.
      expect(stack! % 16n).toBe(8n);
      expect(Number(flags) & DF).toBe(0);
      const named = Object.fromEntries(
        Object.entries(exceptionFrame64).map(([name, from]) => [name, frame[from / 8]!]),
      );
      expect({ ...named, rflags: Number(named["rflags"]) & DF }).toEqual({
        ...{ ...held, vector, errorCode, rip: labels.get(`at_${i}`)! + 2n, cs: 0x08n },
        ...{ rflags: DF, rsp: BigInt(at.stack - 8), ss: 0x10n },
      });
    });
    expect(words[faults.length * recordWords]).toBe(0n);
  });
});

describe("stubs", () => {
  test("push a zero where the CPU pushes no error code, and the vector whatever its size", async () => {
    const stubs = exceptionStubs(64, { "#UD": "handler", "#DF": "handler", 200: "handler" });
    const { listing } = await assemble(code64().use(stubs).label("handler").ret());
    const pushes = listing.map(({ text }) => text.trim()).filter((text) => text.startsWith("push 0x"));
    expect(pushes).toEqual(["push 0x0", "push 0xc8", "push 0x0", "push 0x6", "push 0x8"]);
  });

  test("tell the compiler which labels they use", () => {
    const stubs = exceptionStubs(64, { "#UD": "on_fault", 14: "on_page_fault" });
    expectTypeOf<UndefinedLabels<typeof stubs>>().toEqualTypeOf<"on_fault" | "on_page_fault">();
    // @ts-expect-error -- misspelt
    expect(() => exceptionStubs(64, { "#FP": "on_page_fault" })).toThrow('got "#FP"');
    expectTypeOf(stubLabel("#PF")).toEqualTypeOf<"vector_14">();
    expect(stubs.nodes.flatMap((node) => (node.kind === "label" ? [node.name] : []))).toEqual([
      ...["vector_14", "vector_6", "vector_common"],
    ]);
  });

  test("take a vector by number or by the exception's name, once", () => {
    expect([vectorOf("#PF"), vectorOf(14), stubLabel("NMI"), stubLabel(255)]).toEqual([
      14,
      14,
      "vector_2",
      "vector_255",
    ]);
    const error = thrownBy(() => exceptionStubs(64, { "#PF": "a", 14: "b" }));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message: "vector 14 has two handlers", code: "BAD_GATE", value: 14 });
  });

  test("are for code of 32 and 64 bits", () => {
    const error = thrownBy(() => exceptionStubs(16 as 32, { "#UD": "on_fault" }));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({ message: "stubs have 32 or 64 bits, got 16", code: "BAD_GATE", value: 16 });
  });

  test.each([256, -1, 1.5, "#XX" as "#PF"])("%o is no vector", (name) => {
    const error = thrownBy(() => vectorOf(name));
    expect(error).toBeInstanceOf(LayoutError);
    expect(error).toMatchObject({
      message: `expected an exception such as "#PF", or a vector of 0 to 255, got ${JSON.stringify(name)}`,
      code: "BAD_GATE",
      value: name,
    });
  });
});
