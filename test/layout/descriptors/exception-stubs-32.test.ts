/** Exceptions in 32-bit code that go through stubs to handlers, on the machine: SDM vol. 3A, 6.12. */
import {
  al,
  assemble,
  ax,
  code16,
  code32,
  cr0,
  ds,
  dword,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  es,
  esi,
  esp,
  far,
  layout,
  mem,
  ss,
} from "guestwright";
import {
  type Descriptor,
  encodeDescriptorTable,
  exceptionFrame32,
  exceptionStubs,
  pseudoDescriptor,
  vectorOf,
} from "guestwright/layout";
import { describe, expect, test } from "vitest";
import { describeKvm, kind } from "../../kvm/require-kvm.ts";
import { doneCode, entryPoint, noQemu, runInQemu } from "../../paging/qemu.ts";
import { at, DF, idtOf, recordsOnKvm } from "./stub-guests.ts";

/** What the registers of 32-bit code hold while the exceptions happen. */
const held = {
  ...{ eax: 0x28, ebx: 0x3333_0003, ecx: 0, edx: 0x2222_0002, ebp: 0x5555_0005 },
  ...{ esi: 0x6666_0006, edi: 0x7777_0007 },
};

/** Instructions of two bytes, and what each raises. */
const faults = {
  "#UD": { errorCode: 0, instruction: code32().ud2() },
  "#DE": { errorCode: 0, instruction: code32().div(ecx) },
  "#GP": { errorCode: held.eax, instruction: code32().mov(ds, eax) },
} as const;

type Fault = keyof typeof faults;

/** A guest that raises some of them. Its handlers go on after the instruction, or halt. */
function guest(names: readonly Fault[], then: "go on" | "halt") {
  return code32((code) => {
    code.lidt(mem("idtr"));
    for (const register of [eax, ebx, ecx, edx, ebp, esi, edi]) code.mov(register, held[register.name]);
    code.std();
    names.forEach((name, i) => {
      code.label(`at_${i}`);
      code.use(faults[name].instruction);
    });
    code.mov(al, doneCode);
    code.out(0xf4, al);
    code.hlt();
  })
    .use(exceptionStubs(32, { "#DE": "on_divide", "#UD": "on_fault", "#GP": "on_fault" }))
    .use(handlers(then));
}

function handlers(then: "go on" | "halt") {
  return code32((code) => {
    code.label("on_divide");
    code.mov(ebx, 1);
    code.jmp("record");
    code.label("on_fault");
    code.mov(ebx, 2);
    // A record: what the handler got, which it is, the flags; then the frame.
    code.label("record");
    code.mov(ebp, dword("next"));
    code.mov(dword(ebp, 0), esi);
    code.mov(dword(ebp, 4), edx);
    code.mov(dword(ebp, 8), ebx);
    code.pushfd();
    code.pop(eax);
    code.mov(dword(ebp, 12), eax);
    code.add(dword(edi, exceptionFrame32.eip), 2);
    code.mov(esi, edi);
    code.lea(edi, mem(ebp, 16));
    code.mov(ecx, 12);
    code.rep.movsd();
    code.mov(dword("next"), edi);
    if (then === "halt") code.hlt();
    // Nothing of what a handler does to the registers stays.
    for (const register of [eax, ebx, ecx, edx, ebp]) code.mov(register, -1);
    code.ret();
    code.label("idtr");
    code.bytes(pseudoDescriptor({ base: BigInt(at.idt), limit: 0x7ff }, 32));
    code.label("next");
    code.u32(at.records);
  });
}

/** The program and its IDT. */
async function assembled(names: readonly Fault[], then: "go on" | "halt") {
  const code = guest(names, then);
  const { bytes, labels } = await assemble(code, { origin: at.code });
  return { code, bytes, labels, idt: idtOf(labels, 32, ["#DE", "#UD", "#GP"]) };
}

