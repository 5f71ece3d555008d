/** What is said of states that this KVM does not leave: those of other modes, of hardware, and of damaged tables. */
import {
  code16,
  code32,
  code64,
  cr0,
  dword,
  eax,
  layout,
  mem,
  rax,
  type AnyCode,
  type GuestDescription,
  type Image,
} from "guestwright";
import { describe, expect, test } from "vitest";
import { exceptionsInQemu } from "../../layout/qemu-image.ts";
import { noQemu } from "../../paging/qemu.ts";
import { guestOf } from "./guests.ts";
import { explained, findingsOf, shutdown, type Left } from "./left-state.ts";

const noIdt = "no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)";

/** An image with other bytes at an offset into its IDT. */
function withIdtByte(image: Image, at: number, ...bytes: readonly number[]): Image {
  const idt = image.chunks.find(({ name }) => name === "idt")!;
  const changed = idt.bytes.slice();
  changed.set(bytes, at);
  return { ...image, chunks: image.chunks.map((each) => (each === idt ? { ...each, bytes: changed } : each)) };
}

const invalid = (): Promise<Image> => guestOf(code64().ud2().label("handler").hlt(), { vectors: ["#UD"] });
const raised = "ud2 at guest raised #UD: that is what it is for";
const rest = [
  "#GP (vector 13) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
  "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
];

describe("gates that the CPU does not take", () => {
  const cases = [
    [
      "its segment is one of data",
      98,
      [0x10],
      '#UD (vector 6) cannot be delivered: the code segment of its gate, selector 0x0010 is "data32 base 0x0 limit 0xffffffff dpl 0 writable accessed", not a code segment of this privilege or a higher one',
    ],
    [
      "it is a call gate",
      101,
      [0x8c],
      '#UD (vector 6) cannot be delivered: its entry in the IDT is "call-gate64 selector 0x0008 offset 0x400002 dpl 0"',
    ],
    [
      "its type is reserved",
      101,
      [0x81],
      "#UD (vector 6) cannot be delivered: its entry in the IDT is none: 0x0040810000080002: system type 1 is reserved in long mode",
    ],
    [
      "its handler's address is not canonical",
      106,
      [0x00, 0x80],
      "#UD (vector 6) cannot be delivered: its handler's address 0x8000000000400002 is not canonical",
    ],
  ] as const;

  test.each(cases)("%s", async (_, at, bytes, text) => {
    const image = withIdtByte(await invalid(), at, ...bytes);
    expect(await explained(image, {})).toEqual([raised, text, ...rest]);
  });

  test.skipIf(noQemu !== undefined).each(cases)("%s: QEMU's CPU raises #GP, too", async (_, at, bytes) => {
    expect(await exceptionsInQemu(withIdtByte(await invalid(), at, ...bytes))).toEqual([6, 13, 13, 13]);
  });

  test("`int` from ring 3 through a gate of ring 0", async () => {
    const image = await guestOf(code64(), { user: code64().int(0x30), gates: { 0x30: "place.guest" } });
    const segments = { cs: { selector: 0x1b, dpl: 3 }, ss: { selector: 0x23, dpl: 3 } } as const;
    const rip = image.programs.find(({ name }) => name === "user")!.origin;
    expect(await explained(image, { regs: { rip }, segments })).toEqual([
      "int 0x30 at user asks for vector 48",
      "vector 48 cannot be delivered: ring 3 may not ask for it: its gate's DPL is 0",
      "#GP (vector 13) cannot be delivered: its entry in the IDT is empty",
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ]);
  });

  test("a handler that was called, and not reached by its exception", async () => {
    const code = code64().call("handler").label("handler").ud2();
    const image = await guestOf(code, { vectors: ["#PF"] });
    const rip = image.programs[0]!.labels["handler"]!;
    const [first] = await explained(image, { regs: { rip } });
    expect(first).toBe("ud2 at guest:handler raised #UD: that is what it is for");
  });

  test("a table that is not mapped", async () => {
    const image = await guestOf(code64().ud2());
    expect(await explained(image, { idt: { base: 0x9000n, limit: 0xfff } })).toEqual([
      raised,
      "#UD (vector 6) cannot be delivered: its gate lies at 0x9060, which is not mapped",
      "#PF (vector 14) cannot be delivered: its gate lies at 0x90e0, which is not mapped",
      "#DF (vector 8) cannot be delivered: its gate lies at 0x9080, which is not mapped",
    ]);
  });
});

