/** Breakpoints: they stop the guest before the instruction, and going on executes it as if they were not there. */
import { boot, code16, code64, cx, layout, rcx, si, type Image } from "guestwright";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import type { Exit, Machine } from "../../../src/kvm/index.ts";
import { realMode } from "../images.ts";
import { describeKvm } from "../require-kvm.ts";
import { resources } from "../resources.ts";
import { answer, everyExit, longModeImage } from "./guests.ts";

let image: Image;
beforeAll(async () => {
  image = await longModeImage(everyExit);
});

/** Every exit of a run, answered, as copies; at most a few, for a guest that hangs at a breakpoint. */
function exitsOf(machine: Machine, maxExits = 100): Exit[] {
  const exits: Exit[] = [];
  for (const exit of machine.run({ timeout: "5s", maxExits })) {
    exits.push(structuredClone(exit));
    answer(exit);
  }
  return exits;
}

const withoutDebug = (exits: readonly Exit[]): Exit[] => exits.filter(({ kind }) => kind !== "debug");
const hitSymbols = (exits: readonly Exit[]): (string | undefined)[] =>
  exits.flatMap((exit) =>
    exit.kind === "debug" ? exit.hits.map((hit) => (hit.kind === "breakpoint" ? hit.symbol : undefined)) : [],
  );

const labels = ["loop", "output", "input", "store", "load", "memory", "branch"] as const;

