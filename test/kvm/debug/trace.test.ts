/** Traces: the exits of a run, and every instruction with what it changed. */
import { al, boot, code64, cr2, eax, exitDevice, rbx, rdx, type Image } from "guestwright";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { registerChanges } from "../../../src/kvm/debug/register-changes.ts";
import {
  stepToText,
  type Exit,
  type Machine,
  type Step,
  type TraceEvent,
  type TraceOptions,
} from "../../../src/kvm/index.ts";
import type { GeneralRegisters } from "../../../src/layout/cpu-state.ts";
import { longMode, longModeCpu, realMode, seedLongMode, seedRealMode, spinning } from "../images.ts";
import { describeKvm, describePvm } from "../require-kvm.ts";
import { resources } from "../resources.ts";
import { answer, everyExit, longModeImage } from "./guests.ts";

let image: Image;
beforeAll(async () => {
  image = await longModeImage(everyExit);
});

async function trace(machine: Machine, options: TraceOptions = {}): Promise<TraceEvent[]> {
  const debug = await machine.debug();
  const events: TraceEvent[] = [];
  for (const event of debug.trace({ timeout: "5s", ...options })) {
    events.push(structuredClone(event));
    answer(event);
  }
  return events;
}

const stepsOf = (events: readonly TraceEvent[]): Step[] => events.filter((event) => event.kind === "step");
const exitsOf = (events: readonly TraceEvent[]): Exit[] => events.filter((event) => event.kind !== "step");

function runAll(machine: Machine): Exit[] {
  const exits: Exit[] = [];
  for (const exit of machine.run({ timeout: "5s" })) {
    exits.push(structuredClone(exit));
    answer(exit);
  }
  return exits;
}

/** What the registers are after the changes of steps. */
function replay(start: GeneralRegisters, steps: readonly Step[]): Omit<GeneralRegisters, "rip"> {
  const { rip: _, ...registers } = start;
  const values = registers as Record<string, bigint>;
  for (const { changes } of steps) {
    for (const [name, { before, after }] of Object.entries(changes)) {
      if (!(name in values)) continue;
      expect(values[name]).toBe(before);
      values[name] = after;
    }
  }
  return registers;
}

