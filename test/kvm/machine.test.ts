/** Guests on `/dev/kvm`: what they do is what the stream says. */
import { describe, expect, test } from "vitest";
import { boot, type Exit, type LoadableImage, type Machine } from "../../src/kvm/index.ts";
import { counting, longMode, longModeCpu, realMode, realModeCpu, seedLongMode, seedRealMode } from "./images.ts";
import { describeKvm, describePvm } from "./require-kvm.ts";

/** What the guest does, as the seed's host prints it; every input is answered with 0xaa. */
function transcript(machine: Machine): string {
  let text = "";
  for (const exit of machine.run({ timeout: "5s" })) {
    if (exit.kind === "io-out") {
      text += Buffer.from(exit.data).toString("latin1").replace("\0", "");
    } else if (exit.kind === "io-in") {
      text += `IO_IN: port=${exit.port} len=${exit.data.length}\n`;
      exit.data.fill(0xaa);
    } else if (exit.kind === "mmio-write") {
      text += `MMIO_WRITE: addr=0x${exit.address.toString(16)} data=${Buffer.from(exit.data).toString("hex")}\n`;
    } else if (exit.kind === "mmio-read") {
      text += `MMIO_READ: addr=0x${exit.address.toString(16)} len=${exit.data.length}\n`;
      exit.data.fill(0xbb);
    } else {
      text += exit.kind;
    }
  }
  return text;
}

const kindsOf = (exits: Iterable<Exit>): string[] => Array.from(exits, ({ kind }) => kind);

describeKvm("the seed's guests", () => {
  test("real mode", async () => {
    using machine = await boot(seedRealMode());
    expect(transcript(machine)).toBe(
      "Hello from Real Mode!\nIO_IN: port=4096 len=1\nMMIO_WRITE: addr=0x2000 data=aa\nMMIO_READ: addr=0x2000 len=1\nhlt",
    );
    expect(machine.registers().rax & 0xffn).toBe(0xbbn);
  });

  test("long mode", async () => {
    using machine = await boot(seedLongMode());
    const writes = [0x12, 0x34, 0x56, 0x78].map(
      (data, at) => `MMIO_WRITE: addr=0x800${at} data=${data.toString(16)}\n`,
    );
    expect(transcript(machine)).toBe(`Hello from Long Mode!\nIO_IN: port=4096 len=1\n${writes.join("")}hlt`);
    expect([...machine.readMemory(0x6000n, 4)]).toEqual([0xaa, 0xbb, 0xcc, 0xdd]);
    const { cr0, cr3, cr4, efer } = machine.specialRegisters();
    // CR0.ET reads as 1 on VT-x and SVM.
    expect([cr0 & ~0x10n, cr3, cr4, efer]).toEqual([longModeCpu.cr0, 0n, longModeCpu.cr4, longModeCpu.efer]);
    expect(machine.vcpu.translate(0x2003n)).toMatchObject({ valid: true, physicalAddress: 0x6003n });
    expect(machine.vcpu.translate(0x5000n)).toMatchObject({ valid: false });
  });
});