/** The records of some faults, as the handlers left them: of the flags, DF only. */
function recordsOf(memory: Uint8Array, count: number): object[] {
  const words = new Uint32Array(memory.slice().buffer);
  const recordWords = 4 + 12;
  return Array.from({ length: count }, (_, i) => {
    const [vector, errorCode, handler, flags, ...frame] = words.subarray(i * recordWords, (i + 1) * recordWords);
    const fields = Object.entries(exceptionFrame32).filter(([, from]) => from / 4 < frame.length);
    const named = Object.fromEntries(fields.map(([name, from]) => [name, frame[from / 4]!]));
    return { vector, errorCode, handler, flags: flags! & DF, frame: { ...named, eflags: named["eflags"]! & DF } };
  });
}

/** The records as they should be. The privilege level does not change: the CPU pushes no stack. */
function expectedRecords(names: readonly Fault[], labels: ReadonlyMap<string, bigint>): object[] {
  return names.map((name, i) => {
    const { errorCode } = faults[name];
    const vector = vectorOf(name);
    const eip = Number(labels.get(`at_${i}`)!) + 2;
    const frame = { ...held, vector, errorCode, eip, cs: 0x08, eflags: DF };
    return { vector, errorCode, handler: name === "#DE" ? 1 : 2, flags: 0, frame };
  });
}

/** The last shows the registers once more, as the return before left them. */
const all = ["#UD", "#DE", "#GP", "#UD"] as const;

describeKvm("32-bit code on KVM", () => {
  /** The records that the handlers wrote, and those that they should have written. */
  async function run(names: readonly Fault[], then: "go on" | "halt"): Promise<[found: object[], expected: object[]]> {
    const { code, labels, idt } = await assembled(names, then);
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      gdt: { at: at.gdt, segments: { code: { type: "code", bits: 32 }, data: { type: "data" } } },
      cpu: { rsp: at.stack },
      place: {
        guest: { code, in: "ram", offset: at.code },
        idt: { code: code32().bytes(idt), in: "ram", offset: at.idt },
      },
      entry: "guest",
    }).build();
    return [recordsOf(await recordsOnKvm(image), names.length), expectedRecords(names, labels)];
  }

  test.each(["#UD", "#DE", "#GP"] as const)("%s: the handler gets all that there is to get", async (name) => {
    const [found, expected] = await run([name], "halt");
    expect(found).toEqual(expected);
  });

  // The instruction emulator of a KVM without VT-x or SVM has no `iret` in protected mode.
  test.skipIf(kind === "pvm")("the code goes on as it was", async () => {
    const [found, expected] = await run(all, "go on");
    expect(found).toEqual(expected);
  });
});

describe("32-bit code on QEMU", () => {
  test.skipIf(noQemu !== undefined)("handlers get what they get on KVM, and the code goes on as it was", async () => {
    const descriptors: readonly Descriptor[] = [{ type: "null" }, { type: "code", bits: 32 }, { type: "data" }];
    const gdt = encodeDescriptorTable(descriptors);
    const start = code16()
      .cli()
      .lgdt(mem("gdtr"))
      .mov(eax, cr0)
      .or(eax, 1)
      .mov(cr0, eax)
      .ljmp(far(0x08, "protected"))
      .code32()
      .label("protected")
      .mov(ax, 0x10)
      .mov(ds, ax)
      .mov(es, ax)
      .mov(ss, ax)
      .mov(esp, at.stack)
      .mov(eax, at.code)
      .jmp(eax)
      .label("gdtr")
      .bytes(pseudoDescriptor({ base: BigInt(at.gdt), limit: gdt.length - 1 }, 16));
    const { bytes, labels, idt } = await assembled(all, "go on");
    const chunks = [
      { at: BigInt(entryPoint), bytes: (await assemble(start, { origin: entryPoint })).bytes },
      { at: BigInt(at.code), bytes },
      { at: BigInt(at.idt), bytes: idt },
      { at: BigInt(at.gdt), bytes: gdt },
    ];
    const memory = await runInQemu(chunks, { at: at.records, size: 0x1000 });
    expect(recordsOf(memory, all.length)).toEqual(expectedRecords(all, labels));
  });
});
