/** Machines with several vCPUs that go back: each vCPU, and what they share, is what it was, and runs from there repeat. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  boot,
  bootSmp,
  type Exit,
  type SmpMachine,
  type StreamOptions,
  type VcpuExit,
} from "../../../src/kvm/index.ts";
import { counting } from "../images.ts";
import { describeKvm } from "../require-kvm.ts";
import { resources } from "../resources.ts";
import { xsaveContents } from "../xsave-contents.ts";
import { halt, shared, smpImage, spin } from "./guests.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

/** All that a machine shows of itself, but for what goes on by itself. */
function stateOf({ vm, vcpus, image }: SmpMachine): unknown {
  return {
    vcpus: vcpus.map((vcpu) => ({
      state: vcpu.getMpState(),
      registers: vcpu.getRegs(),
      special: vcpu.getSregs(),
      debug: vcpu.getDebugregs(),
      events: vcpu.getVcpuEvents(),
      xsave: xsaveContents(vcpu),
      lapic: Buffer.from(vcpu.getLapic()).toString("hex"),
      gs: vcpu.getMsr("IA32_KERNEL_GS_BASE"),
    })),
    controllers: (["pic-master", "pic-slave", "ioapic"] as const).map((chip) =>
      Buffer.from(vm.getIrqchip(chip)).toString("hex"),
    ),
    memory: image.memory.map(({ at, size }) => Buffer.from(vm.readMemory(at, Number(size))).toString("hex")),
  };
}

const textOf = (exit: Exit): string =>
  exit.kind === "io-out"
    ? `out ${exit.port} ${exit.data.join()}`
    : exit.kind === "io-in"
      ? `in ${exit.port}`
      : exit.kind;

/** The first exits of each vCPU, as text; each input is answered with how many exits its vCPU had before. */
async function firstExits(machine: SmpMachine, count: number): Promise<string[][]> {
  const exits: string[][] = machine.vcpus.map(() => []);
  for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
    if (vcpu === undefined) break;
    if (exit.kind === "io-in") exit.data.fill(0x40 + exits[vcpu]!.length);
    exits[vcpu]!.push(textOf(exit));
    if (exits.every(({ length }) => length >= count)) break;
  }
  return exits.map((each) => each.slice(0, count));
}

async function exitsOf(machine: SmpMachine, options: StreamOptions = {}): Promise<VcpuExit[]> {
  const exits: VcpuExit[] = [];
  for await (const each of machine.stream({ timeout: "10s", ...options })) exits.push(each);
  return exits;
}

/** Runs up to a write of any vCPU to a port. */
async function runToPort(machine: SmpMachine, port: number): Promise<void> {
  for await (const { exit } of machine.stream({ timeout: "10s" })) {
    if (exit.kind === "io-out" && exit.port === port) return;
  }
  expect.unreachable();
}

/** Counts, writes the count to a port and to memory, reads what is added to it from another port; for ever. */
const mix = (port: number): string =>
  `mov bl, 0; each: mov al, bl; out ${port}, al; mov byte ptr [bx + ${shared.slots + 0x100 * port}], al
   in al, ${port + 8}; add bl, al; inc dword ptr [${shared.counter + port}]; jmp each`;