describeKvm("exits", () => {
  test("port accesses of every size, in and out", async () => {
    // mov eax, 0x44332211; mov dx, 0x3f8; out dx, al; out dx, ax; out dx, eax; in al, dx; in ax, dx; in eax, dx; hlt
    const image = realMode(
      ...[0x66, 0xb8, 0x11, 0x22, 0x33, 0x44, 0xba, 0xf8, 0x03],
      ...[0xee, 0xef, 0x66, 0xef, 0xec, 0xed, 0x66, 0xed, 0xf4],
    );
    using machine = await boot(image);
    const port = 0x3f8;
    const seen: Exit[] = [];
    for (const exit of machine.run()) {
      seen.push(structuredClone(exit));
      if (exit.kind === "io-in") exit.data.set([0xa1, 0xa2, 0xa3, 0xa4].slice(0, exit.size));
    }
    expect(seen).toEqual([
      { kind: "io-out", port, size: 1, count: 1, data: Uint8Array.of(0x11) },
      { kind: "io-out", port, size: 2, count: 1, data: Uint8Array.of(0x11, 0x22) },
      { kind: "io-out", port, size: 4, count: 1, data: Uint8Array.of(0x11, 0x22, 0x33, 0x44) },
      { kind: "io-in", port, size: 1, count: 1, data: new Uint8Array(1) },
      { kind: "io-in", port, size: 2, count: 1, data: new Uint8Array(2) },
      { kind: "io-in", port, size: 4, count: 1, data: new Uint8Array(4) },
      { kind: "hlt" },
    ]);
    expect(machine.registers().rax).toBe(0xa4a3_a2a1n);
  });

  test("an input that nobody answers reads as 0", async () => {
    using machine = await boot(realMode(0xb0, 0x55, 0xe4, 0x60, 0xf4)); // mov al, 0x55; in al, 0x60; hlt
    expect(kindsOf(machine.run())).toEqual(["io-in", "hlt"]);
    expect(machine.registers().rax).toBe(0n);
  });

  test("what the consumer keeps of an exit stays as it was", async () => {
    using machine = await boot(counting);
    const kept: Uint8Array[] = [];
    for (const exit of machine.run()) {
      if (exit.kind === "io-out") kept.push(exit.data);
      if (kept.length === 5) break;
    }
    machine.close();
    expect(kept.map(([byte]) => byte)).toEqual([0, 1, 2, 3, 4]);
  });

  test("a triple fault", async () => {
    // lidt with a limit of 0, then ud2: no handler, no double-fault handler
    using machine = await boot(realMode(0x0f, 0x01, 0x1e, 0x10, 0x00, 0x0f, 0x0b));
    expect([...machine.run({ timeout: "1s" })]).toEqual([{ kind: "shutdown" }]);
  });

  test("a jump to a page that is not mapped, in long mode without an IDT", async () => {
    using machine = await boot(longMode(0xe9, 0x00, 0x00, 0x00, 0x10)); // jmp +0x10000000
    expect([...machine.run({ timeout: "1s" })]).toEqual([{ kind: "shutdown" }]);
  });

  test("a single step, then on", async () => {
    using machine = await boot(realMode(0x90, 0x90, 0xf4));
    machine.vcpu.setGuestDebug({ control: 3 });
    for (const exit of machine.run()) {
      expect(exit).toMatchObject({ kind: "debug", exception: 1, pc: 1n });
      break;
    }
    machine.vcpu.setGuestDebug({ control: 0 });
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
  });

  test("hlt is not the end: the next run goes on after it", async () => {
    using machine = await boot(realMode(0xf4, 0xe6, 0x01, 0xf4)); // hlt; out 1, al; hlt
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(kindsOf(machine.run())).toEqual(["io-out", "hlt"]);
  });
});

describePvm("exits of the KVM without virtualisation hardware", () => {
  test("an SSE instruction in ring 0 is none that it can emulate", async () => {
    const addps = [0x0f, 0x58, 0xc1];
    using machine = await boot(longMode(...addps, 0xf4));
    const [exit, ...rest] = machine.run();
    expect(rest).toEqual([]);
    expect(exit).toMatchObject({ kind: "internal-error", suberror: 1, name: "KVM_INTERNAL_ERROR_EMULATION" });
    expect([...(exit as { instruction: Uint8Array }).instruction].slice(0, 4)).toEqual([...addps, 0xf4]);
    expect(machine.registers().rip).toBe(0n);
  });

  test("vmcall never gets anywhere: the deadline ends it", async () => {
    using machine = await boot(longMode(0x0f, 0x01, 0xc1, 0xf4));
    expect(kindsOf(machine.run({ timeout: "20ms" }))).toEqual(["timeout"]);
    expect(machine.registers().rip).toBe(0n);
  });

  test("paging outside long mode is dropped in silence, and told", async () => {
    const cpu = { ...realModeCpu, cr0: 0x8000_0031n, segments: { ...realModeCpu.segments } };
    const image: LoadableImage = { ...realMode(0xf4), cpu };
    await expect(boot(image)).rejects.toMatchObject({
      code: "STATE_NOT_ACCEPTED",
      message:
        "KVM took the CPU's state but changed it: CR0 wanted 0x80000031, got 0x31 (PG cleared)\n" +
        "  hint: this KVM (pvm) has no paging outside long mode; use long mode, no paging, or a host with VT-x or SVM",
    });
  });
});