describeKvm("a trace", () => {
  test.each([
    ["every kind of exit", () => image],
    ["the seed's guest in real mode", seedRealMode],
    ["the seed's guest in long mode", seedLongMode],
  ])("has the exits of a run, and changes that lead to its registers: %s", async (_, make) => {
    using plain = await boot(make());
    const expected = runAll(plain);
    using machine = await boot(make());
    const start = machine.registers();
    const events = await trace(machine);
    expect(exitsOf(events)).toEqual(expected);
    expect(events.at(-1)).toEqual({ kind: "hlt" });
    const { rip: __, ...end } = plain.registers();
    expect(replay(start, stepsOf(events))).toEqual(end);
    expect(machine.registers()).toEqual(plain.registers());
    await nextTurn();
    expect(resources()).toMatchObject({ timers: 0, blocked: "0".repeat(16) });
  });

  test("has every instruction, in the order of execution, as the listing has it", async () => {
    using machine = await boot(image);
    const steps = stepsOf(await trace(machine));
    const listing = image.programs[0]!.listing.filter(({ kind }) => kind === "instruction");
    const [first, ...loop] = listing.slice(0, -1);
    const executed = [first!, ...loop, ...loop, listing.at(-1)!];
    expect(steps.map(({ location }) => location.rip)).toEqual(executed.map(({ address }) => address));
    expect(steps.map(({ instruction }) => instruction?.bytes)).toEqual(executed.map(({ bytes }) => bytes));
    expect(steps.map(({ location }) => location.source)).toEqual(executed.map(({ source }) => source));
    const branch = image.programs[0]!.labels["loop"]!.toString(16);
    expect(steps.map(({ instruction }) => instruction?.text)).toEqual(
      executed.map(({ text }) => (text === "jne loop" ? `jne 0x${branch}` : text)),
    );
  });

  test("gives an exit before the step of its instruction, and hlt after it", async () => {
    using machine = await boot(image);
    const kinds = (await trace(machine)).map((event) =>
      event.kind === "step" ? event.instruction!.text.split(" ")[0] : event.kind,
    );
    const round = ["add", "io-out", "out", "io-in", "in", "mmio-write", "mov", "mmio-read", "mov", "mov", "dec", "jne"];
    expect(kinds).toEqual(["mov", ...round, ...round, "hlt", "hlt"]);
  });

  test("says what an instruction changed, and nothing else", async () => {
    const guest = code64()
      .mov(eax, 0x1234)
      .mov(rdx, 0xffff_ffff_ffff_ffffn)
      .add(rdx, 1)
      .mov(rbx, 0x5000)
      .mov(cr2, rbx)
      .nop()
      .hlt();
    using machine = await boot(await longModeImage(guest));
    const steps = stepsOf(await trace(machine));
    expect(steps.map(({ changes }) => changes)).toEqual([
      { rax: { before: 0n, after: 0x1234n } },
      { rdx: { before: 0n, after: 0xffff_ffff_ffff_ffffn } },
      // CF, PF, AF and ZF.
      { rdx: { before: 0xffff_ffff_ffff_ffffn, after: 0n }, rflags: { before: 2n, after: 0x57n } },
      { rbx: { before: 0n, after: 0x5000n } },
      { cr2: { before: 0n, after: 0x5000n } },
      {},
      {},
    ]);
  });

  test("follows the guest from real mode on, with segments", async () => {
    // mov ax, 0x20; mov ds, ax; hlt
    using machine = await boot(realMode(0xb8, 0x20, 0x00, 0x8e, 0xd8, 0xf4));
    const steps = stepsOf(await trace(machine));
    expect(steps.map(({ instruction, changes }) => [instruction!.text, changes])).toEqual([
      ["mov ax, 0x20", { rax: { before: 0n, after: 0x20n } }],
      ["mov ds, ax", { ds: { before: 0n, after: 0x20n }, "ds.base": { before: 0n, after: 0x200n } }],
      ["hlt", {}],
    ]);
  });

  test("ends where it is told to, and goes on", async () => {
    using machine = await boot(image);
    const first = await trace(machine, { maxSteps: 3 });
    expect(first.map(({ kind }) => kind)).toEqual(["step", "step", "io-out", "step"]);
    const rest = runAll(machine);
    expect(rest[0]).toMatchObject({ kind: "io-in" });
    expect(rest.at(-1)).toEqual({ kind: "hlt" });
  });

  test("that its consumer leaves in the middle of an instruction goes on there: by steps or by a run", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    for (const event of debug.trace()) {
      if (event.kind !== "io-in") continue;
      event.data.fill(0x42);
      break;
    }
    expect(debug.step()).toMatchObject({
      kind: "step",
      instruction: { text: "in al, 0x11" },
      changes: { rax: { before: 1n, after: 0x42n } },
    });
    expect(debug.step()).toMatchObject({ kind: "mmio-write", data: Uint8Array.of(0x42) });
    const exits = runAll(machine);
    expect(exits[0]).toMatchObject({ kind: "mmio-read" });
    expect(exits.at(-1)).toEqual({ kind: "hlt" });
  });

  test("that its consumer forgets does not keep the next run from running", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const forgotten = debug.trace();
    forgotten.next();
    const exits = runAll(machine);
    expect(exits.map(({ kind }) => kind)).not.toContain("debug");
    expect(exits.at(-1)).toEqual({ kind: "hlt" });
  });

  test("asks devices, and counts their exits", async () => {
    using machine = await boot(image);
    const written: number[] = [];
    const port = {
      name: "port",
      ports: { at: 0x10, size: 2 },
      read: { u8: () => 0x77 },
      write: { u8: (value: number) => void written.push(value) },
    };
    const events = await trace(machine, { devices: [port] });
    expect(written).toEqual([1, 0x78]);
    expect(exitsOf(events).map(({ kind }) => kind)).toEqual([
      "mmio-write",
      "mmio-read",
      "mmio-write",
      "mmio-read",
      "hlt",
    ]);
    using limited = await boot(image);
    const few = await trace(limited, { devices: [port], maxExits: 3, includeHandled: true });
    expect(exitsOf(few)).toMatchObject([
      { kind: "io-out" },
      { kind: "io-in" },
      { kind: "mmio-write" },
      { kind: "exit-limit", exits: 3 },
    ]);
  });

  test("ends with a device that ends it", async () => {
    using machine = await boot(await longModeImage(code64().mov(al, 7).out(0xf4, al).hlt()));
    const events = await trace(machine, { devices: [exitDevice()] });
    expect(events.map(({ kind }) => kind)).toEqual(["step", "guest-exit"]);
    expect((await trace(machine)).map(({ kind }) => kind)).toEqual(["step", "step", "hlt"]);
  });

  test("cannot wait for a device that answers later", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const later = { name: "later", ports: { at: 0x10, size: 1 }, write: { u8: (async () => {}) as never } };
    expect(() => [...debug.trace({ devices: [later] })]).toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: expect.stringMatching(/^a device answers io-out later/) as unknown,
      }),
    );
  });

  test("has a deadline", async () => {
    using machine = await boot(spinning);
    const events = await trace(machine, { timeout: "20ms" });
    expect(events.at(-1)).toMatchObject({ kind: "timeout" });
    expect(
      stepsOf(events)
        .slice(0, 3)
        .map(({ instruction }) => instruction?.text),
    ).toEqual(["cli", "jmp 0x1", "jmp 0x1"]);
    await nextTurn();
    expect(resources()).toMatchObject({ timers: 0, blocked: "0".repeat(16) });
  });

  test("ends with a triple fault, whose instruction did not complete", async () => {
    using machine = await boot(longMode(0x90, 0x0f, 0x0b)); // nop; ud2
    const events = await trace(machine);
    expect(events.map(({ kind }) => kind)).toEqual(["step", "shutdown"]);
  });

  test("says of the breakpoints where it arrives, and a run does not say it again", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const atBranch = debug.breakAt("branch");
    for (const event of debug.trace()) {
      answer(event);
      if (event.kind === "step" && event.hits.length > 0) {
        expect(event).toMatchObject({ instruction: { text: "dec rcx" }, hits: [atBranch] });
        break;
      }
    }
    const exits = runAll(machine);
    expect(exits.filter(({ kind }) => kind === "debug")).toHaveLength(1);
  });

  test("a machine that is closed in the middle ends it with an error", async () => {
    const machine = await boot(image);
    const debug = await machine.debug();
    expect(() => {
      for (const _ of debug.trace()) machine.close();
    }).toThrow(expect.objectContaining({ code: "CLOSED" }));
    await nextTurn();
    expect(resources()).toMatchObject({ timers: 0, descriptors: 0, blocked: "0".repeat(16) });
  });
});