describeKvm("a breakpoint", () => {
  test.each(labels)("at %s is hit every time, and changes nothing else", async (label) => {
    using plain = await boot(image);
    const expected = exitsOf(plain);
    using machine = await boot(image);
    const debug = await machine.debug();
    const point = debug.breakAt(`guest.${label}`);
    const exits = exitsOf(machine);
    expect(withoutDebug(exits)).toEqual(expected);
    expect(hitSymbols(exits)).toEqual([point.symbol, point.symbol]);
    expect(machine.registers()).toEqual(plain.registers());
    expect(machine.readMemory(0x8000n, 16)).toEqual(plain.readMemory(0x8000n, 16));
  });

  test("at the first instruction and at hlt is hit once, and the run still ends with hlt", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    debug.breakAt("guest");
    debug.breakAt("end");
    const exits = exitsOf(machine);
    expect(hitSymbols(exits)).toEqual(["guest", "end"]);
    expect(exits.at(-1)).toEqual({ kind: "hlt" });
  });

  test("that the guest stands at comes back with a snapshot: told where it was not yet, and not again", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    debug.breakAt("guest");
    const before = machine.snapshot();
    const next = (): string => exitsOf(machine, 1)[0]!.kind;
    expect(next()).toBe("debug");
    const standing = machine.snapshot();
    for (let round = 0; round < 2; round++) {
      machine.restore(before);
      expect(next()).toBe("debug");
      machine.restore(standing);
      expect(next()).toBe("io-out");
    }
  });

  test("tells where it is, what it is, and which one", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const [loop, load] = [debug.breakAt("loop"), debug.breakAt("load")];
    expect(debug.points).toEqual([
      { kind: "breakpoint", id: 1, address: image.programs[0]!.labels["loop"], symbol: "loop" },
      { kind: "breakpoint", id: 2, address: image.programs[0]!.labels["load"], symbol: "load" },
    ]);
    const seen: boolean[][] = [];
    for (const exit of machine.run()) {
      answer(exit);
      if (exit.kind !== "debug") continue;
      expect(exit).toMatchObject({ exception: 1, isStep: false, pc: machine.registers().rip });
      expect(machine.where().offset).toBe(0n);
      seen.push([exit.hits.includes(loop), exit.hits.includes(load)]);
    }
    expect(seen).toEqual([
      [true, false],
      [false, true],
      [true, false],
      [false, true],
    ]);
  });

  test("four next to each other, in the asynchronous stream", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    for (const label of ["output", "input", "store", "load"]) debug.breakAt(label);
    const hits: Exit[] = [];
    for await (const exit of machine.stream({ timeout: "5s" })) {
      answer(exit);
      hits.push(structuredClone(exit));
    }
    const round = ["output", "input", "store", "load"];
    expect(hitSymbols(hits)).toEqual([...round, ...round]);
    expect(hits.at(-1)).toEqual({ kind: "hlt" });
  });

  test("at an instruction that jumps to itself is hit each time", async () => {
    using machine = await boot(await longModeImage(code64().mov(rcx, 3).label("again").loop("again").hlt()));
    (await machine.debug()).breakAt("again");
    const counts: bigint[] = [];
    for (const exit of machine.run({ timeout: "5s" })) if (exit.kind === "debug") counts.push(machine.registers().rcx);
    expect(counts).toEqual([3n, 2n, 1n]);
  });

  test("at a repeated string instruction is hit, and all of its exits come", async () => {
    const guest = code64().mov(rcx, 3).label("print").rep.outsb().hlt();
    using plain = await boot(await longModeImage(guest));
    const expected = exitsOf(plain);
    using machine = await boot(await longModeImage(guest));
    (await machine.debug()).breakAt("print");
    const exits = exitsOf(machine);
    expect(exits[0]).toMatchObject({ kind: "debug" });
    expect(
      Buffer.concat(withoutDebug(exits).map((exit) => (exit as { data?: Uint8Array }).data ?? Buffer.of())),
    ).toEqual(Buffer.concat(expected.map((exit) => (exit as { data?: Uint8Array }).data ?? Buffer.of())));
    expect(exits.at(-1)).toEqual({ kind: "hlt" });
  });

  test("by address, in real mode with a base of CS", async () => {
    const code = [0x90, 0x40, 0x40, 0xf4]; // nop; inc ax; inc ax; hlt
    const flat = realMode();
    const cs = { ...flat.cpu.segments.cs, base: 0x100n, selector: 0x10 };
    using machine = await boot({
      ...flat,
      chunks: [{ name: "code", at: 0x100n, bytes: Uint8Array.from(code) }],
      cpu: { ...flat.cpu, segments: { ...flat.cpu.segments, cs } },
    });
    const debug = await machine.debug();
    debug.breakAt(0x102n);
    const exits = exitsOf(machine);
    expect(exits).toMatchObject([{ kind: "debug", pc: 0x102n }, { kind: "hlt" }]);
    expect(machine.registers().rax).toBe(2n);
  });

  test("by symbol, in real mode with a base of CS", async () => {
    const built = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      cpu: { segments: { cs: 0x100 } },
      place: { guest: { code: code16().mov(cx, 1).label("here").mov(si, cx).hlt(), in: "ram", offset: 0x1800 } },
    }).build();
    expect(built.programs[0]!.labels["here"]).toBe(0x803n);
    using machine = await boot(built);
    const { address } = (await machine.debug()).breakAt("here");
    expect(address).toBe(0x1803n);
    expect(exitsOf(machine)).toMatchObject([{ kind: "debug", pc: 0x1803n }, { kind: "hlt" }]);
  });

  test("set and removed while the guest runs", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const loop = debug.breakAt("loop");
    const seen: string[] = [];
    for (const exit of machine.run({ timeout: "5s" })) {
      answer(exit);
      seen.push(exit.kind);
      if (exit.kind !== "debug" || !exit.hits.includes(loop)) continue;
      debug.remove(loop);
      debug.breakAt("end");
    }
    const round = ["io-out", "io-in", "mmio-write", "mmio-read"];
    expect(seen).toEqual(["debug", ...round, ...round, "debug", "hlt"]);
    expect(debug.points.map(({ id }) => id)).toEqual([2]);
    debug.clear();
    expect(debug.points).toEqual([]);
  });

  test("that the consumer leaves is not hit again when the guest goes on from it", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const loop = debug.breakAt("loop");
    for (const exit of machine.run()) {
      expect(exit).toMatchObject({ kind: "debug", hits: [loop] });
      break;
    }
    expect(machine.registers().rcx).toBe(2n);
    const exits = exitsOf(machine);
    expect(exits.filter(({ kind }) => kind === "debug")).toHaveLength(1);
    await nextTurn();
    expect(resources()).toMatchObject({ timers: 0, blocked: "0".repeat(16) });
  });

  test("does not keep a guest from its deadline", async () => {
    using machine = await boot(await longModeImage(code64().label("spin").jmp("spin")));
    (await machine.debug()).breakAt("spin");
    let last: Exit | undefined;
    for (const exit of machine.run({ timeout: "30ms" })) last = exit;
    expect(last).toMatchObject({ kind: "timeout" });
  });

  test("goes back and forth with a snapshot", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    debug.breakAt("load");
    const start = machine.snapshot();
    const first = exitsOf(machine);
    expect(hitSymbols(first)).toEqual(["load", "load"]);
    for (let round = 0; round < 3; round++) {
      machine.restore(start);
      expect(exitsOf(machine)).toEqual(first);
    }
    // A snapshot of the moment at the breakpoint, left in the middle of another round.
    machine.restore(start);
    for (const exit of machine.run()) {
      answer(exit);
      if (exit.kind === "debug") break;
    }
    const atLoad = machine.snapshot();
    const rest = exitsOf(machine);
    machine.restore(atLoad);
    expect(withoutDebug(exitsOf(machine))).toEqual(withoutDebug(rest));
  });

  test("where a device answers: the device is asked as ever", async () => {
    using machine = await boot(image);
    (await machine.debug()).breakAt("output");
    const written: number[] = [];
    const device = {
      name: "port",
      ports: { at: 0x10, size: 1 },
      write: { u8: (value: number) => void written.push(value) },
    };
    for (const exit of machine.run({ devices: [device] })) answer(exit);
    expect(written).toEqual([1, 0x78]);
  });
});

