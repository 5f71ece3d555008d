/** No guest holds the thread for longer than it was given, and nothing stays behind: no timer, no blocked signal. */
import { execFileSync, spawn } from "node:child_process";
import { Session } from "node:inspector";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { boot, DEFAULT_TIMEOUT, type Duration, type Exit, type TimeoutExit } from "../../src/kvm/index.ts";
import { fromSource, run } from "../project/child.ts";
import { counting, realMode, spinning } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";

const kindsOf = (exits: Iterable<Exit>): string[] => Array.from(exits, ({ kind }) => kind);
const nothing = { timers: 0, blocked: "0".repeat(16) };

describeKvm("a guest that spins with interrupts off", () => {
  test.each<[Duration, number]>([
    ["50ms", 50],
    [5, 5],
    ["1000us", 1],
    ["230ms", 230],
  ])("ends after %s, within twice the time, with registers to read", async (timeout, milliseconds) => {
    using machine = await boot(spinning);
    let shortest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      const exits = [...machine.run({ timeout })];
      const took = performance.now() - start;
      expect(exits).toMatchObject([{ kind: "timeout" }]);
      expect((exits[0] as TimeoutExit).elapsed).toBeGreaterThanOrEqual(milliseconds);
      expect(took).toBeGreaterThanOrEqual(milliseconds);
      shortest = Math.min(shortest, took);
      // On a busy host the first millisecond may be over before the first instruction.
      expect(machine.registers().rip).toBeLessThanOrEqual(1n);
    }
    expect(machine.registers().rip).toBe(1n);
    // On a busy host the scheduler may take its time; not always.
    expect(shortest).toBeLessThan(2 * milliseconds);
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test.each<[Duration]>([["10us"], ["1us"], [1e-9], [Number.MIN_VALUE]])(
    "ends after %s, which is less than a system call takes",
    async (timeout) => {
      using machine = await boot(spinning);
      for (let round = 0; round < 5; round++) expect(kindsOf(machine.run({ timeout }))).toEqual(["timeout"]);
      expect(await machine.stream({ timeout }).next()).toMatchObject({ value: { kind: "timeout" } });
    },
  );

  test("ends without being asked to: a run that is given no deadline has one", async () => {
    expect(DEFAULT_TIMEOUT).toBe("10s");
    // Every exit seems to take 6 s.
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (now += 6000));
    try {
      using machine = await boot(counting);
      expect(kindsOf(machine.run())).toEqual(["io-out", "io-out", "timeout"]);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describeKvm("the clock", () => {
  test("ends a guest that exits without end", async () => {
    using machine = await boot(counting);
    const start = performance.now();
    const kinds = kindsOf(machine.run({ timeout: "30ms" }));
    expect(performance.now() - start).toBeGreaterThanOrEqual(30);
    expect(kinds.at(-1)).toBe("timeout");
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.slice(0, -1).every((kind) => kind === "io-out")).toBe(true);
  });

  test("stands still while the consumer works, however long, awake or asleep", async () => {
    using machine = await boot(counting);
    let exits = 0;
    for (const exit of machine.run({ timeout: "40ms" })) {
      expect(exit).toMatchObject({ kind: "io-out", data: Uint8Array.of(exits) });
      if (exits % 2 === 0) await sleep(30);
      else for (const until = performance.now() + 30; performance.now() < until;);
      if (++exits === 6) break;
    }
    expect(exits).toBe(6);
  });

  test("stands still while the consumer works a little, a thousand times", async () => {
    using machine = await boot(counting);
    let exits = 0;
    const start = performance.now();
    for (const exit of machine.run({ timeout: "100ms" })) {
      expect(exit.kind).toBe("io-out");
      for (const until = performance.now() + 0.3; performance.now() < until;);
      if (++exits === 1000) break;
    }
    expect(performance.now() - start).toBeGreaterThan(300);
    expect(exits).toBe(1000);
  });

  test("stops a guest that exits often and then spins", async () => {
    // mov cx, 2000; out 0x10, al; loop; jmp $
    using machine = await boot(realMode(0xb9, 0xd0, 0x07, 0xe6, 0x10, 0xe2, 0xfc, 0xeb, 0xfe));
    let exits = 0;
    let entered = 0;
    for (const exit of machine.run({ timeout: "200ms" })) {
      exits++;
      if (exit.kind === "timeout") expect(performance.now() - entered).toBeLessThan(400);
      entered = performance.now();
    }
    expect(exits).toBe(2001);
  });

  test("counts the guest's time over all of a run", async () => {
    // Spins 65536 times between two port writes.
    using machine = await boot(realMode(0x31, 0xc9, 0xe2, 0xfe, 0xe6, 0x10, 0xeb, 0xf8));
    let guest = 0;
    let last: Exit | undefined;
    const exits = machine.run({ timeout: "60ms" });
    for (;;) {
      const start = performance.now();
      const { value, done } = exits.next();
      guest += performance.now() - start;
      if (done === true) break;
      last = value;
    }
    expect(last).toMatchObject({ kind: "timeout" });
    expect(guest).toBeGreaterThanOrEqual(60);
    expect(guest).toBeLessThan(240);
  });

  test("is armed during a run, and put out when the thread is given away: after its end, break and an exception", async () => {
    using machine = await boot(counting);
    for (const _ of machine.run()) {
      expect(resources().timers).toBe(1);
      expect(resources().blocked).not.toBe(nothing.blocked);
      break;
    }
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
    expect(() => {
      for (const _ of machine.run()) throw new Error("from the handler");
    }).toThrow("from the handler");
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
    expect(kindsOf(machine.run({ timeout: 1 })).at(-1)).toBe("timeout");
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test("is one for all runs of a turn, whatever their deadlines", async () => {
    using machine = await boot(spinning);
    for (const timeout of [40, 5, 20, 1, 60, 60, 2]) {
      const start = performance.now();
      expect(kindsOf(machine.run({ timeout }))).toEqual(["timeout"]);
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout);
      expect(performance.now() - start).toBeLessThan(2 * timeout + 100);
      expect(resources().timers).toBe(1);
    }
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test("ticks that come between two runs are no exit of the second", async () => {
    using machine = await boot(counting);
    expect([...machine.run({ timeout: 8, maxExits: 1 })].at(-1)).toMatchObject({ kind: "exit-limit" });
    for (let round = 0; round < 20; round++) {
      for (const until = performance.now() + 2; performance.now() < until;);
      expect(kindsOf(machine.run({ maxExits: 2 }))).toEqual(["io-out", "io-out", "exit-limit"]);
    }
  });

  test("is put out at the end of the turn where the consumer never comes back, and lit where it does", async () => {
    using machine = await boot(counting);
    const abandoned = machine.run();
    abandoned.next();
    expect(resources().timers).toBe(1);
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
    expect(abandoned.next().value).toMatchObject({ kind: "io-out", data: Uint8Array.of(1) });
    expect(resources().timers).toBe(1);
    abandoned.return?.();
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test("of one run is not that of another inside it", async () => {
    using outer = await boot(counting);
    using inner = await boot(spinning);
    let exits = 0;
    for (const exit of outer.run({ timeout: "200ms" })) {
      expect(exit.kind).toBe("io-out");
      const start = performance.now();
      expect(kindsOf(inner.run({ timeout: "25ms" }))).toEqual(["timeout"]);
      expect(performance.now() - start).toBeGreaterThanOrEqual(25);
      if (++exits === 10) break;
    }
    expect(exits).toBe(10);
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test("survives runs that overlap and end in any order", async () => {
    const machines = await Promise.all([boot(counting), boot(counting), boot(counting)]);
    const runs = machines.map((machine) => machine.run({ timeout: "10ms" }));
    for (let step = 0; step < 300; step++) {
      const run = runs[step % 3]!;
      const { done } = run.next();
      if (done === true || step % 17 === 0) {
        run.return?.();
        runs[step % 3] = machines[step % 3]!.run({ timeout: "10ms" });
      }
    }
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
    for (const machine of machines) machine.close();
  });
});

describeKvm("signals that are not the clock's", () => {
  test("one that asks nobody to stop waits for the guest: a child's end, a resized terminal", async () => {
    using machine = await boot(spinning);
    let resized = 0;
    const onResize = (): void => void resized++;
    process.on("SIGWINCH", onResize);
    try {
      const child = spawn("sh", ["-c", `sleep 0.05; kill -WINCH ${process.pid}`]);
      const ended = new Promise((resolve) => void child.on("close", resolve));
      expect(kindsOf(machine.run({ timeout: "250ms" }))).toEqual(["timeout"]);
      expect(resized).toBe(0);
      await ended;
      await nextTurn();
      expect(resized).toBe(1);
    } finally {
      process.off("SIGWINCH", onResize);
    }
  });

  test("a child that the consumer waits for ends, and may be signalled", async () => {
    using machine = await boot(counting);
    const outputs: string[] = [];
    for (const exit of machine.run({ timeout: "1s", maxExits: 3 })) {
      if (exit.kind === "exit-limit") break;
      outputs.push(execFileSync("sed", ["-n", "s/^SigBlk:\\s*//p", "/proc/self/status"], { encoding: "utf8" }));
    }
    expect(outputs).toEqual(Array.from({ length: 3 }, () => `${nothing.blocked}\n`));
  });

  test("a profiler's, started before a run or in the middle of one", async () => {
    using machine = await boot(spinning);
    using before = await boot(counting);
    const session = new Session();
    session.connect();
    const post = (method: string, parameters?: object): unknown => {
      let answer: unknown;
      session.post(method, parameters, (error, result) => (answer = error ?? result));
      return answer;
    };
    try {
      const exits = before.run({ timeout: "100ms" });
      exits.next();
      post("Profiler.enable");
      post("Profiler.setSamplingInterval", { interval: 500 });
      post("Profiler.start");
      // The clock that let signals through is this run's, too.
      expect(kindsOf(machine.run({ timeout: "50ms" }))).toEqual(["timeout"]);
      expect(exits.next().value).toMatchObject({ kind: "io-out" });
      await nextTurn();
      expect(kindsOf(machine.run({ timeout: "50ms" }))).toEqual(["timeout"]);
      expect(await machine.stream({ timeout: "50ms" }).next()).toMatchObject({ value: { kind: "timeout" } });
      const { profile } = post("Profiler.stop") as { profile: { samples: readonly number[] } };
      expect(profile.samples.length).toBeGreaterThan(10);
    } finally {
      session.disconnect();
    }
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
  });

  test("real-time signals that somebody handles, and those that come by the thousand", async () => {
    const ended = await run(process.execPath, [...fromSource, "--input-type=module", "-e", realTimeScript]);
    expect(ended).toEqual({ status: 0, stdout: "timeout\ntimeout\n", stderr: "" });
  });

  test("Ctrl-C ends the run, and its handler is called", async () => {
    const child = spawn(process.execPath, [...fromSource, "--input-type=module", "-e", interruptedScript], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      // The guest runs a moment after the line is written.
      if (text.includes("running")) setTimeout(() => child.kill("SIGINT"), 300);
    });
    const giveUp = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const status = await new Promise((resolve) => void child.on("close", resolve));
    clearTimeout(giveUp);
    expect(output).toBe("running\ninterrupted at 1\nhandler: SIGINT\nstill alive: timeout\n");
    expect(status).toBe(0);
  });
});

/** A timer of another's sends this thread a signal every 300 microseconds, to a handler that does nothing. */
const realTimeScript = `
  import koffi from "koffi";
  import { boot } from ${JSON.stringify(import.meta.resolve("../../src/kvm/index.ts"))};
  import { spinning } from ${JSON.stringify(import.meta.resolve("./images.ts"))};
  const libc = koffi.load("libc.so.6");
  const action = new Uint8Array(152);
  new DataView(action.buffer).setBigUint64(0, koffi.address(libc.symbol("getppid")), true);
  libc.func("sigaction", "int", ["int", "void *", "void *"])(40, action, null);
  const event = new Int32Array(16);
  event.set([40, 4, process.pid], 2);
  const id = new Int32Array(1);
  libc.func("timer_create", "int", ["int", "void *", "void *"])(1, event, id);
  const setTime = libc.func("syscall", "long", ["long", "long", "long", "void *", "long"]);
  setTime(223, id[0], 0, new BigInt64Array([0n, 300_000n, 0n, 300_000n]), 0);
  const machine = await boot(spinning);
  for (let round = 0; round < 2; round++) {
    for (const { kind } of machine.run({ timeout: "60ms" })) console.log(kind);
    await null;
  }
`.replaceAll("\n  ", "\n");

const interruptedScript = `
  import { boot } from ${JSON.stringify(import.meta.resolve("../../src/kvm/index.ts"))};
  import { spinning } from ${JSON.stringify(import.meta.resolve("./images.ts"))};
  import { writeSync } from "node:fs";
  const machine = await boot(spinning);
  process.on("SIGINT", (signal) => writeSync(1, "handler: " + signal + "\\n"));
  writeSync(1, "running\\n");
  for (const exit of machine.run({ timeout: "15s" })) writeSync(1, exit.kind + " at " + machine.registers().rip + "\\n");
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const exit of machine.run({ timeout: "10ms" })) writeSync(1, "still alive: " + exit.kind + "\\n");
`.replaceAll("\n  ", "\n");
