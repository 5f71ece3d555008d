/** Why guests shut down, on KVM; and the exceptions that led there, as QEMU's CPU has them. */
import { al, boot, byte, code16, code32, code64, layout, mem, offset, rax, type Exit, type Machine } from "guestwright";
import { describe, expect, test } from "vitest";
import { exceptionsInQemu, loaderPage } from "../../layout/qemu-image.ts";
import { noQemu } from "../../paging/qemu.ts";
import { describeKvm, describePvm, kind } from "../require-kvm.ts";
import { fallenGuests, guestOf } from "./guests.ts";

function lastExit(machine: Machine): Exit {
  return [...machine.run({ timeout: "5s" })].at(-1)!;
}

/** SVM leaves nothing of the state, and says so. */
const describeWithState = kind === "svm" ? describe.skip : describeKvm;

describeWithState("a guest that shuts down", () => {
  test.each(fallenGuests)("$name", async ({ image, texts }) => {
    using machine = await boot(await image());
    const exit = lastExit(machine);
    expect(exit).toEqual({ kind: "shutdown" });
    const findings = await machine.explain(exit);
    expect(findings.map(({ text }) => text.replaceAll(/ \(test\/[^)]*\)/g, ""))).toEqual(texts);
  });

  test("is explained as data, with the place and the page walk", async () => {
    using machine = await boot(await guestOf(code64().nop().label("wrong").mov(rax, mem(0x9000))));
    const [exception, undeliverable, ...others] = await machine.explain(lastExit(machine));
    expect(exception).toMatchObject({
      kind: "exception",
      vector: 14,
      exception: "#PF",
      errorCode: 0,
      cause: "memory",
      where: { program: "guest", label: "wrong", offset: 0n, rip: 0x40_0001n },
      instruction: { address: 0x40_0001n, text: "mov rax, [0x9000]" },
      address: 0x9000n,
      access: "read",
      fault: { exception: "#PF", reason: "not-present" },
    });
    expect(undeliverable).toMatchObject({
      kind: "undeliverable",
      reason: "no-idt",
      raises: "#GP",
      hint: "describe one with the layout's idt key, or load one with lidt",
    });
    expect(others).toEqual([]);
  });

  test("has no places where the image knows no programs", async () => {
    const { memory, chunks, cpu } = await guestOf(code64().nop().mov(rax, mem(0x9000)));
    using machine = await boot({ memory, chunks, cpu });
    const [exception] = await machine.explain(lastExit(machine));
    expect(exception?.text).toBe(
      "mov rax, [0x9000] at 0x400001 raised #PF(0x0): it reads 8 bytes at 0x9000, which is not mapped",
    );
  });
});

describeKvm("a trace that ends in a shutdown", () => {
  test("has its last step before the instruction, which is where the guest is then", async () => {
    using machine = await boot(await guestOf(code64().nop().label("wrong").mov(rax, mem(0x9000)).hlt()));
    const places = [];
    for (const { kind } of (await machine.debug()).trace({ timeout: "5s" })) {
      if (kind === "step") places.push(machine.where().label);
      else expect(kind).toBe("shutdown");
    }
    expect(places).toEqual(["wrong"]);
  });
});

describeKvm("an exit that is no failure", () => {
  test("has nothing to be explained", async () => {
    const image = await guestOf(code64().mov(rax, mem(0x9000)).label("handler").hlt(), { vectors: ["#PF"] });
    using machine = await boot(image);
    const exit = lastExit(machine);
    expect(exit.kind).toBe("hlt");
    expect(await machine.explain(exit)).toEqual([]);
    machine.close();
    await expect(machine.explain(exit)).rejects.toMatchObject({ code: "CLOSED" });
  });
});

