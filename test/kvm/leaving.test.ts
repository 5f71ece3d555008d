/** Streams that are left by return() while their next() is pending: it ends at once, and nothing is lost. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { boot, bootSmp, record, recordSmp, type Device, type Exit, type VcpuExit } from "../../src/kvm/index.ts";
import { realMode, seedRealMode, spinning } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";
import { halt, smpImage } from "./smp/guests.ts";

const forever = { timeout: Number.POSITIVE_INFINITY };
const done = { done: true, value: undefined };

/** Asks for the next, and leaves while it is pending, after so many milliseconds. */
async function leave<Item>(
  stream: AsyncIterableIterator<Item, void, undefined>,
  after = 20,
): Promise<Item | undefined> {
  const next = stream.next();
  await sleep(after);
  expect(await stream.return?.()).toEqual(done);
  expect(await stream.next()).toEqual(done);
  const { value } = await next;
  return value ?? undefined;
}

/** `again: mov cx, 0xffff; wait: loop wait; out 0x10, al; inc al; jmp again`: each exit takes a while. */
const slow = realMode(0xb9, 0xff, 0xff, 0xe2, 0xfe, 0xe6, 0x10, 0xfe, 0xc0, 0xeb, 0xf5);

describeKvm("a stream that is left while it waits", () => {
  test("for a guest that spins, and the machine goes on", async () => {
    using machine = await boot(spinning);
    expect(await leave(machine.stream(forever))).toBeUndefined();
    expect(resources()).toMatchObject({ timers: 0, blocked: "0".repeat(16) });
    expect(machine.registers().rip).toBe(1n);
    expect([...machine.run({ timeout: "5ms" })]).toMatchObject([{ kind: "timeout" }]);
  });

  test("with a signal: what is aborted later is nobody's", async () => {
    using machine = await boot(spinning);
    const controller = new AbortController();
    expect(await leave(machine.stream({ ...forever, signal: controller.signal }))).toBeUndefined();
    controller.abort(new Error("late"));
    expect([...machine.run({ timeout: "5ms" })]).toMatchObject([{ kind: "timeout" }]);
  });

  test("before its first exit is asked for, and twice", async () => {
    using machine = await boot(spinning);
    const stream = machine.stream(forever);
    expect(await stream.return?.()).toEqual(done);
    expect(await stream.return?.()).toEqual(done);
    expect(await stream.next()).toEqual(done);
  });

  test("leaves no exit out, whenever that is", async () => {
    using machine = await boot(slow);
    const seen: number[] = [];
    for (let round = 0; round < 60; round++) {
      const exit = await leave(machine.stream(forever), round % 7);
      if (exit?.kind === "io-out") seen.push(...exit.data);
    }
    for await (const exit of machine.stream(forever)) {
      if (exit.kind === "io-out") seen.push(...exit.data);
      break;
    }
    expect(seen).toEqual(seen.map((_, index) => index));
    expect(seen.length).toBeGreaterThan(0);
  });

  test("for a device, whose answer the next one waits for", async () => {
    using machine = await boot(seedRealMode());
    let answer: (value: number) => void = () => undefined;
    const promise = new Promise<number>((resolve) => (answer = resolve));
    const asked: number[] = [];
    const device: Device<"async"> = {
      name: "late",
      ports: { at: 0, size: 0x1_0000 },
      read: { u8: (offset) => (asked.push(offset), promise) },
      write: { u8: () => undefined },
    };
    expect(await leave(machine.stream({ ...forever, devices: [device] }))).toBeUndefined();
    expect(() => [...machine.run()]).toThrow("a device has not answered yet\n  hint: the next stream() waits for it");
    answer(0x5a);
    const kinds: Exit["kind"][] = [];
    for await (const { kind } of machine.stream({ devices: [device] })) kinds.push(kind);
    expect(kinds.at(-1)).toBe("hlt");
    expect(asked).toHaveLength(1);
  });

  test("through a recorder, which keeps what there was", async () => {
    using machine = await boot(slow);
    const recorder = record(machine);
    for await (const exit of recorder.stream(forever)) {
      expect(exit.kind).toBe("io-out");
      break;
    }
    const exit = await leave(recorder.stream(forever), 0);
    expect(recorder.transcript().exits).toHaveLength(exit === undefined ? 1 : 2);
    using other = await boot(spinning);
    expect(await leave(record(other).stream(forever))).toBeUndefined();
  });
});

describeKvm("a stream of several vCPUs that is left while it waits", () => {
  const spin = "spin: jmp spin";

  test("for guests that spin: none of them runs then, and the next one goes on", async () => {
    using machine = await bootSmp(await smpImage(2, spin, spin), { vcpus: 2 });
    expect(await leave(machine.stream(forever), 50)).toBeUndefined();
    const before = machine.snapshot();
    expect(await leave(recordSmp(machine).stream(forever))).toBeUndefined();
    machine.restore(before);
    const exits: VcpuExit[] = [];
    for await (const exit of machine.stream({ timeout: "20ms" })) exits.push(exit);
    expect(exits).toMatchObject([{ vcpu: undefined, exit: { kind: "timeout" } }]);
  });

  test("leaves no exit out, whenever that is", async () => {
    const count = "again: mov cx, 0xffff; wait: loop wait; out 0x10, al; inc al; jmp again";
    using machine = await bootSmp(await smpImage(2, `mov al, 0; ${count}`, `mov al, 0; ${count}`), { vcpus: 2 });
    const seen: number[][] = [[], []];
    for (let round = 0; round < 60; round++) {
      const given = await leave(machine.stream(forever), round % 7);
      if (given?.exit.kind === "io-out") seen[given.vcpu!]!.push(...given.exit.data);
    }
    for (const each of seen) expect(each).toEqual(each.map((_, index) => index));
    expect(seen.flat().length).toBeGreaterThan(0);
  });

  test("a trace of one that is halted", async () => {
    using machine = await bootSmp(await smpImage(1, `sti; hlt; ${halt}`, halt), { vcpus: 1 });
    const debug = await machine.debug();
    if (!debug.support.supervisor.singleStep) {
      await expect(debug.step(0)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
      return;
    }
    const trace = debug.trace(0, { ...forever, maxSteps: 100 });
    let next = trace.next();
    for (;;) {
      const event = await Promise.race([next, sleep(300, "pending" as const)]);
      if (event === "pending") break;
      expect(event.value).toHaveProperty("kind", "step");
      next = trace.next();
    }
    expect(await trace.return?.()).toEqual(done);
    expect(await next).toEqual(done);
    expect(machine.snapshot()).toHaveProperty("memorySize", 0x1_0000);
  });
});