describePvm("a trace on the KVM without virtualisation hardware", () => {
  test("refuses to step code at privilege level 3, where the step would become an exception of the guest", async () => {
    const { segments } = longModeCpu;
    const user = longMode(0x90, 0xeb, 0xfe);
    using machine = await boot({
      ...user,
      cpu: {
        ...user.cpu,
        segments: {
          ...segments,
          cs: { ...segments.cs, dpl: 3, selector: 0xb },
          ss: { ...segments.ss, dpl: 3, selector: 0x13 },
        },
      },
    });
    const debug = await machine.debug();
    expect(() => debug.step()).toThrow(
      expect.objectContaining({
        code: "NOT_SUPPORTED",
        message: expect.stringMatching(/^this KVM \(pvm\) has no single steps at privilege level 3\n/) as unknown,
      }),
    );
  });

  test("an exception leads behind the first instruction of its handler", async () => {
    // mov word [0x18], 0x10, which is the handler's offset in the table at 0; ud2; at 0x10: nop; hlt
    const code = [0xc7, 0x06, 0x18, 0x00, 0x10, 0x00, 0x0f, 0x0b];
    using machine = await boot(realMode(...code, ...Array<number>(8).fill(0xf4), 0x90, 0xf4));
    machine.vcpu.setRegs({ ...machine.registers(), rsp: 0x800n });
    const steps = stepsOf(await trace(machine));
    expect(steps.map(({ instruction, location }) => [location.rip, instruction?.text])).toEqual([
      [0n, "mov word [0x18], 0x10"],
      [6n, "ud2"],
      [0x11n, "hlt"],
    ]);
    expect(steps[1]!.changes.rsp).toEqual({ before: 0x800n, after: 0x7fan });
  });

  test("an instruction that KVM cannot emulate is not executed; its bytes are read when asked for", async () => {
    using machine = await boot(longMode(0x90, 0x0f, 0x58, 0xc1, 0xf4)); // nop; addps xmm0, xmm1; hlt
    const events = await trace(machine);
    expect(events.map(({ kind }) => kind)).toEqual(["step", "internal-error"]);
    const { instruction } = events.at(-1) as { instruction: Uint8Array };
    const [refused, next] = await machine.disassemble(instruction);
    expect(refused).toEqual({ address: 1n, bytes: Uint8Array.of(0x0f, 0x58, 0xc1), text: "addps xmm0, xmm1" });
    expect(next).toMatchObject({ address: 4n, text: "hlt" });
    expect((await machine.disassemble(Uint8Array.of(0xeb, 0xfe), 0x100n))[0]?.text).toBe("jmp 0x100");
  });
});