describe("what does not agree is not claimed", () => {
  const image = (): Promise<Image> => guestOf(code64().mov(rax, mem(0x9000)).hlt());

  test("CR2 of a page fault elsewhere", async () => {
    expect(await explained(await image(), { cr2: 0x7f_dff8n })).toEqual([
      'the last page fault was at cr2 0x7fdff8, which is in the guard page below stack "main"',
      noIdt,
    ]);
  });

  test("hardware's CR2, which is that of the last page fault: the frame's", async () => {
    const full = await guestOf(code64().mov(rax, mem(0x9000)).label("handler").hlt(), { vectors: ["#PF"] });
    const [first] = await explained(full, { cr2: 0x7f_dff8n, regs: { rsp: 0x7f_e000n } });
    expect(first).toBe("mov rax, [0x9000] at guest raised #PF(0x0): it reads 8 bytes at 0x9000, which is not mapped");
  });

  test("an instruction that raises nothing", async () => {
    expect(await explained(await guestOf(code64().nop()), {})).toEqual([
      "the state that was left does not say what nop at guest raised",
      noIdt,
    ]);
  });

  test("an exception that has a handler", async () => {
    const handled = await guestOf(code64().ud2().label("handler").hlt(), { vectors: ["#UD"] });
    expect(await explained(handled, {})).toEqual(["the state that was left does not say what ud2 at guest raised"]);
  });

  test("an instruction that nothing can read", async () => {
    expect(await explained(await image(), { cr2: 0x9000n }, shutdown, false)).toEqual([
      "the last page fault was at cr2 0x9000, which is not mapped",
      noIdt,
    ]);
  });

  test("names of mappings and stacks, where the guest has other tables", async () => {
    const { cpu, ...others } = await guestOf(code64().ret());
    const elsewhere = { ...others, cpu: { ...cpu, cr3: cpu.cr3 + 0x1000n } };
    const [first] = await explained(elsewhere, { cr3: cpu.cr3, cr2: 0x7f_f000n });
    expect(first).toBe("ret at guest raised #PF(0x0): it pops 8 bytes at 0x7ff000, which is not mapped");
  });

  test("a state after a reset", async () => {
    const cs = { selector: 0xf000, base: 0xffff_0000n };
    const left: Left = { cr0: 0x6000_0010n, cr4: 0n, efer: 0n, regs: { rip: 0xfff0n }, segments: { cs } };
    expect(await findingsOf(await image(), left)).toEqual([
      {
        kind: "state-reset",
        text: "the registers are those of a CPU after a reset: KVM has dropped the state that the guest shut down in",
        hint: "run it again under (await machine.debug()).trace(): at its last step, machine.where() is the instruction that shut it down",
      },
    ]);
  });
});

/** A guest in 16- or 32-bit code. */
function plainGuest(mode: "real16" | "protected32", code: AnyCode): Promise<Image> {
  const description = {
    mode,
    memory: { ram: { at: 0x0, size: "128KiB" } },
    place: { guest: { code, in: "ram", offset: 0x1000 } },
  };
  return layout(description as unknown as GuestDescription).build();
}

describe("in real mode", () => {
  test("a vector table that is too short", async () => {
    const image = await plainGuest("real16", code16().ud2());
    expect(await explained(image, { idt: { base: 0n, limit: 0x10 } })).toEqual([
      raised,
      "#UD (vector 6) cannot be delivered: the IDT ends with vector 3 (IDTR's limit is 0x10)",
      "#GP (vector 13) cannot be delivered: the IDT ends with vector 3 (IDTR's limit is 0x10)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 3 (IDTR's limit is 0x10)",
    ]);
  });
});

describe("an IDT that the guest has loaded in place of the layout's", () => {
  const hintsWith = async (idt: Left["idt"]): Promise<readonly (string | undefined)[]> =>
    (await findingsOf(await invalid(), idt === undefined ? {} : { idt })).map(({ hint }) => hint);
  const layoutsIdt = "the layout's IDT has base 0x500f60 and limit 0x6f; the guest has loaded another, with base";

  test("is too short for a gate that the layout has, and for others", async () => {
    expect(await hintsWith({ base: 0x50_0f60n, limit: 0x2f })).toEqual([
      undefined,
      `${layoutsIdt} 0x500f60 and limit 0x2f`,
      'give it a handler: "#GP" in the layout\'s idt.vectors',
      'give it a handler: "#DF" in the layout\'s idt.vectors',
    ]);
  });

  test("has no gates at all", async () => {
    expect(await hintsWith({ base: 0x40_0000n, limit: 0x0 })).toEqual([
      undefined,
      `${layoutsIdt} 0x400000 and limit 0x0`,
    ]);
  });
});

