/** Breakpoints on all vCPUs, and single steps of one of them. */
import { expect, test } from "vitest";
import { bootSmp, stepToText, type Exit, type SmpMachine, type TraceEvent } from "../../../src/kvm/index.ts";
import { describeKvm } from "../require-kvm.ts";
import { halt, shared, smpImage, spin } from "./guests.ts";

/** Where the others begin, behind two instructions that clear DS: `each` of {@link counter}. */
const OTHERS = 0x2004n;

/** `mov bl, 0; each: out port, al; inc bl; jmp each` */
const counter = (port: number): string => `each: out ${port}, al; inc bl; jmp each`;

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

const textOf = (exit: Exit): string =>
  exit.kind === "io-out" ? `out ${exit.port}` : exit.kind === "debug" ? `debug ${exit.pc.toString(16)}` : exit.kind;

/** What each vCPU does, until every one that is asked for did so much. */
async function firstExits(machine: SmpMachine, counts: readonly number[]): Promise<string[][]> {
  const exits: string[][] = counts.map(() => []);
  for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
    if (vcpu === undefined) break;
    exits[vcpu]!.push(textOf(exit));
    if (exits.every(({ length }, number) => length >= counts[number]!)) break;
  }
  return exits.map((each, number) => each.slice(0, counts[number]));
}

async function traceOf(trace: AsyncIterable<TraceEvent>): Promise<string[]> {
  const events: string[] = [];
  for await (const event of trace) {
    if (event.kind === "io-in") event.data.fill(0x77);
    events.push(
      event.kind === "step"
        ? stepToText(event)
            .replace(/^\w+ +/, "")
            .replace(/ {2,}/g, "  ")
        : textOf(event),
    );
  }
  return events;
}

describeKvm("a breakpoint", () => {
  test("stops each vCPU that comes there, and going on executes its instruction", async () => {
    using machine = await bootSmp(await smpImage(3, counter(0x10), counter(0x11)), { vcpus: 3 });
    const debug = await machine.debug();
    expect(await machine.debug()).toBe(debug);
    const point = debug.breakAt(OTHERS);
    expect(debug.points).toEqual([point]);
    const stopped = ["debug 2004", "out 17", "debug 2004", "out 17"];
    expect(await firstExits(machine, [4, 4, 4])).toEqual([Array(4).fill("out 16"), stopped, stopped]);
    debug.remove(point);
    expect(debug.points).toEqual([]);
    // Who stood at it goes on without it.
    await firstExits(machine, [0, 1, 1]);
    expect(await firstExits(machine, [2, 2, 2])).toEqual([
      Array(2).fill("out 16"),
      Array(2).fill("out 17"),
      Array(2).fill("out 17"),
    ]);
  });

  test("names itself, can be set while vCPUs run, and is hit whatever the others do", async () => {
    using machine = await bootSmp(await smpImage(2, spin, `nop; ${counter(0x11)}`), { vcpus: 2 });
    const debug = await machine.debug();
    let hits = 0;
    let point: unknown;
    for await (const { vcpu, exit } of machine.stream({ timeout: "10s" })) {
      expect(vcpu).toBe(1);
      point ??= debug.breakAt(OTHERS + 1n);
      if (exit.kind !== "debug") continue;
      expect(exit.hits).toEqual([point]);
      expect(machine.registers(1).rip).toBe(5n);
      if (++hits === 20) break;
    }
    debug.clear();
    expect(await firstExits(machine, [0, 5])).toEqual([[], Array(5).fill("out 17")]);
  });

  test("at hlt does not keep the vCPU from halting", async () => {
    using machine = await bootSmp(await smpImage(2, halt, "hlt; out 0x10, al"), { vcpus: 2 });
    const debug = await machine.debug();
    debug.breakAt(OTHERS);
    expect(await firstExits(machine, [0, 1])).toEqual([[], ["debug 2004"]]);
    expect(await firstExits(machine, [0, 1])).toEqual([[], []]);
    expect(machine.vcpus[1]!.getMpState()).toBe("halted");
  });

  test("that a vCPU stands at comes back with a snapshot: told once, and never again", async () => {
    using machine = await bootSmp(await smpImage(2, spin, counter(0x11)), { vcpus: 2 });
    const debug = await machine.debug();
    debug.breakAt(OTHERS);
    const before = machine.snapshot();
    const start = await firstExits(machine, [0, 1]);
    expect(start).toEqual([[], ["debug 2004"]]);
    const standing = machine.snapshot();
    const rest = await firstExits(machine, [0, 5]);
    expect(rest[1]).toEqual(["out 17", "debug 2004", "out 17", "debug 2004", "out 17"]);
    for (let round = 0; round < 2; round++) {
      machine.restore(standing);
      expect(await firstExits(machine, [0, 5])).toEqual(rest);
      machine.restore(before);
      expect(await firstExits(machine, [0, 1])).toEqual(start);
    }
  });

  test("a fifth has no room, and what is no place is refused", async () => {
    using machine = await bootSmp(await smpImage(1, spin, spin), { vcpus: 1 });
    const debug = await machine.debug();
    for (const address of [1n, 2n, 3n, 4n]) debug.breakAt(address);
    expect(() => debug.breakAt(5n)).toThrow(expect.objectContaining({ code: "NO_ROOM" }));
    expect(() => debug.breakAt("nowhere")).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  });
});

