/** Going back: after a restore the machine is what it was, whatever the guest and the host did in between. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boot, type LoadableImage, type Machine, type SnapshotPart } from "../../src/kvm/index.ts";
import { counting, longMode, realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";
import { xsaveContents } from "./xsave-contents.ts";

const badArgument = (message: string): unknown =>
  expect.objectContaining({ code: "BAD_ARGUMENT", message: expect.stringContaining(message) as unknown });

/** All that a machine shows of itself. */
function stateOf(machine: Machine): unknown {
  const { vcpu } = machine;
  return {
    registers: machine.registers(),
    special: machine.specialRegisters(),
    debug: vcpu.getDebugregs(),
    events: vcpu.getVcpuEvents(),
    xsave: xsaveContents(vcpu),
    gs: vcpu.getMsrs([0xc000_0102]),
    memory: machine.image.memory.map(({ at, size }) =>
      Buffer.from(machine.readMemory(at, Number(size))).toString("hex"),
    ),
  };
}

/** `inc word [bx]; add bx, 0x800; out 0x10, al; jmp` in real mode, with 64 KiB: it dirties page after page. */
const dirtying: LoadableImage = {
  ...realMode(0xff, 0x07, 0x81, 0xc3, 0x00, 0x08, 0xe6, 0x10, 0xeb, 0xf6),
  memory: [{ name: "ram", kind: "ram", at: 0n, size: 0x1_0000n }],
};

function take(machine: Machine, exits: number): void {
  expect([...machine.run({ maxExits: exits })].at(-1)).toMatchObject({ kind: "exit-limit" });
}

describeKvm("a snapshot", () => {
  test("brings memory, registers and model-specific registers back, again and again", async () => {
    using machine = await boot({ ...dirtying, cpu: { ...dirtying.cpu, regs: { ...dirtying.cpu.regs, rbx: 0x1000n } } });
    take(machine, 5);
    const snapshot = machine.snapshot();
    const before = stateOf(machine);
    for (let round = 0; round < 5; round++) {
      take(machine, 1 + 7 * round);
      machine.writeMemory(
        0xff0n,
        Uint8Array.from({ length: 0x40 }, () => round + 1),
      );
      machine.vcpu.setMsrs([{ index: 0xc000_0102, data: 0x1234n }]);
      machine.vcpu.setDebugregs({ db: [1n, 0n, 0n, 0n], dr6: 0xffff_0ff0n, dr7: 0x400n, flags: 0n });
      const area = machine.vcpu.getXsave();
      area[160] = round + 1;
      area[512]! |= 3;
      machine.vcpu.setXsave(area);
      expect(stateOf(machine)).not.toEqual(before);
      machine.restore(snapshot);
      expect(stateOf(machine)).toEqual(before);
    }
    expect(snapshot.memorySize).toBe(0x1_0000);
  });

  test("goes on as it went on the first time", async () => {
    using machine = await boot(dirtying);
    take(machine, 3);
    using snapshot = machine.snapshot();
    const runOn = (): string[] => {
      take(machine, 40);
      return [
        JSON.stringify(stateOf(machine), (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)),
      ];
    };
    const first = runOn();
    machine.restore(snapshot);
    expect(runOn()).toEqual(first);
  });

  test("two snapshots, in any order", async () => {
    using machine = await boot(dirtying);
    take(machine, 3);
    const one = machine.snapshot();
    const stateOne = stateOf(machine);
    take(machine, 9);
    const two = machine.snapshot();
    const stateTwo = stateOf(machine);
    take(machine, 20);
    for (const [snapshot, state] of [
      [one, stateOne],
      [two, stateTwo],
      [two, stateTwo],
      [one, stateOne],
      [one, stateOne],
    ] as const) {
      machine.writeMemory(0x8000n, Uint8Array.of(1, 2, 3));
      machine.restore(snapshot);
      expect(stateOf(machine)).toEqual(state);
      take(machine, 11);
    }
  });

  test("any mix of runs, writes, snapshots and restores", async () => {
    using machine = await boot(dirtying);
    const step = fc.oneof(
      fc.record({ do: fc.constant("run" as const), n: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ do: fc.constant("write" as const), n: fc.integer({ min: 0x40, max: 0xff00 }) }),
      fc.record({ do: fc.constant("snapshot" as const), n: fc.constant(0) }),
      fc.record({ do: fc.constant("restore" as const), n: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const saved = [{ snapshot: machine.snapshot(), state: stateOf(machine) }];
        for (const { do: what, n } of steps) {
          if (what === "run") take(machine, n);
          else if (what === "write") machine.writeMemory(BigInt(n), Uint8Array.of(n, n >> 8, 3));
          else if (what === "snapshot") saved.push({ snapshot: machine.snapshot(), state: stateOf(machine) });
          else {
            const { snapshot, state } = saved[n % saved.length]!;
            machine.restore(snapshot);
            expect(stateOf(machine)).toEqual(state);
          }
        }
        for (const { snapshot } of saved) snapshot.close();
      }),
      { numRuns: 15 },
    );
  });

  test("an input that waits is completed before it is taken, and forgotten when it is restored", async () => {
    using machine = await boot(realMode(0xe4, 0x60, 0xe4, 0x61, 0xf4)); // in al, 0x60; in al, 0x61; hlt
    const answer = (value: number): string[] => {
      const kinds: string[] = [];
      for (const exit of machine.run()) {
        kinds.push(exit.kind);
        if (exit.kind === "io-in") exit.data[0] = value;
        if (exit.kind === "io-in") break;
      }
      return kinds;
    };
    answer(0x11);
    const snapshot = machine.snapshot();
    expect(machine.registers()).toMatchObject({ rip: 2n, rax: 0x11n });
    for (const value of [0x22, 0x33]) {
      answer(value);
      machine.restore(snapshot);
      expect(machine.registers()).toMatchObject({ rip: 2n, rax: 0x11n });
    }
    answer(0x44);
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
    expect(machine.registers().rax).toBe(0x44n);
    machine.restore(snapshot);
    expect(machine.registers()).toMatchObject({ rip: 2n, rax: 0x11n });
  });

  test("a guest that shut down, and one that spins, come back", async () => {
    using machine = await boot(longMode(0x90, 0xe6, 0x10, 0x0f, 0x0b)); // nop; out 0x10, al; ud2, without an IDT
    const snapshot = machine.snapshot();
    for (let round = 0; round < 3; round++) {
      expect(Array.from(machine.run(), ({ kind }) => kind)).toEqual(["io-out", "shutdown"]);
      machine.restore(snapshot);
      expect(machine.registers().rip).toBe(0n);
    }
  });

  test.each<[SnapshotPart[]]>([
    [["fpu"]],
    [["msrs", "debug-registers"]],
    [["fpu", "msrs", "debug-registers", "controllers"]],
  ])("without %j the rest comes back", async (omit) => {
    using machine = await boot(dirtying);
    take(machine, 3);
    const { memory, registers, special } = stateOf(machine) as Record<string, unknown>;
    const snapshot = machine.snapshot({ omit });
    take(machine, 20);
    machine.restore(snapshot);
    expect(stateOf(machine)).toMatchObject({ memory, registers, special });
  });

  test("single steps are not lost", async () => {
    using machine = await boot(realMode(0x90, 0x40, 0x90, 0xf4));
    const snapshot = machine.snapshot();
    machine.vcpu.setGuestDebug({ control: 3 });
    for (let round = 0; round < 3; round++) {
      expect([...machine.run({ maxExits: 2 })]).toMatchObject([{ pc: 1n }, { pc: 2n }, { kind: "exit-limit" }]);
      machine.restore(snapshot);
    }
  });
});

