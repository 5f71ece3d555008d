/** Expectations about runs, on KVM and on transcripts. */
import "guestwright/testing/setup";
import { al, boot, byte, code64, debugConsole, dx, layout, rcx, rip, rsi, type Image } from "guestwright";
import type { Transcript } from "guestwright/kvm";
import { describe, expect, test } from "vitest";
import { longGuest, type Loose } from "../layout/descriptions.ts";
import { describeKvm } from "../kvm/require-kvm.ts";
import { failure } from "./failure.ts";

function image(code: Loose): Promise<Image> {
  return layout({ ...longGuest(), place: { guest: { code, in: "text" } } }).build();
}

/** Reads a byte, writes it back, and prints a line. */
const guest = code64()
  .in(al, 0x20)
  .out(0x10, al)
  .lea(rsi, rip("line"))
  .mov(rcx, 3)
  .mov(dx, 0xe9)
  .rep.outsb()
  .hlt()
  .label("line")
  .ascii("Hi\n");

const did = `\
the guest did:
  io-in port 0x20: 0x00
  io-out port 0x10: 0x00
  io-out port 0xe9: "Hi\\n"
  hlt

  at guest+0x18
    rip 0x19
    rdx 0xe9
    rsi 0x1c
    rflags 0x2`;

describeKvm("toExitWith", () => {
  const answer = { answer: (exit: Loose) => exit.data.fill(0x42) };

  test("boots an image, and compares the fields that are given", async () => {
    await expect(await image(guest)).toExitWith(["io-in", "io-out", "io-out", "hlt"]);
    await expect(await image(guest)).toExitWith(
      [
        { kind: "io-in", port: 0x20 },
        { kind: "io-out", port: 0x10, size: 1, data: [0x42] },
        { kind: "io-out", data: "Hi\n" },
        { kind: "hlt" },
      ],
      answer,
    );
    await expect(await image(guest)).not.toExitWith(["hlt"]);
  });

  test("runs a machine on from where it is", async () => {
    using machine = await boot(await image(guest));
    for (const exit of machine.run()) if (exit.kind === "io-in") break;
    expect(machine).toExitWith([{ kind: "io-out", data: Uint8Array.of(0) }, "io-out", "hlt"], {
      devices: [debugConsole()],
    });
  });

  test.each<[string, Loose[], string]>([
    ["another exit", ["io-in", "hlt"], "exit 1: expected hlt, got io-out port 0x10: 0x00"],
    [
      "another field",
      ["io-in", { kind: "io-out", port: 0x11, data: [0] }],
      "exit 1: expected io-out port 0x11 data [0x0], got io-out port 0x10: 0x00",
    ],
    [
      "other text",
      ["io-in", "io-out", { kind: "io-out", data: "Ho\n" }],
      'exit 2: expected io-out data "Ho\\n", got io-out port 0xe9: "Hi\\n"',
    ],
    ["more than expected", ["io-in", "io-out", "io-out"], "exit 3: expected nothing more, got hlt"],
    ["less than expected", ["io-in", "io-out", "io-out", "hlt", "hlt"], "exit 4: expected hlt, got the end"],
  ])("fails for %s, with all that the guest did", async (_, exits, message) => {
    const given = await image(guest);
    expect(await failure(() => expect(given).toExitWith(exits))).toBe(`${message}\n${did}`);
  });

  test("with not, fails for what the guest did", async () => {
    const given = await image(guest);
    expect(await failure(() => expect(given).not.toExitWith(["io-in", "io-out", "io-out", "hlt"]))).toBe(
      `expected the guest not to have these exits, but it has\n${did}`,
    );
  });
});

describe("a transcript", () => {
  const transcript: Transcript = {
    exits: [{ kind: "mmio-write", address: 0x8000n, size: 1, data: Uint8Array.of(1) }, { kind: "shutdown" }],
    end: undefined,
  };

  test("is compared as it is, without KVM", async () => {
    expect(transcript).toExitWith([{ kind: "mmio-write", address: 0x8000n }, "shutdown"]);
    expect(await failure(() => expect(transcript).toExitWith([{ kind: "mmio-write", address: 0x8001n }]))).toBe(
      "exit 0: expected mmio-write address 0x8001, got mmio-write 0x8000: 0x01\n" +
        "the guest did:\n  mmio-write 0x8000: 0x01\n  shutdown",
    );
    expect(await failure(() => expect(transcript).toHaltWithin("1s"))).toBe(
      "expected the guest to halt within 1s, but it ended with shutdown\n" +
        "the guest did:\n  mmio-write 0x8000: 0x01\n  shutdown",
    );
  });

  test("what is no guest is refused", async () => {
    expect(await failure(() => expect(7).toExitWith(["hlt"]))).toBe(
      "toExitWith takes an image, a machine or a transcript, got 7\n" +
        "  hint: build a layout with: await layout({ ... }).build()",
    );
  });
});

describeKvm("toHaltWithin", () => {
  test("holds for a guest that halts", async () => {
    await expect(await image(guest)).toHaltWithin("5s");
    using machine = await boot(await image(guest));
    expect(machine).toHaltWithin("5s");
  });

  test("fails for a guest that spins, with the line where it does", async () => {
    const spinning = await image(code64().out(0x10, al).label("spin").jmp("spin"));
    expect(await failure(() => expect(spinning).toHaltWithin("30ms"))).toMatch(
      /^expected the guest to halt within 30ms, but it ended with timeout at guest:spin \(test\/testing\/run-matchers\.test\.ts:\d+\)\nthe guest did:\n {2}io-out port 0x10: 0x00\n {2}timeout$/,
    );
  });

  test("fails for a guest that shuts down, and says why", async () => {
    const falling = await image(code64().label("wrong").mov(al, byte(0x7000)));
    const why = [
      "why it ended:",
      "  mov al, [0x7000] at guest:wrong raised #PF(0x0): it reads 1 byte at 0x7000, which is not mapped",
      "  no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)",
      "    hint: describe one with the layout's idt key, or load one with lidt",
      "the guest did:",
      "  shutdown",
    ];
    const first = "expected the guest to halt within 1s, but it ended with shutdown at guest:wrong";
    const withoutSource = (message: string): string => message.replaceAll(/ \(test\/[^)]*\)/g, "");
    expect(withoutSource(await failure(() => expect(falling).toHaltWithin("1s")))).toBe([first, ...why].join("\n"));
    using machine = await boot(falling);
    expect(withoutSource(await failure(() => expect(machine).toExitWith(["hlt"])))).toBe(
      ["exit 0: expected hlt, got shutdown", ...why].join("\n"),
    );
    await expect(falling).not.toHaltWithin("1s");
  });

  test("with not, fails for a guest that halts", async () => {
    const halting = await image(code64().hlt());
    expect(await failure(() => expect(halting).not.toHaltWithin("1s"))).toBe(
      "expected the guest not to halt within 1s, but it did\n" +
        "the guest did:\n  hlt\n\n  at guest\n    rip 0x1\n    rflags 0x2",
    );
  });

  test("refuses a time that is none", async () => {
    const halting = await image(code64().hlt());
    expect(await failure(() => expect(halting).toHaltWithin(0))).toMatch(/^no span of time: 0\n/);
  });
});