describeKvm("a snapshot of several vCPUs", () => {
  test("brings all of them back, wherever they were, and what each does from there repeats", async () => {
    using machine = await bootSmp(await smpImage(3, mix(0x10), mix(0x12)), { vcpus: 3 });
    for (let round = 0; round < 8; round++) {
      await firstExits(machine, 1 + round);
      const snapshot = machine.snapshot();
      const state = stateOf(machine);
      const exits = await firstExits(machine, 25);
      for (let time = 0; time < 3; time++) {
        machine.writeMemory(0x6000n, Uint8Array.of(1, 2, 3));
        machine.vcpus[1]!.setMsr("IA32_KERNEL_GS_BASE", 0x1234n);
        machine.vcpus[2]!.setDebugregs({ db: [1n, 0n, 0n, 0n], dr6: 0xffff_0ff0n, dr7: 0x400n, flags: 0n });
        machine.restore(snapshot);
        expect(stateOf(machine)).toEqual(state);
        expect(await firstExits(machine, 25)).toEqual(exits);
      }
      snapshot.close();
    }
  });

  test("one that was never started, started, and halted", async () => {
    const image = await smpImage(
      2,
      `wait: cmp byte ptr [${shared.flag}], 0; je wait; mov al, 1; out 0x10, al; ${halt}`,
      `mov al, 2; out 0x10, al; mov byte ptr [${shared.flag}], 1; ${halt}`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    const start = machine.snapshot();
    const startState = stateOf(machine);
    const exits = await exitsOf(machine);
    expect(exits.map(({ vcpu }) => vcpu)).toEqual([1, 0, undefined]);
    const end = machine.snapshot();
    const endState = stateOf(machine);
    for (let round = 0; round < 3; round++) {
      machine.restore(start);
      expect(stateOf(machine)).toEqual(startState);
      expect(await exitsOf(machine)).toEqual(exits);
      machine.restore(end);
      expect(stateOf(machine)).toEqual(endState);
      expect(await exitsOf(machine)).toEqual([{ vcpu: undefined, exit: { kind: "hlt" } }]);
    }
  });

  test("an INIT and a SIPI that were on their way are gone with what sent them, or come with it", async () => {
    const image = await smpImage(2, `out 0x10, al; ${spin}`, `out 0x11, al; ${halt}`);
    using machine = await bootSmp(image, { vcpus: 2 });
    const [first, second] = machine.vcpus;
    const before = machine.snapshot();
    // Without a stream only this vCPU runs: what it sends the other waits.
    expect(first!.run()).toMatchObject({ kind: "io-out", port: 0x10 });
    machine.restore(before);
    expect(second!.getMpState()).toBe("uninitialized");
    expect(first!.run()).toMatchObject({ kind: "io-out", port: 0x10 });
    const sent = machine.snapshot();
    for (let round = 0; round < 2; round++) {
      expect(machine.specialRegisters(1).segments.cs.base).toBe(0x2000n);
      await runToPort(machine, 0x11);
      machine.restore(sent);
    }
  });

  test("an interrupt that waits in a local APIC is taken after each restore", async () => {
    // vCPU 1 has interrupts off, gets vector 0x40, and tells so; then it lets it in. Its handler is at 0x2100.
    const image = await smpImage(
      2,
      `wait: cmp byte ptr [${shared.flag}], 0; je wait
       mov ecx, 0x830; mov edx, 1; mov eax, 0x40; wrmsr; mov byte ptr [${shared.flag}], 2; ${halt}`,
      `mov sp, 0x7000; mov ss, ax; mov ecx, 0x1b; rdmsr; or eax, 0xc00; wrmsr
       mov word ptr [0x100], 0x100; mov word ptr [0x102], 0x200
       mov ecx, 0x80f; xor edx, edx; mov eax, 0x1ff; wrmsr
       mov byte ptr [${shared.flag}], 1; wait: cmp byte ptr [${shared.flag}], 2; jne wait
       out 0x11, al; sti; nop; again: jmp again; .org 0x100; mov al, 0x55; out 0x12, al; ${halt}`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    await runToPort(machine, 0x11);
    const snapshot = machine.snapshot();
    // Vector 0x40 in the interrupt request register (SDM vol. 3A, 11.8.4).
    expect(machine.vcpus[1]!.getLapic()[0x220]).toBe(1);
    for (let round = 0; round < 3; round++) {
      expect(await exitsOf(machine)).toMatchObject([
        { vcpu: 1, exit: { kind: "io-out", port: 0x12, data: Uint8Array.of(0x55) } },
        { vcpu: undefined, exit: { kind: "hlt" } },
      ]);
      machine.restore(snapshot);
    }
  });

  test("the timer and the clock are what they were", async () => {
    using machine = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    machine.vm.createPit2();
    const timer = machine.vm.getPit2();
    const snapshot = machine.snapshot();
    const { clock } = machine.vm.getClock();
    const other = timer.slice();
    other[0] = 0x55;
    machine.vm.setPit2(other);
    await sleep(200);
    machine.restore(snapshot);
    expect(machine.vm.getPit2().slice(0, 4)).toEqual(timer.slice(0, 4));
    expect(machine.vm.getClock().clock - clock).toBeLessThan(200_000_000n);
  });

  test("writes that nobody took come after each restore, an input that nobody answered is asked for again", async () => {
    const image = await smpImage(
      3,
      `out 0x10, al; ${spin}`,
      `mov al, 7; out 0x11, al; in al, 0x12; out 0x13, al; ${halt}`,
    );
    using machine = await bootSmp(image, { vcpus: 3 });
    // While the first exit is handled the others exit, too, and nobody takes theirs.
    for await (const _ of machine.stream({ timeout: "10s" })) {
      await sleep(50);
      break;
    }
    const snapshot = machine.snapshot();
    const rest = async (answer: number): Promise<string[][]> => {
      const exits: string[][] = [[], [], []];
      for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
        if (exit.kind === "io-in") exit.data.fill(answer);
        exits[vcpu!]!.push(textOf(exit));
        if (exit.kind === "io-out") exit.data.fill(0);
        if (exits[1]!.at(-1) === `out 19 ${answer}` && exits[2]!.at(-1) === `out 19 ${answer}`) break;
      }
      return exits;
    };
    const first = await rest(0x21);
    machine.restore(snapshot);
    expect(await rest(0x21)).toEqual(first);
    machine.restore(snapshot);
    expect((await rest(0x22)).flat().filter((text) => text === "out 19 34")).toHaveLength(2);
  });

  test("collected writes are kept with it", async () => {
    const image = await smpImage(1, `mov al, 1; out 0x10, al; mov al, 2; out 0x10, al; in al, 0x12; ${spin}`, halt);
    using machine = await bootSmp(image, { vcpus: 1 });
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    const start = machine.snapshot();
    for (let round = 0; round < 2; round++) {
      await runToPort(machine, 0x10);
      const snapshot = machine.snapshot();
      for (let time = 0; time < 2; time++) {
        expect(await firstExits(machine, 1)).toEqual([["in 18"]]);
        machine.restore(snapshot);
      }
      machine.restore(start);
    }
  });
});

describeKvm("misuse of snapshots of several vCPUs is an error", () => {
  const streaming = badArgument(
    "a stream of the machine is under way\n  hint: leave it first: by break, or by its return()",
  );

  test("while a stream is under way, and so is another stream", async () => {
    using machine = await bootSmp(await smpImage(2, mix(0x10), mix(0x12)), { vcpus: 2 });
    const snapshot = machine.snapshot();
    for await (const _ of machine.stream()) {
      expect(() => machine.snapshot()).toThrow(streaming);
      expect(() => machine.restore(snapshot)).toThrow(streaming);
      await expect(machine.stream().next()).rejects.toThrow(streaming);
      break;
    }
    machine.restore(snapshot);
    const open = machine.stream();
    await open.next();
    expect(() => machine.snapshot()).toThrow(streaming);
    await open.return!();
    machine.snapshot();
  });

  test("of another machine, of one with one vCPU, of one that is closed, and what is none", async () => {
    using one = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    using two = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    using single = await boot(counting);
    const snapshot = one.snapshot();
    const foreign = badArgument("no snapshot of this machine, or one that is closed");
    expect(() => two.restore(snapshot)).toThrow(foreign);
    expect(() => one.restore(single.snapshot())).toThrow(foreign);
    expect(() => single.restore(snapshot)).toThrow(foreign);
    snapshot.close();
    expect(() => one.restore(snapshot)).toThrow(foreign);
    expect(() => one.restore({} as typeof snapshot)).toThrow(foreign);
    expect(() => one.snapshot({ omit: ["memory" as "fpu"] })).toThrow(badArgument('no part of a snapshot: "memory"'));
  });

  test("of a machine that is closed", async () => {
    const machine = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    const snapshot = machine.snapshot();
    machine.close();
    snapshot.close();
    expect(() => machine.restore(snapshot)).toThrow(expect.objectContaining({ code: "CLOSED" }));
    expect(() => machine.snapshot()).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });

  test("in the middle of an instruction of which an exit was taken", async () => {
    // A word over two pages where no memory is: two exits.
    const image = await smpImage(1, `mov ax, 0xffff; mov es, ax; mov eax, es:[0x100e]; out 0x10, al; ${halt}`, halt);
    using machine = await bootSmp(image, { vcpus: 1 });
    for await (const { exit } of machine.stream()) {
      expect(exit.kind).toBe("mmio-read");
      break;
    }
    const message = "vCPU 0 is in the middle of an instruction\n  hint: run on until it is complete";
    expect(() => machine.snapshot()).toThrow(badArgument(message));
    expect((await exitsOf(machine)).map(({ exit }) => exit.kind)).toEqual(["mmio-read", "io-out", "hlt"]);
    machine.snapshot();
  });
});

describeKvm("what snapshots of several vCPUs hold", () => {
  test("is given back with the machine, or before", async () => {
    const image = await smpImage(2, mix(0x10), mix(0x12));
    (await bootSmp(image, { vcpus: 2 })).close();
    const { memory: _, ...before } = resources();
    for (let round = 0; round < 5; round++) {
      using machine = await bootSmp(image, { vcpus: 2 });
      const first = machine.snapshot();
      await firstExits(machine, 3);
      machine.snapshot();
      machine.restore(first);
      first.close();
    }
    expect(resources()).toMatchObject(before);
  });
});