describe("misuse", () => {
  describeKvm("of snapshots is an error", () => {
    test("a snapshot of another machine, one that is closed, and what is none", async () => {
      using one = await boot(counting);
      using two = await boot(counting);
      const snapshot = one.snapshot();
      expect(() => two.restore(snapshot)).toThrow(badArgument("no snapshot of this machine"));
      snapshot.close();
      snapshot.close();
      expect(() => one.restore(snapshot)).toThrow(badArgument("no snapshot of this machine, or one that is closed"));
      expect(() => one.restore({} as typeof snapshot)).toThrow(badArgument("no snapshot of this machine"));
      expect(() => one.snapshot({ omit: ["memory" as "fpu"] })).toThrow(badArgument('no part of a snapshot: "memory"'));
    });

    test("slots that changed since", async () => {
      using machine = await boot(counting);
      const snapshot = machine.snapshot();
      machine.vm.setUserMemoryRegion({ slot: 5, guestPhysAddr: 0x10_0000n, memorySize: 0x1000n });
      expect(() => machine.restore(snapshot)).toThrow(badArgument("the memory slots are not those of the snapshot"));
    });

    test("a machine, or a VM, that is closed", async () => {
      const machine = await boot(counting);
      const snapshot = machine.snapshot({ omit: ["fpu", "msrs", "debug-registers", "controllers"] });
      machine.vm.close();
      expect(() => machine.restore(snapshot)).toThrow(expect.objectContaining({ code: "CLOSED" }));
      machine.close();
      expect(() => machine.restore(snapshot)).toThrow(expect.objectContaining({ code: "CLOSED" }));
      expect(() => machine.snapshot()).toThrow(expect.objectContaining({ code: "CLOSED" }));
    });

    test("in the middle of an instruction", async () => {
      using machine = await boot(realMode(0x66, 0xa1, 0xfe, 0x1f, 0xf4)); // mov eax, [0x1ffe], over two pages
      for (const _ of machine.run()) break;
      expect(() => machine.snapshot()).toThrow(badArgument("the guest is in the middle of an instruction"));
      expect(Array.from(machine.run(), ({ kind }) => kind)).toEqual(["mmio-read", "hlt"]);
    });
  });
});

describeKvm("what snapshots hold", () => {
  test("is given back with the machine, or before", async () => {
    const before = resources();
    for (let round = 0; round < 20; round++) {
      using machine = await boot(dirtying);
      const first = machine.snapshot();
      machine.snapshot();
      take(machine, 3);
      machine.restore(first);
      first.close();
    }
    expect(resources()).toEqual(before);
  });
});