describe("in protected mode", () => {
  const read = (): Promise<Image> => plainGuest("protected32", code32().mov(eax, dword(0x3000)));

  test("an access beyond a segment's limit", async () => {
    expect(await explained(await read(), { segments: { ds: { limit: 0x2fff } } })).toEqual([
      "mov eax, [0x3000] at guest raised #GP(0x0): it reads 4 bytes at 0x3000, which is beyond the limit of DS, 0x2fff",
      noIdt,
    ]);
  });

  test("an access through a register that holds no segment", async () => {
    expect(await explained(await read(), { segments: { ds: { unusable: 1 } } })).toEqual([
      "mov eax, [0x3000] at guest raised #GP(0x0): it reads 4 bytes at 0x3000, which is in DS, which holds no segment",
      noIdt,
    ]);
  });

  test("a push beyond the limit of the stack", async () => {
    const image = await plainGuest("protected32", code32().push(eax));
    const [first] = await explained(image, { regs: { rsp: 0x4000n }, segments: { ss: { limit: 0xfff } } });
    expect(first).toBe(
      "push eax at guest raised #SS(0x0): it pushes 4 bytes at 0x3ffc, which is beyond the limit of SS, 0xfff",
    );
  });

  test("paging that is switched on for long mode without PAE", async () => {
    const image = await plainGuest("protected32", code32().mov(cr0, eax));
    const [first] = await explained(image, { efer: 0x100n, regs: { rax: 0x8000_0001n } });
    expect(first).toBe("mov cr0, eax at guest raised #GP(0x0): it sets CR0.PG with EFER.LME set and CR4.PAE clear");
  });

  test("paging outside long mode, on a KVM that has none", async () => {
    const image = await plainGuest("protected32", code32().mov(cr0, eax));
    const left: Left = { regs: { rax: 0x8000_0001n } };
    expect(await explained(image, left, shutdown, true, "pvm")).toEqual([
      "the state that was left does not say what mov cr0, eax at guest raised",
    ]);
  });

  test("a model-specific register that is not there", async () => {
    const image = await plainGuest("protected32", code32().wrmsr());
    const [first] = await explained(image, { regs: { rcx: 0x1234n, rax: 5n } });
    expect(first).toBe(
      "wrmsr at guest raised #GP(0x0): the model-specific register 0x1234 does not take 0x5, or is not there",
    );
  });

  test("a far jump beyond a GDT that is not there", async () => {
    const image = await plainGuest("protected32", code32().asm("ljmp 0x18, 0x2000"));
    const [first] = await explained(image, {});
    expect(first).toBe(
      "jmp 0x18:0x2000 at guest raised #GP(0x18): its selector 0x0018 leads to a GDT that is not there (its limit is 0x0)",
    );
  });
});

describe("an entry that the CPU refuses", () => {
  test("breaks rules of the manual", async () => {
    const image = await guestOf(code64().hlt());
    expect(await explained(image, { cr4: 0n }, { kind: "fail-entry" })).toEqual([
      "cr4: 0x0: long mode needs PAE (SDM vol. 3C, 27.3.1.1; APM vol. 2, 15.5.1)",
    ]);
    expect(await explained(image, {}, { kind: "fail-entry" })).toEqual([
      "the state that was left at guest does not say why",
    ]);
  });
});

describe("what KVM gave up on", () => {
  test("with its bytes, and without", async () => {
    const image = await guestOf(code64().nop().cpuid());
    const instruction = Uint8Array.of(0x0f, 0xa2);
    expect(await explained(image, { regs: { rip: 0x40_0001n } }, { kind: "internal-error", instruction })).toEqual([
      "KVM cannot emulate cpuid at guest+0x1",
    ]);
    expect(await explained(image, {}, { kind: "internal-error" })).toEqual([
      "the state that was left at guest does not say why",
    ]);
  });

  test("in the middle of an instruction", async () => {
    const image = await guestOf(code64().mov(rax, 0x1234));
    const exit = { kind: "internal-error", instruction: Uint8Array.of(0x34, 0x12) } as const;
    expect(await explained(image, { regs: { rip: 0x40_0001n } }, exit)).toEqual([
      "rip 0x400001 lies in the middle of mov rax, 0x1234, at guest+0x1",
      "KVM cannot emulate xor al, 0x12 at guest+0x1",
    ]);
  });
});
