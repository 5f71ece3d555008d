/** Several vCPUs: started by the guest, one stream of exits, and an end to all of them. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import {
  bootSmp,
  exitDevice,
  type Device,
  type Exit,
  type SmpMachine,
  type StreamOptions,
  type VcpuExit,
} from "../../../src/kvm/index.ts";
import { seedRealMode } from "../images.ts";
import { describeKvm } from "../require-kvm.ts";
import { addressSpace, resources, type Resources } from "../resources.ts";
import { halt, shared, smpImage, spin } from "./guests.ts";
import { disturbStreams } from "./random-streams.ts";

async function exitsOf(machine: SmpMachine, options: StreamOptions = {}): Promise<VcpuExit[]> {
  const exits: VcpuExit[] = [];
  for await (const each of machine.stream({ timeout: "10s", ...options })) exits.push(each);
  return exits;
}

const dataOf = (exit: Exit): number => (exit.kind === "io-out" ? exit.data[0]! : -1);
const word = (machine: SmpMachine, at: number): number =>
  new DataView(machine.readMemory(BigInt(at), 4).buffer).getUint32(0, true);

/** What machines hold; threads that end take their time to give their memory back. */
function held(): Omit<Resources, "memory"> {
  const { memory: _, ...rest } = resources();
  return rest;
}

/** A device that cannot do what it is there for. */
const failing = {
  name: "failing",
  ports: { at: 0x11, size: 1 },
  write: {
    u8: () => {
      if (Math.random() < 0.1) throw new Error("from the device");
    },
  },
};

/** A signal that is aborted at some time. */
function abortLater(later: (action: () => void) => void): AbortSignal {
  const controller = new AbortController();
  later(() => controller.abort(new Error("enough")));
  return controller.signal;
}

/** The reason of a signal, once it is aborted. */
async function abortOf(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await once(signal, "abort");
  return signal.reason;
}

const threads = (): number => readdirSync("/proc/self/task").length;

/** Waits for threads that were told to end. */
async function threadsBackTo(count: number): Promise<number> {
  for (let tries = 0; tries < 200 && threads() > count; tries++) await sleep(10);
  return threads();
}