describeKvm("the stream", () => {
  test("goes on after break, with nothing lost and nothing twice", async () => {
    using machine = await boot(counting);
    const seen: number[] = [];
    while (seen.length < 30) {
      for (const exit of machine.run()) {
        if (exit.kind === "io-out") seen.push(exit.data[0]!);
        if (seen.length % 3 === 0) break;
      }
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  test("an answer given before break is taken by the next run", async () => {
    using machine = await boot(realMode(0xe4, 0x60, 0xf4)); // in al, 0x60; hlt
    for (const exit of machine.run()) {
      if (exit.kind === "io-in") exit.data[0] = 0x77;
      break;
    }
    expect(machine.registers().rip).toBe(0n);
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0x77n);
  });

  test("an answer given between two runs counts, too", async () => {
    using machine = await boot(realMode(0xe4, 0x60, 0xf4));
    const [exit] = take(machine, 1);
    (exit as { data: Uint8Array }).data[0] = 0x99;
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0x99n);
  });

  test.each<[unknown, string]>([
    [new Uint8Array(4), "the answer has 4 bytes, not 1"],
    ["a", 'the answer is no Uint8Array: "a"'],
    [undefined, "the answer is no Uint8Array: nothing"],
  ])("data that were put in place of an exit's, %o, are an error, once, and then 0", async (data, message) => {
    using machine = await boot(realMode(0xe4, 0x60, 0xf4));
    const [exit] = take(machine, 1);
    (exit as { data: unknown }).data = data;
    const hint = "\n  hint: write the answer into the exit's data, and leave them in place";
    expect(() => machine.run().next()).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message: `${message}${hint}` }),
    );
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0n);
  });

  test("an answer whose bytes were given away is an error, once, and then 0", async () => {
    using machine = await boot(realMode(0xe4, 0x60, 0xf4));
    const [exit] = take(machine, 1);
    structuredClone(exit, { transfer: [(exit as { data: Uint8Array }).data.buffer as ArrayBuffer] });
    expect(() => machine.run().next()).toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: "the answer has 0 bytes, not 1\n  hint: its buffer was transferred away",
      }),
    );
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0n);
  });

  test("an exception in the handler leaves a machine that goes on", async () => {
    using machine = await boot(counting);
    const seen: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => {
        for (const exit of machine.run()) {
          if (exit.kind === "io-out") seen.push(exit.data[0]!);
          throw new Error("from the handler");
        }
      }).toThrow("from the handler");
    }
    expect(seen).toEqual([0, 1, 2]);
  });

  test("two machines, step by step in turn", async () => {
    using one = await boot(counting);
    using two = await boot(seedRealMode());
    const first = one.run({ timeout: "5s" });
    const kinds: string[] = [];
    for (const exit of two.run({ timeout: "5s" })) {
      kinds.push(exit.kind);
      expect(first.next().value).toMatchObject({ kind: "io-out", port: 0x10, data: Uint8Array.of(kinds.length - 1) });
    }
    expect(kinds.at(-1)).toBe("hlt");
    expect(first.next().value).toMatchObject({ data: Uint8Array.of(kinds.length) });
    first.return?.();
  });

  test("a machine that is closed in the loop ends it with an error", async () => {
    const machine = await boot(counting);
    expect(() => {
      for (const _ of machine.run()) machine.close();
    }).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});

/** The first exits of a new run. */
function take(machine: Machine, count: number): Exit[] {
  const exits: Exit[] = [];
  for (const exit of machine.run()) {
    exits.push(exit);
    if (exits.length === count) break;
  }
  return exits;
}

