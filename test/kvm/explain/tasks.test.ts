/** Stacks of 16-bit TSSs, task gates and call gates: up to where a switch begins. */
import { boot, code16, code32, layout, type AnyCode, type GuestDescription, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { exceptionsInQemu } from "../../layout/qemu-image.ts";
import { noQemu } from "../../paging/qemu.ts";
import { describePvm } from "../require-kvm.ts";
import { explained, findingsOf, shutdown } from "./left-state.ts";

const raised = "ud2 at guest raised #UD: that is what it is for";

describe("ring 3 in 16-bit code", () => {
  const flat = { bits: 16, limit: 0xffff, granularity: "byte" };

  const guest = (task: object | undefined): Promise<Image> =>
    layout({
      mode: "protected16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      stacks: { main: { size: "4KiB", phys: 0x8000 }, user: { size: "4KiB", phys: 0xa000 } },
      stack: "user",
      gdt: {
        at: 0x4000,
        segments: {
          code: { type: "code", ...flat },
          data: { type: "data", ...flat },
          userCode: { type: "code", dpl: 3, ...flat },
          userData: { type: "data", dpl: 3, ...flat },
          ...(task === undefined ? {} : { task: { type: "tss", at: 0x5000, ...task } }),
        },
      },
      idt: { at: 0x6000, vectors: { "#UD": { handler: "place.guest.handler", segment: "code" } } },
      cpu: { segments: { cs: "userCode", ss: "userData" } },
      place: { guest: { code: code16().ud2().label("handler").hlt(), in: "ram" } },
    } as unknown as GuestDescription).build();

  const others = [
    "#TS (vector 10) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x37)",
    "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x37)",
  ];
  const unsaid = "the state that was left does not say what ud2 at guest raised";

  test("needs a TSS", async () => {
    const texts = await explained(await guest(undefined), {});
    expect(texts).toEqual([
      raised,
      "#UD (vector 6) cannot be delivered: its stack is the TSS's sp0, and TR holds no TSS",
      ...others,
    ]);
  });

  test.each([
    ["16 bits", 16],
    ["32 bits", 32],
  ])("needs a stack in a TSS of %s", async (_, bits) => {
    expect(await explained(await guest({ bits }), {})).toEqual([
      raised,
      "#UD (vector 6) cannot be delivered: the TSS's ss0, 0x0000, is no stack segment",
      ...others,
    ]);
  });

  test("takes the stack from a TSS of either size, and goes on", async () => {
    for (const bits of [16, 32]) {
      const image = await guest({ bits, stacks: { 0: "main" } });
      expect(await explained(image, {})).toEqual([unsaid]);
    }
  });

  test("takes no stack from a TSS of 16 bits on a KVM that does not read it", async () => {
    const image = await guest({ stacks: { 0: "main" } });
    const hint =
      "this KVM (pvm) takes no stack from a 16-bit TSS: the guest may be right; give the TSS bits: 32, or use a host with VT-x or SVM";
    const findings = await findingsOf(image, {}, shutdown, true, "pvm");
    expect(findings.map((each) => [each.kind, each.hint])).toEqual([["unknown", hint]]);
  });

  describePvm("on such a KVM", () => {
    test.each([
      [16, "shutdown"],
      [32, "hlt"],
    ])("a TSS of %i bits leads to %s", async (bits, kind) => {
      using machine = await boot(await guest({ bits, stacks: { 0: "main" } }));
      expect([...machine.run({ timeout: "5s" })].map((each) => each.kind)).toEqual([kind]);
    });
  });
});

/** 32-bit code with a task of its own and another one. */
const guestWith = (code: AnyCode, vectors: object | undefined, segments: object = {}): Promise<Image> =>
  layout({
    mode: "protected32",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    gdt: {
      at: 0x4000,
      segments: {
        code: { type: "code", bits: 32 },
        data: { type: "data" },
        own: { type: "tss", at: 0x5000 },
        other: { type: "tss", at: 0x6000, entry: "place.guest.task", stack: 0x1_6000 },
        ...segments,
      },
    },
    ...(vectors === undefined ? {} : { idt: { at: 0x9000, vectors } }),
    cpu: { rsp: 0x1_6000 },
    place: { guest: { code, in: "ram", offset: 0x1000 } },
  } as unknown as GuestDescription).build();

const invalid = code32().ud2().label("task").hlt();
const noIdt = "no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)";
const noGates = [
  "#GP (vector 13) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x37)",
  "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x37)",
];

/** An image whose gate of #UD has another selector. */
async function withSelector(selector: number): Promise<Image> {
  const image = await guestWith(invalid, { "#UD": { task: "other" } });
  const idt = image.chunks.find(({ name }) => name === "idt")!;
  const bytes = idt.bytes.slice();
  new DataView(bytes.buffer).setUint16(6 * 8 + 2, selector, true);
  return { ...image, chunks: image.chunks.map((each) => (each === idt ? { ...each, bytes } : each)) };
}

describe("a task gate in the IDT", () => {
  const refused = [
    {
      name: "to the task that runs",
      image: () => guestWith(invalid, { "#UD": { task: "own" } }),
      text: '#UD (vector 6) cannot be delivered: the task of its gate, selector 0x0018 is "tss32 base 0x5000 limit 0x67 dpl 0 busy", not a TSS that is not busy',
      hint: "TR holds the TSS of the task that runs: give the vector's task a TSS of its own",
    },
    {
      name: "to what is no task",
      image: () => withSelector(0x10),
      text: '#UD (vector 6) cannot be delivered: the task of its gate, selector 0x0010 is "data32 base 0x0 limit 0xffffffff dpl 0 writable accessed", not a TSS that is not busy',
      hint: undefined,
    },
    {
      name: "beyond the GDT",
      image: () => withSelector(0x50),
      text: "#UD (vector 6) cannot be delivered: the task of its gate, selector 0x0050 is beyond the GDT (its limit is 0x27)",
      hint: undefined,
    },
  ];

  test.each(refused)("$name", async ({ image, text, hint }) => {
    const findings = await findingsOf(await image(), {});
    expect(findings.map((each) => each.text.replace(/ \(test\/[^)]*\)/, ""))).toEqual([raised, text, ...noGates]);
    expect(findings[1]).toMatchObject({ kind: "undeliverable", reason: "task", raises: "#GP", hint });
  });

  test.skipIf(noQemu !== undefined).each(refused)("$name: QEMU's CPU raises #GP, too", async ({ image }) => {
    expect(await exceptionsInQemu(await image())).toEqual([6, 13, 13, 13]);
  });

  test("by a selector of the LDT", async () => {
    const [, second] = await explained(await withSelector(0x24), {});
    expect(second).toBe(
      "#UD (vector 6) cannot be delivered: the task of its gate, selector 0x0024 is one of the LDT, and this must be one of the GDT",
    );
  });

  test("to a task that can be switched to: what comes then is not known", async () => {
    const image = await guestWith(invalid, { "#UD": { task: "other" } });
    expect(await explained(image, {})).toEqual([
      raised,
      "#UD (vector 6) has a task gate, and its selector 0x0020 leads to a TSS that can be switched to: the state that was left does not say what failed then",
    ]);
  });

  test("of #DF, after an exception without a gate", async () => {
    const image = await guestWith(invalid, { "#DF": { task: "other" } });
    expect(await explained(image, {})).toEqual([
      raised,
      "#UD (vector 6) cannot be delivered: its entry in the IDT is empty",
      "#GP (vector 13) cannot be delivered: the IDT ends with vector 8 (IDTR's limit is 0x47)",
      "#DF (vector 8) has a task gate, and its selector 0x0020 leads to a TSS that can be switched to: the state that was left does not say what failed then",
    ]);
  });

  describePvm("on a KVM that has no tasks", () => {
    test.each(["own", "other"])("to the task %s", async (task) => {
      const image = await guestWith(invalid, { "#UD": { task } });
      using machine = await boot(image);
      const exit = [...machine.run({ timeout: "5s" })].at(-1)!;
      expect(exit.kind).toBe("shutdown");
      const findings = await machine.explain(exit);
      expect(findings.map(({ kind, text, hint }) => ({ kind, text, hint }))).toEqual([
        {
          kind: "unknown",
          text: `cs holds ${task === "own" ? "0x0018" : "0x0020"}, the selector of a TSS: KVM took the task gate of an exception for a gate to code`,
          hint: "this KVM (pvm) executes no task gates: the guest may be right; use a host with VT-x or SVM",
        },
      ]);
    });
  });
});

