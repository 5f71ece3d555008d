/** Guests for which no stack is described, and what tells their authors. */
import { boot, code64, eax, layout, mem, rax, rsp, type AnyCode, type GuestDescription, type Image } from "guestwright";
import { describe, expect, test } from "vitest";
import { describeKvm, kind } from "../require-kvm.ts";
import { findingsOf } from "./left-state.ts";

const hint =
  'the layout describes no stack, and rsp begins as 0: add stacks: { main: { size: "4KiB" } }, and it begins at the end of that';

const guest = (code: AnyCode, more: object = {}): Promise<Image> =>
  layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        data: { virt: 0x50_0000, size: "4KiB", access: "rw" },
      },
    },
    place: { guest: { code, in: "text" } },
    ...more,
  } as unknown as GuestDescription).build();

const hintsOf = async (image: Image): Promise<readonly (string | undefined)[]> =>
  (await findingsOf(image, { cr2: 0xffff_ffff_ffff_fff8n })).map((each) => each.hint);

const noIdtHint = "describe one with the layout's idt key, or load one with lidt";
const main = { main: { size: "4KiB" } };

describe("without a stack", () => {
  test.each([
    ["push", code64().push(rax)],
    ["call", code64().label("again").call("again")],
    ["a write through rsp", code64().mov(mem(rsp, -8), rax)],
  ])("%s has a hint", async (_, code) => {
    expect(await hintsOf(await guest(code))).toEqual([hint, noIdtHint]);
  });

  test("pop and ret have one", async () => {
    for (const code of [code64().pop(rax), code64().ret()]) {
      const [first] = await findingsOf(await guest(code), { cr2: 0n });
      expect(first).toMatchObject({ kind: "exception", hint });
    }
  });

  test("an exception that has a handler has one, and says where its frame goes", async () => {
    const image = await guest(code64().ud2().label("handler").hlt(), {
      gdt: { in: "data", segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
      idt: { in: "data", vectors: { "#UD": "place.guest.handler", "#DF": "place.guest.handler" } },
    });
    const findings = await findingsOf(image, { cr2: 0xffff_ffff_ffff_fff8n });
    expect(findings.map((each) => [each.text.replace(/ \(test\/[^)]*\)/, ""), each.hint])).toEqual([
      ["ud2 at guest raised #UD: that is what it is for", undefined],
      [
        "#UD (vector 6) cannot be delivered: its frame goes to the stack at rsp 0x0, and 0xfffffffffffffff8 is not mapped",
        hint,
      ],
      [
        "#PF (vector 14) cannot be delivered: the IDT ends with vector 8 (IDTR's limit is 0x8f)",
        'give it a handler: "#PF" in the layout\'s idt.vectors',
      ],
      [
        "#DF (vector 8) cannot be delivered: its frame goes to the stack at rsp 0x0, and 0xfffffffffffffff8 is not mapped",
        hint,
      ],
    ]);
  });

  test("an access through another register has none", async () => {
    const image = await guest(code64().mov(mem(rax, -8), eax));
    expect(await hintsOf(image)).toEqual([undefined, noIdtHint]);
  });
});

describe("with a stack", () => {
  test.each([
    ["of stacks", { stacks: main }],
    ["that is a mapping", { stack: "data" }],
    ["that is an address", { cpu: { rsp: 0x50_1000 } }],
  ])("%s, a push beyond it has no such hint", async (_, more) => {
    const image = await guest(code64().push(rax), more);
    const [first] = await findingsOf(image, { cr2: 0xffff_ffff_ffff_fff8n, regs: { rsp: 0n } });
    expect(first).toMatchObject({ kind: "exception", exception: "#PF", hint: undefined });
  });

  test("that an image of elsewhere may have, it has none", async () => {
    const { stacks: _, ...image } = await guest(code64().push(rax));
    const [first] = await findingsOf(image as Image, { cr2: 0xffff_ffff_ffff_fff8n });
    expect(first).toMatchObject({ kind: "exception", exception: "#PF", hint: undefined });
  });
});

const describeWithState = kind === "svm" ? describe.skip : describeKvm;

describeWithState("a guest that pushes", () => {
  const code = code64().push(rax).hlt();

  test("ends without a stack, and says so", async () => {
    using machine = await boot(await guest(code));
    const exit = [...machine.run({ timeout: "5s" })].at(-1)!;
    expect(exit.kind).toBe("shutdown");
    const [first] = await machine.explain(exit);
    expect(first).toMatchObject({ kind: "exception", exception: "#PF", hint });
  });

  test("does not with what the hint says", async () => {
    using machine = await boot(await guest(code, { stacks: main }));
    expect([...machine.run({ timeout: "5s" })].map((each) => each.kind)).toEqual(["hlt"]);
  });
});
