/** The asynchronous stream: the same exits in the same order, and an event loop that stays free. */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { boot, type Exit, type Machine, type StreamOptions } from "../../src/kvm/index.ts";
import { counting, longMode, realMode, seedLongMode, seedRealMode, spinning } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";

const nothing = { timers: 0, blocked: "0".repeat(16) };

async function exitsOf(machine: Machine, options?: StreamOptions): Promise<Exit[]> {
  const exits: Exit[] = [];
  for await (const exit of machine.stream(options)) {
    if (exit.kind === "io-in" || exit.kind === "mmio-read") exit.data.fill(0xab);
    exits.push(exit);
  }
  return exits;
}

describeKvm("the asynchronous stream", () => {
  test.each([
    ["real mode", seedRealMode()],
    ["long mode", seedLongMode()],
    ["a triple fault", longMode(0xe9, 0x00, 0x00, 0x00, 0x10)],
  ])("gives what run gives: %s", async (_, image) => {
    using one = await boot(image);
    using two = await boot(image);
    const expected: Exit[] = [];
    for (const exit of one.run()) {
      if (exit.kind === "io-in" || exit.kind === "mmio-read") exit.data.fill(0xab);
      expected.push(exit);
    }
    expect(await exitsOf(two)).toEqual(expected);
    expect(two.registers()).toEqual(one.registers());
    expect(resources()).toMatchObject(nothing);
  });

  test("timers fire while the guest spins, and its time is measured", async () => {
    using machine = await boot(spinning);
    let fired = 0;
    const interval = setInterval(() => fired++, 5);
    const exits = await exitsOf(machine, { timeout: "1s" });
    clearInterval(interval);
    expect(exits).toMatchObject([{ kind: "timeout" }]);
    expect((exits[0] as { elapsed: number }).elapsed).toBeGreaterThanOrEqual(1000);
    // At most 200; what a busy machine leaves of them is its own affair.
    expect(fired).toBeGreaterThan(50);
  });

  test("timers fire while the guest exits without end", async () => {
    using machine = await boot(counting);
    let fired = 0;
    const interval = setInterval(() => fired++, 5);
    const exits = await exitsOf(machine, { timeout: "300ms" });
    clearInterval(interval);
    expect(exits.at(-1)).toMatchObject({ kind: "timeout" });
    expect(exits.slice(0, -1).every((exit, index) => exit.kind === "io-out" && exit.data[0] === index % 256)).toBe(
      true,
    );
    expect(fired).toBeGreaterThan(15);
  });

  test("the guest runs only while the consumer waits", async () => {
    using machine = await boot(counting);
    const seen: number[] = [];
    for await (const exit of machine.stream({ timeout: "500ms" })) {
      if (exit.kind === "io-out") seen.push(exit.data[0]!);
      await sleep(5);
      expect(machine.registers().rax & 0xffn).toBe(BigInt(seen.length - 1));
      if (seen.length === 10) break;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(resources()).toMatchObject(nothing);
  });

  test("an abort ends it with its reason, and the machine goes on", async () => {
    using machine = await boot(spinning);
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    await expect(exitsOf(machine, { signal: controller.signal, timeout: Number.POSITIVE_INFINITY })).rejects.toBe(
      reason,
    );
    expect(resources()).toMatchObject(nothing);
    expect(machine.registers().rip).toBe(1n);
    await expect(exitsOf(machine, { signal: controller.signal })).rejects.toBe(reason);
    expect(await exitsOf(machine, { timeout: "5ms" })).toMatchObject([{ kind: "timeout" }]);
  });

  test("break, an exception and a closed machine leave nothing behind", async () => {
    const machine = await boot(counting);
    for await (const _ of machine.stream()) break;
    await expect(async () => {
      for await (const _ of machine.stream()) throw new Error("from the handler");
    }).rejects.toThrow("from the handler");
    expect(resources()).toMatchObject(nothing);
    await expect(async () => {
      for await (const _ of machine.stream()) machine.close();
    }).rejects.toMatchObject({ code: "CLOSED" });
    expect(resources()).toMatchObject(nothing);
    expect(() => machine.stream()).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });

  test("one that its consumer leaves is put out when the event loop turns, and goes on where it is taken up", async () => {
    using machine = await boot(counting);
    const stream = machine.stream();
    expect((await stream.next()).value).toMatchObject({ data: Uint8Array.of(0) });
    await nextTurn();
    await nextTurn();
    expect(resources()).toMatchObject(nothing);
    expect((await stream.next()).value).toMatchObject({ data: Uint8Array.of(1) });
    await stream.return?.();
    expect(resources()).toMatchObject(nothing);
  });

  test("two machines beside each other", async () => {
    using one = await boot(seedRealMode());
    using two = await boot(spinning);
    const [first, second] = await Promise.all([exitsOf(one), exitsOf(two, { timeout: "50ms" })]);
    expect(first.at(-1)).toEqual({ kind: "hlt" });
    expect(second).toMatchObject([{ kind: "timeout" }]);
    expect(resources()).toMatchObject(nothing);
  });
});

describeKvm("a limit of exits", () => {
  test("ends run and stream, which go on when called again", async () => {
    using machine = await boot(counting);
    const first = [...machine.run({ maxExits: 3 })];
    expect(first.map(({ kind }) => kind)).toEqual(["io-out", "io-out", "io-out", "exit-limit"]);
    expect(first.at(-1)).toEqual({ kind: "exit-limit", exits: 3 });
    const second = await exitsOf(machine, { maxExits: 2 });
    expect(second).toMatchObject([{ data: Uint8Array.of(3) }, { data: Uint8Array.of(4) }, { kind: "exit-limit" }]);
  });

  test("is not told where the guest ends with it", async () => {
    using machine = await boot(realMode(0xf4));
    expect([...machine.run({ maxExits: 1 })]).toEqual([{ kind: "hlt" }]);
  });

  describe("that is none", () => {
    test.each<[unknown, string]>([
      [0, "0"],
      [-1, "-1"],
      [1.5, "1.5"],
      [Number.NaN, "NaN"],
      ["3", `"3"`],
    ])("%s", async (maxExits, shown) => {
      using machine = await boot(realMode(0xf4));
      expect(() => machine.run({ maxExits: maxExits as number })).toThrow(
        expect.objectContaining({
          code: "BAD_ARGUMENT",
          message: `maxExits is no whole number above 0: ${shown}`,
        }),
      );
    });
  });
});

describeKvm("complete", () => {
  test("takes an answer and moves RIP, with no further instruction", async () => {
    using machine = await boot(realMode(0xe4, 0x60, 0x40, 0xf4)); // in al, 0x60; inc ax; hlt
    for (const exit of machine.run()) {
      if (exit.kind === "io-in") exit.data[0] = 0x41;
      break;
    }
    expect(machine.registers()).toMatchObject({ rip: 0n, rax: 0n });
    expect(machine.complete()).toBe(true);
    expect(machine.registers()).toMatchObject({ rip: 2n, rax: 0x41n });
    expect(machine.complete()).toBe(true);
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
    expect(machine.registers().rax).toBe(0x42n);
  });

  test("what the instruction still exits with is the next run's first exit", async () => {
    // mov eax, [0x1ffe]: four bytes, two of them on either page, with no memory behind either
    using machine = await boot(realMode(0x66, 0xa1, 0xfe, 0x1f, 0xf4));
    const answers = [0x11, 0x22];
    for (const exit of machine.run()) {
      expect(exit).toMatchObject({ kind: "mmio-read", address: 0x1ffen, size: 2 });
      if (exit.kind === "mmio-read") exit.data.fill(answers[0]!);
      break;
    }
    expect(machine.complete()).toBe(false);
    expect(machine.complete()).toBe(false);
    const kinds: string[] = [];
    for (const exit of machine.run()) {
      kinds.push(exit.kind);
      if (exit.kind === "mmio-read") {
        expect(exit).toMatchObject({ address: 0x2000n, size: 2 });
        exit.data.fill(answers[1]!);
      }
    }
    expect(kinds).toEqual(["mmio-read", "hlt"]);
    expect(machine.registers().rax).toBe(0x2222_1111n);
  });

  test("before the first run there is nothing to complete", async () => {
    using machine = await boot(realMode(0xf4));
    expect(machine.complete()).toBe(true);
    expect(machine.registers().rip).toBe(0n);
  });
});