describe("a far call", () => {
  const call = (selector: number): AnyCode => code32().asm(`lcall ${selector}, 0`).hlt().label("task").hlt();
  const gates = {
    gate: { type: "call-gate", target: "place.guest.task", segment: "absent" },
    absent: { type: "code", bits: 32, present: false },
    task: { type: "task-gate", task: "own" },
  };
  const refused = [
    {
      name: "through a call gate whose code segment is not present",
      selector: 0x28,
      text: 'call 0x28:0x0 at guest raised #NP(0x30): its selector 0x0028 is "call-gate32 selector 0x0030 offset 0x1008 dpl 0", whose selector 0x0030 leads to a segment that is not present',
      vectors: [11, 13, 13],
    },
    {
      name: "through a call gate that is not open to its RPL",
      selector: 0x2b,
      text: 'call 0x2b:0x0 at guest raised #GP(0x28): its selector 0x002b is "call-gate32 selector 0x0030 offset 0x1008 dpl 0", which is not open to this privilege',
      vectors: [13, 13, 13],
    },
    {
      name: "to the task that runs",
      selector: 0x18,
      text: 'call 0x18:0x0 at guest raised #GP(0x18): its selector 0x0018 is "tss32 base 0x5000 limit 0x67 dpl 0 busy", which is busy',
      vectors: [13, 13, 13],
    },
    {
      name: "through a task gate to the task that runs",
      selector: 0x38,
      text: 'call 0x38:0x0 at guest raised #GP(0x18): its selector 0x0038 is "task-gate selector 0x0018 dpl 0", whose selector 0x0018 is "tss32 base 0x5000 limit 0x67 dpl 0 busy", not a TSS that is not busy',
      vectors: [13, 13, 13],
    },
  ];

  test.each(refused)("$name", async ({ selector, text }) => {
    expect(await explained(await guestWith(call(selector), undefined, gates), {})).toEqual([text, noIdt]);
  });

  test.skipIf(noQemu !== undefined).each(refused)("$name: so says QEMU's CPU", async ({ selector, vectors }) => {
    expect(await exceptionsInQemu(await guestWith(call(selector), undefined, gates))).toEqual(vectors);
  });

  test("through a gate that is not present", async () => {
    const image = await guestWith(call(0x28), undefined, gates);
    const gdt = image.chunks.find(({ name }) => name === "gdt")!;
    const bytes = gdt.bytes.slice();
    bytes[0x28 + 5] = 0x0c;
    const chunks = image.chunks.map((each) => (each === gdt ? { ...each, bytes } : each));
    const [first] = await explained({ ...image, chunks }, {});
    expect(first).toBe(
      'call 0x28:0x0 at guest raised #NP(0x28): its selector 0x0028 is "call-gate32 selector 0x0030 offset 0x1008 dpl 0 not present", which is not present',
    );
  });
});