describeKvm("several vCPUs", () => {
  test("the first starts the second, both exit in one stream, and the end is when both are halted", async () => {
    const image = await smpImage(
      2,
      `wait: cmp byte ptr [${shared.flag}], 0; je wait; mov al, 1; out 0x10, al; ${halt}`,
      `mov al, 2; out 0x10, al; mov byte ptr [${shared.flag}], 1; ${halt}`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    expect(machine.vcpus.map((vcpu) => vcpu.getMpState())).toEqual(["runnable", "uninitialized"]);
    const exits = await exitsOf(machine);
    expect(exits.map(({ vcpu, exit }) => [vcpu, exit.kind, dataOf(exit)])).toEqual([
      [1, "io-out", 2],
      [0, "io-out", 1],
      [undefined, "hlt", -1],
    ]);
    expect(machine.vcpus.map((vcpu) => vcpu.getMpState())).toEqual(["halted", "halted"]);
    expect(machine.specialRegisters(1).segments.cs.base).toBe(0x2000n);
    // Nothing is left to do: the end comes again.
    expect(await exitsOf(machine)).toEqual([{ vcpu: undefined, exit: { kind: "hlt" } }]);
  });

  test("a second one that nobody starts does not keep the first from its end", async () => {
    using machine = await bootSmp(await smpImage(1, `mov al, 7; out 0x10, al; ${halt}`, halt), { vcpus: 2 });
    const exits = await exitsOf(machine);
    expect(exits.map(({ vcpu, exit }) => [vcpu, exit.kind])).toEqual([
      [0, "io-out"],
      [undefined, "hlt"],
    ]);
  });

  test("CPUID tells each the number of its local APIC, and locked additions of four add up", async () => {
    const rounds = 2000;
    const add = `mov eax, 1; cpuid; shr ebx, 24; mov byte ptr [bx + ${shared.slots}], bl
      mov ecx, ${rounds}; each: lock inc dword ptr [${shared.counter}]; dec ecx; jnz each; ${halt}`;
    using machine = await bootSmp(await smpImage(4, add, add), { vcpus: 4 });
    expect(await exitsOf(machine)).toEqual([{ vcpu: undefined, exit: { kind: "hlt" } }]);
    expect(word(machine, shared.counter)).toBe(4 * rounds);
    expect([...machine.readMemory(BigInt(shared.slots), 4)]).toEqual([0, 1, 2, 3]);
  });

  test("each takes its own answers, by port and by address", async () => {
    // A table of what was read: four bytes from `slots` on, by the number of the vCPU.
    const read = `mov eax, 1; cpuid; shr ebx, 24; shl bx, 1
      in al, 0x70; mov byte ptr [bx + ${shared.slots}], al
      mov ax, 0xffff; mov es, ax; mov al, byte ptr es:[0x10]; mov byte ptr [bx + ${shared.slots + 1}], al; ${halt}`;
    const image = await smpImage(3, read, read);
    using machine = await bootSmp(image, { vcpus: 3 });
    const kinds: string[] = [];
    for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
      if (exit.kind === "io-in") exit.data.fill(0x10 + vcpu!);
      if (exit.kind === "mmio-read") {
        expect(exit.address).toBe(0x10_0000n);
        exit.data.fill(0x20 + vcpu!);
      }
      kinds.push(exit.kind);
    }
    expect(kinds.toSorted()).toEqual(["hlt", "io-in", "io-in", "io-in", "mmio-read", "mmio-read", "mmio-read"]);
    expect([...machine.readMemory(BigInt(shared.slots), 6)]).toEqual([0x10, 0x20, 0x11, 0x21, 0x12, 0x22]);
  });

  test("a vCPU waits while its exit is handled, and the other goes on", async () => {
    const image = await smpImage(
      2,
      `mov al, 1; out 0x10, al; mov al, 2; out 0x10, al; ${halt}`,
      `count: inc dword ptr [${shared.counter}]; jmp count`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
      expect([vcpu, dataOf(exit)]).toEqual([0, 1]);
      const at = machine.registers(0);
      while (word(machine, shared.counter) < 1000) await sleep(1);
      expect(machine.registers(0)).toEqual(at);
      // One that runs is waited for.
      expect(machine.specialRegisters(1).segments.cs.base).toBe(0x2000n);
      break;
    }
    // After the loop nobody runs.
    const count = word(machine, shared.counter);
    await sleep(20);
    expect(word(machine, shared.counter)).toBe(count);
    const [next] = await exitsOf(machine, { maxExits: 1 });
    expect(next).toMatchObject({ vcpu: 0, exit: { kind: "io-out", data: Uint8Array.of(2) } });
  });

  test("an interrupt of one wakes the other", async () => {
    // The handler of vector 0x40 is at 0x2100: the code of the others, with padding in between.
    const image = await smpImage(
      2,
      `mov word ptr [0x100], offset handler; mov word ptr [0x102], 0
       wait: cmp byte ptr [${shared.flag}], 0; je wait
       mov ecx, 0x830; mov edx, 1; mov eax, 0x40; wrmsr; ${halt}
       handler: mov al, 0x55; out 0x10, al; add sp, 6; ${halt.replaceAll("stop", "done")}`,
      `mov sp, 0x7000; mov ss, ax; mov ecx, 0x1b; rdmsr; or eax, 0xc00; wrmsr
       mov ecx, 0x80f; xor edx, edx; mov eax, 0x1ff; wrmsr
       mov byte ptr [${shared.flag}], 1; sti; again: hlt; jmp again`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    const exits = await exitsOf(machine);
    expect(exits).toMatchObject([
      { vcpu: 1, exit: { kind: "io-out", data: Uint8Array.of(0x55) } },
      { vcpu: undefined, exit: { kind: "hlt" } },
    ]);
  });

  test("one that is halted with interrupts on may still be woken: the deadline ends it", async () => {
    using machine = await bootSmp(await smpImage(2, halt, "sti; again: hlt; jmp again"), { vcpus: 2 });
    const exits = await exitsOf(machine, { timeout: "150ms" });
    expect(exits).toMatchObject([{ vcpu: undefined, exit: { kind: "timeout" } }]);
  });

  test("all spin with interrupts off: the deadline ends it, they can be looked at, and go on", async () => {
    using machine = await bootSmp(await smpImage(2, spin, spin), { vcpus: 2 });
    for (let round = 0; round < 2; round++) {
      const start = performance.now();
      const [only, ...rest] = await exitsOf(machine, { timeout: "50ms" });
      expect(only).toMatchObject({ vcpu: undefined, exit: { kind: "timeout" } });
      expect((only!.exit as { elapsed: number }).elapsed).toBeGreaterThanOrEqual(50);
      expect(performance.now() - start).toBeLessThan(2000);
      expect(rest).toEqual([]);
      expect(machine.registers(1).rip).toBe(4n);
    }
    expect(machine.where(1)).toMatchObject({ linear: 0x2004n, physical: 0x2004n });
  });

  test("timers fire while they spin", async () => {
    using machine = await bootSmp(await smpImage(2, spin, spin), { vcpus: 2 });
    let fired = 0;
    const interval = setInterval(() => fired++, 5);
    await exitsOf(machine, { timeout: "300ms" });
    clearInterval(interval);
    // At most 60; two threads that spin leave it what a busy machine has to spare.
    expect(fired).toBeGreaterThan(5);
  });

  test("a device of any vCPU ends the run, and another run goes on", async () => {
    const out = "mov al, 9; out 0xf4, al; mov al, 3; out 0x10, al;";
    using machine = await bootSmp(await smpImage(2, spin, `${out} ${halt}`), { vcpus: 2 });
    expect(await exitsOf(machine, { devices: [exitDevice()] })).toEqual([
      { vcpu: 1, exit: { kind: "guest-exit", device: "exit device", code: 9 } },
    ]);
    const [next] = await exitsOf(machine, { maxExits: 1 });
    expect(next).toMatchObject({ vcpu: 1, exit: { data: Uint8Array.of(3) } });
  });

  test("devices are asked one after the other, and may answer later", async () => {
    const ask = "mov ecx, 20; each: in al, 0x70; out 0x10, al; dec ecx; jnz each;";
    using machine = await bootSmp(await smpImage(2, `${ask} ${halt}`, `${ask} ${halt}`), { vcpus: 2 });
    let asked = 0;
    let inside = 0;
    const written: number[] = [];
    const device = {
      name: "device",
      ports: { at: 0x70, size: 1 },
      read: {
        u8: async () => {
          expect(++inside).toBe(1);
          await sleep(1);
          inside--;
          return asked++;
        },
      },
    };
    for await (const { exit } of machine.stream({ devices: [device] }))
      if (exit.kind === "io-out") written.push(exit.data[0]!);
    expect(written.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  test("a triple fault of one ends the run of all", async () => {
    // In protected mode, with an interrupt table of nothing: a word that crosses the limit of DS.
    const fault = "lidt [0x3800]; mov eax, cr0; or al, 1; mov cr0, eax; mov ax, word ptr [0xffff]";
    using machine = await bootSmp(await smpImage(2, spin, fault), { vcpus: 2 });
    expect(await exitsOf(machine)).toEqual([{ vcpu: 1, exit: { kind: "shutdown" } }]);
  });

  test("an exception in a device ends it, and it goes on", async () => {
    const count = "mov al, 0; each: out 0x10, al; inc al; jmp each";
    using machine = await bootSmp(await smpImage(1, count, halt), { vcpus: 1 });
    const fails = {
      name: "fails",
      ports: { at: 0x10, size: 1 },
      write: {
        u8: () => {
          throw new Error("from the device");
        },
      },
    };
    for (let round = 0; round < 3; round++) {
      await expect(exitsOf(machine, { devices: [fails] })).rejects.toThrow("from the device");
    }
    const [next] = await exitsOf(machine, { maxExits: 1 });
    expect(next).toMatchObject({ vcpu: 0, exit: { kind: "io-out", data: Uint8Array.of(3) } });
  });

  test("two hundred streams that end at random lose nothing of any vCPU", async () => {
    const exits = await disturbStreams(200);
    expect(Math.min(...exits)).toBeGreaterThan(100);
  });

  test("a limit of exits", async () => {
    const image = await smpImage(2, "each: out 0x10, al; jmp each", "each: out 0x11, al; jmp each");
    using machine = await bootSmp(image, { vcpus: 2 });
    const exits = await exitsOf(machine, { maxExits: 50 });
    expect(exits).toHaveLength(51);
    expect(exits.at(-1)).toEqual({ vcpu: undefined, exit: { kind: "exit-limit", exits: 50 } });
    // Whichever comes first, both come.
    const seen = new Set<number | undefined>();
    for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
      expect(exit.kind).toBe("io-out");
      if (seen.add(vcpu).size === 2) break;
    }
    expect(seen).toEqual(new Set([0, 1]));
  });

  test("an abort ends it with its reason, and it goes on", async () => {
    using machine = await bootSmp(await smpImage(2, spin, spin), { vcpus: 2 });
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    const start = performance.now();
    await expect(exitsOf(machine, { signal: controller.signal })).rejects.toBe(reason);
    expect(performance.now() - start).toBeLessThan(5000);
    await expect(exitsOf(machine, { signal: controller.signal })).rejects.toBe(reason);
    expect(await exitsOf(machine, { timeout: "20ms" })).toMatchObject([{ exit: { kind: "timeout" } }]);
  });

  test("what a vCPU's thread cannot do is an error of the stream", async () => {
    using machine = await bootSmp(await smpImage(2, spin, spin), { vcpus: 2 });
    const [first] = machine.vcpus;
    // CR4 has no bit 63 (SDM vol. 3A, 2.5).
    first!.putSyncRegs({ sregs: { ...first!.getSregs(), cr4: 1n << 63n } });
    await expect(exitsOf(machine)).rejects.toMatchObject({
      code: "IOCTL_FAILED",
      errno: "EINVAL",
      message: expect.stringMatching(/^KVM_RUN failed: EINVAL/) as unknown,
    });
  });

  test.each([
    ["a vCPU", (machine: SmpMachine) => machine.vcpus[1]!.close()],
    ["the VM", (machine: SmpMachine) => machine.vm.close()],
  ])("%s that is closed under a run is over before its memory goes, and its stream says so", async (_, close) => {
    const before = held();
    const out = "each: out 0x10, al; jmp each";
    const machine = await bootSmp(await smpImage(2, out, spin), { vcpus: 2 });
    let exits = 0;
    const run = async (): Promise<void> => {
      for await (const _exit of machine.stream()) if (++exits === 20) close(machine);
    };
    await expect(run()).rejects.toMatchObject({
      code: "CLOSED",
      message: expect.stringMatching(/is closed/) as unknown,
    });
    await expect(exitsOf(machine)).rejects.toMatchObject({ code: "CLOSED" });
    machine.close();
    expect(held()).toEqual(before);
  });

  test("a single one is one as well", async () => {
    using machine = await bootSmp(seedRealMode(), { vcpus: 1 });
    let text = "";
    for await (const { exit } of machine.stream({ timeout: "5s" })) {
      if (exit.kind === "io-out") text += Buffer.from(exit.data).toString();
    }
    expect(text).toBe("Hello from Real Mode!\n\0");
  });

  test("coalesced writes come before the exit that follows them", async () => {
    using machine = await bootSmp(await smpImage(1, `mov al, 1; out 0x10, al; inc al; out 0x11, al; ${halt}`, halt), {
      vcpus: 1,
    });
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    const exits = await exitsOf(machine);
    expect(exits.map(({ exit }) => dataOf(exit))).toEqual([1, 2, -1]);
  });
});

describeKvm("a machine with several vCPUs", () => {
  test("waits on for a device whose stream was aborted, while the other vCPUs run", async () => {
    const image = await smpImage(2, `in al, 0x70; out 0x10, al; ${halt}`, `inc dword ptr [${shared.counter}]; ${halt}`);
    using machine = await bootSmp(image, { vcpus: 2 });
    let answer!: (value: number) => void;
    const answered = new Promise<number>((resolve) => (answer = resolve));
    const disk: Device<"async"> = { name: "disk", ports: { at: 0x70, size: 1 }, read: { u8: () => answered } };
    const signal = AbortSignal.timeout(50);
    const stream = exitsOf(machine, { devices: [disk], signal });
    await expect(stream).rejects.toBe(await abortOf(signal));
    expect(word(machine, shared.counter)).toBe(1);
    expect(() => machine.snapshot()).toThrow("a device has not answered yet\n  hint: the next stream() waits for it");
    const debug = await machine.debug();
    await expect(debug.step(0)).rejects.toThrow("a device has not answered yet");
    const rest = exitsOf(machine);
    answer(0x5a);
    expect((await rest).map(({ vcpu, exit }) => [vcpu, exit.kind, dataOf(exit)])).toEqual([
      [0, "io-out", 0x5a],
      [undefined, "hlt", -1],
    ]);
  });

  test("leaves nothing behind: closed unused, after a run, in the middle of one, and twice", async () => {
    const image = await smpImage(2, spin, "each: out 0x11, al; jmp each");
    // What the first threads bring along for good: the C library's arenas.
    (await bootSmp(image, { vcpus: 2 })).close();
    await sleep(300);
    const before = { held: held(), threads: threads() };
    for (let round = 0; round < 5; round++) {
      (await bootSmp(image, { vcpus: 2 })).close();
      const run = await bootSmp(image, { vcpus: 2 });
      await exitsOf(run, { maxExits: 3 });
      run.close();
      run.close();
      const left = await bootSmp(image, { vcpus: 2 });
      await expect(async () => {
        for await (const _ of left.stream()) left.close();
      }).rejects.toMatchObject({ code: "CLOSED" });
      const forgotten = await bootSmp(image, { vcpus: 2 });
      await forgotten.stream().next();
      forgotten.close();
    }
    expect(held()).toEqual(before.held);
    expect(await threadsBackTo(before.threads)).toBeLessThanOrEqual(before.threads);
  });

  test("leaves little of the address space behind with each thread that ended", async () => {
    const image = await smpImage(2, spin, "each: out 0x11, al; jmp each");
    const machines = 16;
    const boots = async (): Promise<void> => {
      for (let round = 0; round < machines; round++) {
        const idle = threads();
        (await bootSmp(image, { vcpus: 2 })).close();
        await threadsBackTo(idle);
      }
    };
    await boots();
    const before = addressSpace();
    await boots();
    expect((addressSpace() - before) / (2 * machines)).toBeLessThan(0x10_0000);
  });

  test("leaves nothing behind, whatever ends its run at whatever moment", async () => {
    const image = await smpImage(2, "each: in al, 0x40; jmp each", "each: out 0x11, al; jmp each");
    const later = (action: () => void): void => void setTimeout(action, 20 * Math.random());
    /** What ends the run of a machine, and the error of its stream. */
    const ends: readonly (readonly [string, (machine: SmpMachine) => Promise<void>])[] = [
      ["the machine is closed", (machine) => (later(() => machine.close()), exitsOf(machine).then())],
      ["is closed", (machine) => (later(() => machine.vm.close()), exitsOf(machine).then())],
      ["enough", (machine) => exitsOf(machine, { signal: abortLater(later) }).then()],
      ["from the device", (machine) => exitsOf(machine, { devices: [failing] }).then()],
      [
        "is closed",
        async (machine) => {
          const debug = await machine.debug();
          debug.breakAt(0x2004n);
          later(() => machine.close());
          for await (const _ of debug.trace(0)) machine.readMemory(0n, 1);
        },
      ],
      [
        "from the consumer",
        async (machine) => {
          machine.restore(machine.snapshot());
          for await (const _ of machine.stream()) throw new Error("from the consumer");
        },
      ],
    ];
    (await bootSmp(image, { vcpus: 2 })).close();
    await sleep(300);
    const before = { held: held(), threads: threads() };
    for (let round = 0; round < 6 * ends.length; round++) {
      const [message, end] = ends[round % ends.length]!;
      using machine = await bootSmp(image, { vcpus: 2 });
      await expect(end(machine)).rejects.toThrow(message);
    }
    expect(held()).toEqual(before.held);
    expect(await threadsBackTo(before.threads)).toBeLessThanOrEqual(before.threads);
  });

  test("is closed for good", async () => {
    const machine = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    machine.close();
    for (const use of [
      () => machine.stream(),
      () => machine.registers(0),
      () => machine.specialRegisters(0),
      () => machine.where(0),
      () => machine.readMemory(0n, 1),
      () => machine.writeMemory(0n, Uint8Array.of(1)),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: "CLOSED" }));
    }
  });

  test.each([0, -1, 1.5, 256, "2", undefined])("cannot have %o vCPUs", async (vcpus) => {
    const before = held();
    await expect(bootSmp(seedRealMode(), { vcpus: vcpus as number })).rejects.toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: expect.stringMatching(/^vcpus is no whole number from 1 to \d+: /) as unknown,
      }),
    );
    expect(held()).toEqual(before);
  });

  test("says so where a thread does not leave the guest, and keeps its memory until it does", async () => {
    const machine = await bootSmp(await smpImage(1, halt, halt), { vcpus: 1 });
    // The thread does not hear of the command, and time flies.
    vi.spyOn(Atomics, "store").mockReturnValue(0 as never);
    vi.spyOn(Atomics, "wait").mockReturnValue("timed-out");
    try {
      expect(() => machine.close()).toThrow(
        expect.objectContaining({
          code: "CALL_FAILED",
          message: "vCPU 0 does not leave the guest\n  hint: its memory is kept for as long; close the machine again",
        }),
      );
    } finally {
      vi.restoreAllMocks();
    }
    expect(resources().descriptors).toBeGreaterThan(0);
    machine.close();
    expect(resources().descriptors).toBe(0);
  });

  test("has no more vCPUs than it has", async () => {
    using machine = await bootSmp(await smpImage(1, halt, halt), { vcpus: 2 });
    expect(() => machine.registers(2)).toThrow("there is no vCPU 2\n  hint: they are numbered from 0 to 1");
  });
});