/** Right guests whose next exception, where the instruction is executed, is the #UD behind it. */
const rightGuests = [
  {
    instruction: "int 0x80 at user",
    image: () =>
      guestOf(code64(), {
        user: code64().int(0x80).label("handler").ud2(),
        gates: { 0x80: { handler: "place.user.handler", dpl: 3 } },
        task: "with a stack",
      }),
  },
  {
    instruction: "iretd at guest+0xc",
    image: () =>
      layout({
        mode: "compat32",
        memory: { ram: { at: 0x0, size: "64KiB" } },
        paging: { map: { loader: loaderPage, text: { virt: 0x40_0000, size: "4KiB", access: "rx" } } },
        stacks: { main: { virt: 0x7f_e000, size: "4KiB" } },
        gdt: { in: "text", segments: { code: { type: "code", bits: 32 }, data: { type: "data" } } },
        place: {
          guest: {
            code: code32().push(2).push(offset("gdt.segments.code")).push(offset("back")).iretd().label("back").ud2(),
            in: "text",
          },
        },
      }).build(),
  },
];

describePvm("an instruction that this KVM shuts guests down for", () => {
  test.each(rightGuests)("is not held against the guest: $instruction", async ({ instruction, image }) => {
    using machine = await boot(await image());
    const exit = lastExit(machine);
    expect(exit.kind).toBe("shutdown");
    const findings = await machine.explain(exit);
    expect(
      findings.map(({ kind, text, hint }) => ({ kind, text: text.replace(/ \(test\/[^)]*\)/, ""), hint })),
    ).toEqual([
      {
        kind: "unknown",
        text: `the state that was left does not say what ${instruction} raised`,
        hint: "this KVM (pvm) cannot execute int n, nor int3 and iret outside 64-bit code: the guest may be right; use a host with VT-x or SVM",
      },
    ]);
  });
});

test.skipIf(noQemu !== undefined).each(rightGuests)("QEMU's CPU executes it: $instruction", async ({ image }) => {
  const [first] = await exceptionsInQemu(await image());
  expect(first).toBe(6);
});

describePvm("an instruction that KVM cannot emulate", () => {
  test("is named", async () => {
    using machine = await boot(await guestOf(code64().nop().int(0x30)));
    expect((await machine.explain(lastExit(machine))).map(({ kind, text, hint }) => ({ kind, text, hint }))).toEqual([
      {
        kind: "emulation",
        text: expect.stringMatching(/^KVM cannot emulate int 0x30 at guest\+0x1 \(test\//) as string,
        hint: "this KVM (pvm) emulates all of ring 0; one with VT-x or SVM leaves most instructions to the CPU",
      },
    ]);
  });

  test("lies where there is no memory", async () => {
    const image = await layout({
      mode: "long64",
      memory: { ram: { at: 0x0, size: "32KiB" } },
      paging: {
        map: {
          text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
          device: { virt: 0x60_0000, phys: 0x4_0000, size: "4KiB", access: "rx", backing: "none" },
        },
      },
      place: { guest: { code: code64().mov(rax, 0x60_0000).jmp(rax), in: "text" } },
    }).build();
    using machine = await boot(image);
    const findings = await machine.explain(lastExit(machine));
    expect(findings.map(({ text }) => text)).toEqual([
      'rip 0x600000 leads to physical 0x40000 (mapping "device"), where there is no memory',
    ]);
  });
});

describeKvm("where an exit came from", () => {
  test("is the instruction, wherever KVM leaves RIP", async () => {
    const code = code16().out(0x10, al).in(al, 0x11).mov(byte(0x2000), al).hlt();
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "4KiB" } },
      place: { guest: { code, in: "ram" } },
    }).build();
    using machine = await boot(image);
    const places = [];
    for (const exit of machine.run({ timeout: "1s" })) {
      const { rip, linear, physical, offset, text } = machine.where(exit);
      expect([linear, physical, offset]).toEqual([rip, rip, rip]);
      places.push([exit.kind, rip, text]);
    }
    expect(places).toEqual([
      ["io-out", 0n, "out 0x10, al"],
      ["io-in", 2n, "in al, 0x11"],
      ["mmio-write", 4n, "mov byte [0x2000], al"],
      ["hlt", 7n, "hlt"],
    ]);
    expect(machine.where().rip).toBe(8n);
  });
});

describe.skipIf(noQemu !== undefined)("the exceptions that lead to the shutdown are those of QEMU's CPU", () => {
  test.each(fallenGuests.filter(({ qemuDiffers }) => qemuDiffers === undefined))(
    "$name",
    async ({ image, vectors }) => {
      expect(await exceptionsInQemu(await image())).toEqual(vectors);
    },
  );
});