describeKvm("a debugger", () => {
  test("is the same each time, and closed with its machine", async () => {
    const machine = await boot(image);
    const debug = await machine.debug();
    expect(await machine.debug()).toBe(debug);
    machine.close();
    for (const use of [
      () => debug.breakAt("loop"),
      () => debug.watch(0n),
      () => debug.clear(),
      () => debug.trace(),
      () => debug.step(),
      () => debug.remove({ kind: "breakpoint", id: 1, address: 0n, symbol: undefined }),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: "CLOSED" }));
    }
    await expect(machine.debug()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(machine.disassemble(Uint8Array.of(0x90))).rejects.toMatchObject({ code: "CLOSED" });
  });

  test.each<[string, (debug: Awaited<ReturnType<Machine["debug"]>>) => unknown, string, string | undefined]>([
    [
      "a symbol that is not there",
      (debug) => debug.breakAt("lop"),
      'no program or label is named "lop"',
      "there is guest, guest.loop, guest.output, guest.input, guest.store, guest.load, guest.memory, guest.branch, guest.end",
    ],
    ["no address", (debug) => debug.breakAt(7 as never), "the address is no bigint from 0 to 2^64 - 1: 7", undefined],
    [
      "a negative address",
      (debug) => debug.breakAt(-1n),
      "the address is no bigint from 0 to 2^64 - 1: -1n",
      undefined,
    ],
    [
      "what is not set",
      (debug) => debug.remove({ kind: "breakpoint", id: 1, address: 0n, symbol: undefined }),
      "no breakpoint or watchpoint of this machine",
      undefined,
    ],
    [
      "a size that no watchpoint has",
      (debug) => debug.watch(0n, { size: 3 as never }),
      "a watchpoint has 1, 2, 4 or 8 bytes, not 3",
      "watch more with several",
    ],
    [
      "reads alone",
      (debug) => debug.watch(0n, { on: "read" as never }),
      'a watchpoint is on "write" or "read-write", not "read"',
      "x86 cannot watch reads alone",
    ],
    [
      "a misaligned watchpoint",
      (debug) => debug.watch(0x5002n, { size: 4 }),
      "a watchpoint of 4 bytes cannot begin at 0x5002",
      "its address must be a multiple of 4: use several smaller ones",
    ],
    [
      "no number of steps",
      (debug) => debug.trace({ maxSteps: 0 }),
      "maxSteps is no whole number above 0: 0",
      undefined,
    ],
  ])("refuses %s", async (_, use, message, hint) => {
    using machine = await boot(image);
    const debug = await machine.debug();
    const text = hint === undefined ? message : `${message}\n  hint: ${hint}`;
    expect(() => use(debug)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT", message: text }));
    expect(debug.points).toEqual([]);
  });

  test("has four debug registers", async () => {
    using machine = await boot(image);
    const debug = await machine.debug();
    for (let address = 1n; address <= 4n; address++) debug.breakAt(address);
    expect(() => debug.breakAt(5n)).toThrow(
      expect.objectContaining({
        code: "NO_ROOM",
        message: "all 4 debug registers are taken\n  hint: remove a breakpoint or a watchpoint first",
      }),
    );
    debug.remove(debug.points[1]!);
    debug.breakAt(5n);
    expect(debug.points.map(({ address }) => address)).toEqual([1n, 5n, 3n, 4n]);
  });
});