describeKvm("a trace", () => {
  test("steps through one vCPU while the others stand still, with its exits and their answers", async () => {
    const image = await smpImage(
      2,
      `each: inc dword ptr [${shared.counter}]; jmp each`,
      `mov bl, 1; out 0x10, al; in al, 0x11; mov byte ptr [${shared.slots}], al; ${halt}`,
    );
    using machine = await bootSmp(image, { vcpus: 2 });
    const debug = await machine.debug();
    const point = debug.breakAt(OTHERS);
    expect(await firstExits(machine, [0, 1])).toEqual([[], ["debug 2004"]]);
    const counted = machine.readMemory(BigInt(shared.counter), 4);
    expect(await traceOf(debug.trace(1, { timeout: "10s" }))).toEqual([
      "mov bl, 0x1  rbx 0x0 -> 0x1",
      "out 16",
      "out 0x10, al",
      "io-in",
      "in al, 0x11  rax 0x0 -> 0x77",
      `mov [0x${shared.slots.toString(16)}], al`,
      "cli",
      "hlt", // the step
      "hlt", // the end
    ]);
    expect(machine.readMemory(BigInt(shared.slots), 1)).toEqual(Uint8Array.of(0x77));
    expect(machine.readMemory(BigInt(shared.counter), 4)).toEqual(counted);
    expect(machine.vcpus[1]!.getMpState()).toBe("halted");
    // The other was not changed by it, and goes on.
    debug.remove(point);
    for await (const _ of machine.stream({ timeout: "30ms" }));
    expect(machine.readMemory(BigInt(shared.counter), 4)).not.toEqual(counted);
  });

  test("one step at a time; an input waits for its answer; then a stream goes on", async () => {
    using machine = await bootSmp(await smpImage(1, `mov bl, 1; in al, 0x11; out 0x10, al; ${halt}`, spin), {
      vcpus: 1,
    });
    const debug = await machine.debug();
    // The local APIC's register first.
    for (let round = 0; round < 4; round++) expect(await debug.step(0)).toMatchObject({ kind: "step" });
    expect(await debug.step(0)).toMatchObject({ kind: "step", changes: { rbx: { before: 0n, after: 1n } } });
    const input = await debug.step(0);
    expect(input.kind).toBe("io-in");
    if (input.kind === "io-in") input.data[0] = 0x55;
    expect(await debug.step(0)).toMatchObject({ kind: "step", instruction: { text: "in al, 0x11" } });
    expect(machine.registers(0).rax & 0xffn).toBe(0x55n);
    expect(await firstExits(machine, [2])).toEqual([["out 16"]]);
  });

  test("arrives at breakpoints, which are then known, and can be left half way", async () => {
    using machine = await bootSmp(await smpImage(2, spin, counter(0x11)), { vcpus: 2 });
    const debug = await machine.debug();
    const point = debug.breakAt(OTHERS);
    await firstExits(machine, [0, 1]);
    const hits: unknown[] = [];
    for await (const event of debug.trace(1, { timeout: "10s" })) {
      if (event.kind === "step") hits.push(...event.hits);
      if (hits.length === 1) break;
    }
    expect(hits).toEqual([point]);
    expect(await firstExits(machine, [0, 3])).toEqual([[], ["out 17", "debug 2004", "out 17"]]);
  });

  test("ends at its limits, at its deadline, at an abort, and by its devices", async () => {
    const image = await smpImage(1, `out 0x10, al; ${counter(0x10)}`, spin);
    using machine = await bootSmp(image, { vcpus: 1 });
    const debug = await machine.debug();
    expect(await traceOf(debug.trace(0, { maxSteps: 3 }))).toHaveLength(3);
    expect((await traceOf(debug.trace(0, { maxExits: 2, timeout: "10s" }))).slice(-1)).toEqual(["exit-limit"]);
    expect((await traceOf(debug.trace(0, { timeout: "30ms" }))).at(-1)).toBe("timeout");
    const reason = new Error("enough");
    await expect(traceOf(debug.trace(0, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const device = { name: "end", ports: { at: 0x10, size: 1 }, write: { u8: () => Promise.resolve({ end: 3 }) } };
    expect((await traceOf(debug.trace(0, { devices: [device], timeout: "10s" }))).at(-1)).toBe("guest-exit");
  });

  test("waits where interrupts are on, and says where a vCPU was not started or is not there", async () => {
    using machine = await bootSmp(await smpImage(1, "sti; again: hlt; jmp again", spin), { vcpus: 2 });
    const debug = await machine.debug();
    expect((await traceOf(debug.trace(0, { timeout: "300ms" }))).slice(-2)).toEqual(["hlt", "timeout"]);
    const notStarted = "vCPU 1 was not started\n  hint: the guest starts it, by INIT and SIPI";
    await expect(debug.step(1)).rejects.toThrow(badArgument(notStarted));
    expect(() => debug.trace(2)).toThrow(badArgument("there is no vCPU 2\n  hint: they are numbered from 0 to 1"));
    expect(() => debug.trace(0, { maxSteps: 0 })).toThrow(badArgument("maxSteps is no whole number above 0: 0"));
    const open = debug.trace(0);
    const event = open.next();
    await expect(machine.stream().next()).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    machine.close();
    await expect(event).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => debug.breakAt(1n)).toThrow(expect.objectContaining({ code: "CLOSED" }));
    expect(() => debug.trace(0)).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});