describeKvm("memory and registers", () => {
  test("what is written before the run is what the guest finds", async () => {
    using machine = await boot(realMode(0xa0, 0x00, 0x05, 0xa2, 0x01, 0x05, 0xf4)); // mov al, [0x500]; mov [0x501], al; hlt
    machine.writeMemory(0x500n, Uint8Array.of(0x5a));
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect([...machine.readMemory(0x500n, 3)]).toEqual([0x5a, 0x5a, 0]);
  });

  test("the registers an image asks for", async () => {
    const image = realMode(0xf4);
    using machine = await boot({
      ...image,
      cpu: { ...image.cpu, regs: { ...image.cpu.regs, rbx: 0x1234n, rsp: 0xff0n } },
    });
    expect(machine.registers()).toMatchObject({ rbx: 0x1234n, rsp: 0xff0n, rip: 0n, rflags: 2n });
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
    expect(machine.registers()).toMatchObject({ rbx: 0x1234n, rip: 1n });
  });

  test("two regions with a hole between them", async () => {
    // mov byte [0x2000], 1 (a hole); mov byte [0x3000], 2 (memory); hlt
    const code = [0xc6, 0x06, 0x00, 0x20, 1, 0xc6, 0x06, 0x00, 0x30, 2, 0xf4];
    const image = realMode(...code);
    const high = { name: "high", kind: "ram", at: 0x3000n, size: 0x1000n } as const;
    using machine = await boot({ ...image, memory: [...image.memory, high] });
    expect([...machine.run()]).toEqual([
      { kind: "mmio-write", address: 0x2000n, size: 1, data: Uint8Array.of(1) },
      { kind: "hlt" },
    ]);
    expect([...machine.readMemory(0x3000n, 1)]).toEqual([2]);
  });

  test("after the end every call says so, and closing twice is nothing", async () => {
    const machine = await boot(realMode(0xf4));
    const iterator = machine.run();
    machine.close();
    machine[Symbol.dispose]();
    for (const use of [
      () => machine.run(),
      () => iterator.next(),
      () => machine.registers(),
      () => machine.specialRegisters(),
      () => machine.readMemory(0n, 1),
      () => machine.writeMemory(0n, Uint8Array.of(1)),
    ]) {
      expect(use).toThrow(
        expect.objectContaining({
          code: "CLOSED",
          message: expect.stringMatching(/^the machine is closed\n/) as unknown,
        }),
      );
    }
  });
});

describe("an image that makes no sense", () => {
  describeKvm("is refused, whatever is wrong", () => {
    const good = realMode(0xf4);
    const ram = good.memory[0]!;
    test.each<[string, RegExp, LoadableImage]>([
      ["an empty region", /^memory region 0 at 0x0 is empty$/, { ...good, memory: [{ ...ram, size: 0n }] }],
      ["half a page", /^a slot's size is no multiple of 4096: 0x800$/, { ...good, memory: [{ ...ram, size: 0x800n }] }],
      [
        "bytes outside memory",
        /^guest-physical 0x1000 is not memory/,
        { ...good, chunks: [{ name: "code", at: 0xfffn, bytes: new Uint8Array(2) }] },
      ],
      [
        "a selector of 17 bits",
        /^cs.selector is no whole number from 0 to 2\^16 - 1: 65536$/,
        {
          ...good,
          cpu: { ...good.cpu, segments: { ...good.cpu.segments, cs: { ...good.cpu.segments.cs, selector: 0x10000 } } },
        },
      ],
      [
        "a register of 65 bits",
        /^rip is no bigint/,
        { ...good, cpu: { ...good.cpu, regs: { ...good.cpu.regs, rip: 1n << 64n } } },
      ],
    ])("%s", async (_, message, image) => {
      await expect(boot(image)).rejects.toMatchObject({
        code: "BAD_ARGUMENT",
        message: expect.stringMatching(message) as unknown,
      });
    });

    test("overlapping regions", async () => {
      await expect(boot({ ...good, memory: [ram, ram] })).rejects.toMatchObject({
        code: "IOCTL_FAILED",
        errno: "EEXIST",
      });
    });

    test("more memory than there is address space", async () => {
      const huge = { ...ram, size: 1n << 51n };
      await expect(boot({ ...good, memory: [huge] })).rejects.toMatchObject({ code: "CALL_FAILED", errno: "ENOMEM" });
    });

    test("a timeout that is none", async () => {
      using machine = await boot(good);
      expect(() => machine.run({ timeout: "soon" as "1s" })).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    });
  });
});