describe("a step as text", () => {
  const step: Step = {
    kind: "step",
    location: {
      ...{ rip: 0x40n, linear: 0x40n, physical: 0x40n, program: "guest", label: "loop", offset: 2n },
      ...{ section: undefined, text: "add rax, 0x1", source: { file: "guest.ts", line: 9, column: 1 } },
    },
    instruction: { address: 0x40n, bytes: Uint8Array.of(0x48, 0xff, 0xc0), text: "inc rax" },
    changes: { rax: { before: 0xfn, after: 0x10n }, rflags: { before: 2n, after: 0x12n } },
    hits: [],
  };

  test("says the address, the instruction, the changes and the place", () => {
    expect(stepToText(step)).toBe(
      "00000040  inc rax                         rax 0xf -> 0x10, rflags 0x2 -> 0x12  guest:loop+0x2 (guest.ts:9)",
    );
  });

  test("says what was hit, and that nothing is known", () => {
    expect(
      stepToText({
        ...step,
        location: { ...step.location, program: undefined, label: undefined, offset: undefined },
        instruction: undefined,
        changes: {},
        hits: [
          { kind: "watchpoint", id: 1, address: 0x2000n, size: 1, on: "write" },
          { kind: "breakpoint", id: 2, address: 0x42n, symbol: "guest.end" },
          { kind: "breakpoint", id: 3, address: 0x42n, symbol: undefined },
        ],
      }),
    ).toBe("00000040  (no instruction)                [watchpoint 0x2000]  [breakpoint guest.end]  [breakpoint 0x42]");
  });
});

describe("register changes", () => {
  test("know every register but RIP", () => {
    const before = longModeCpu;
    const { segments } = before;
    const after = {
      ...before,
      regs: { ...before.regs, rip: 1n, r15: 2n },
      segments: { ...segments, cs: { ...segments.cs, selector: 0x18, base: 0x10n, dpl: 3 as const } },
      gdt: { base: 0x100n, limit: 0x1f },
      idt: { ...before.idt, limit: 7 },
      cr3: 0x1000n,
      efer: 0x501n,
    };
    expect(registerChanges(before, after)).toEqual({
      r15: { before: 0n, after: 2n },
      cs: { before: 8n, after: 0x18n },
      "cs.base": { before: 0n, after: 0x10n },
      "cs.dpl": { before: 0n, after: 3n },
      "gdtr.base": { before: 0n, after: 0x100n },
      "gdtr.limit": { before: 0xffffn, after: 0x1fn },
      "idtr.limit": { before: 0x3ffn, after: 7n },
      cr3: { before: 0n, after: 0x1000n },
      efer: { before: 0x500n, after: 0x501n },
    });
    expect(registerChanges(before, before)).toEqual({});
  });
});
