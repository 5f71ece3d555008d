/** Devices: which accesses reach their handlers, what the guest gets, and what the stream still sees. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  boot,
  debugConsole,
  exitDevice,
  record,
  serialPort,
  type Device,
  type Exit,
  type LoadableImage,
  type Machine,
  type Snapshot,
} from "../../src/kvm/index.ts";
import { counting, longMode, realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const kindsOf = (exits: Iterable<Exit>): string[] => Array.from(exits, ({ kind }) => kind);

async function exitsOf(stream: AsyncIterable<Exit>): Promise<Exit[]> {
  const exits: Exit[] = [];
  for await (const exit of stream) exits.push(exit);
  return exits;
}

/** Runs a guest with devices; the exits that reach the stream, and RAX at the end. */
async function runWith(image: LoadableImage, devices: readonly Device[]): Promise<{ exits: Exit[]; rax: bigint }> {
  using machine = await boot(image);
  const exits = [...machine.run({ timeout: "5s", devices })];
  return { exits, rax: machine.registers().rax };
}

// mov eax, 0x44332211; mov dx, 0x70; out dx, al; out dx, ax; out dx, eax; in al, dx; in ax, dx; in eax, dx; hlt
const everySize = [
  ...[0x66, 0xb8, 0x11, 0x22, 0x33, 0x44, 0xba, 0x70, 0x00],
  ...[0xee, 0xef, 0x66, 0xef, 0xec, 0xed, 0x66, 0xed, 0xf4],
];

describeKvm("a device of ports", () => {
  test("has a handler for each size", async () => {
    const seen: unknown[] = [];
    const device: Device = {
      name: "clock",
      ports: { at: 0x6e, size: 6 },
      read: {
        u8: (offset) => 0xa0 + offset,
        u16: (offset) => 0xb000 + offset,
        u32: (offset) => 0xc000_0000 + offset,
      },
      write: {
        u8: (value, offset) => void seen.push(["u8", value, offset]),
        u16: (value, offset) => void seen.push(["u16", value, offset]),
        u32: (value, offset) => void seen.push(["u32", value, offset]),
      },
    };
    const { exits, rax } = await runWith(realMode(...everySize), [device]);
    expect(exits).toEqual([{ kind: "hlt" }]);
    expect(seen).toEqual([
      ["u8", 0x11, 2],
      ["u16", 0x2211, 2],
      ["u32", 0x4433_2211, 2],
    ]);
    expect(rax).toBe(0xc000_0002n);
  });

  test("what it has no handler for, and what leaves its range, reaches the stream", async () => {
    const seen: number[] = [];
    const device: Device = {
      name: "narrow",
      ports: { at: 0x70, size: 2 },
      write: { u8: (value) => void seen.push(value), u32: (value) => void seen.push(value) },
    };
    const { exits } = await runWith(realMode(...everySize), [device]);
    expect(
      exits.map((exit) => (exit.kind === "hlt" ? exit.kind : `${exit.kind} ${(exit as { size: number }).size}`)),
    ).toEqual(["io-out 2", "io-out 4", "io-in 1", "io-in 2", "io-in 4", "hlt"]);
    expect(seen).toEqual([0x11]);
  });

  test("gets each access of rep outsb and rep insb", async () => {
    // mov dx, 0x70; mov si, 0x100; mov cx, 5; rep outsb; mov di, 0x200; mov cx, 5; rep insb; hlt
    const code = [
      ...[0xba, 0x70, 0x00, 0xbe, 0x00, 0x01, 0xb9, 0x05, 0x00, 0xf3, 0x6e],
      ...[0xbf, 0x00, 0x02, 0xb9, 0x05, 0x00, 0xf3, 0x6c, 0xf4],
    ];
    using machine = await boot(realMode(...code));
    machine.writeMemory(0x100n, Buffer.from("hello"));
    const written: number[] = [];
    let next = 1;
    const device: Device = {
      name: "fifo",
      ports: { at: 0x70, size: 1 },
      read: { u8: () => next++ },
      write: { u8: (value) => void written.push(value) },
    };
    expect(kindsOf(machine.run({ devices: [device] }))).toEqual(["hlt"]);
    expect(Buffer.from(written).toString()).toBe("hello");
    expect([...machine.readMemory(0x200n, 6)]).toEqual([1, 2, 3, 4, 5, 0]);
  });

  test.each<[number, string]>([
    [256, "256"],
    ["5" as never, '"5"'],
    [undefined as never, "nothing"],
  ])("an answer of %o is an error that names the device, and then the guest reads 0", async (answer, shown) => {
    using machine = await boot(realMode(0xe4, 0x70, 0xf4));
    const device: Device = { name: "liar", ports: { at: 0x70, size: 1 }, read: { u8: () => answer } };
    expect(() => [...machine.run({ devices: [device] })]).toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: `liar: what it answered at port 0x70 is no whole number from 0 to 2^8 - 1: ${shown}`,
      }),
    );
    expect(kindsOf(machine.run())).toEqual(["hlt"]);
    expect(machine.registers().rax).toBe(0n);
  });

  test("an exception in a handler leaves a machine that goes on", async () => {
    using machine = await boot(counting);
    const device: Device = {
      name: "bomb",
      ports: { at: 0x10, size: 1 },
      write: {
        u8: (value) => {
          if (value === 3) throw new Error("from the handler");
        },
      },
    };
    expect(() => [...machine.run({ devices: [device] })]).toThrow("from the handler");
    expect(machine.run().next().value).toMatchObject({ kind: "io-out", data: Uint8Array.of(4) });
  });

  test("what it handled is shown where that is asked for, with its answer", async () => {
    using machine = await boot(realMode(0xe4, 0x70, 0xe6, 0x70, 0xf4)); // in al, 0x70; out 0x70, al; hlt
    const device: Device = { name: "d", ports: { at: 0x70, size: 1 }, read: { u8: () => 7 }, write: { u8: () => {} } };
    expect([...machine.run({ devices: [device], includeHandled: true })]).toEqual([
      { kind: "io-in", port: 0x70, size: 1, count: 1, data: Uint8Array.of(7) },
      { kind: "io-out", port: 0x70, size: 1, count: 1, data: Uint8Array.of(7) },
      { kind: "hlt" },
    ]);
  });

  test("exits that it handles count", async () => {
    using machine = await boot(counting);
    const device: Device = { name: "d", ports: { at: 0x10, size: 1 }, write: { u8: () => {} } };
    expect([...machine.run({ devices: [device], maxExits: 50 })]).toEqual([{ kind: "exit-limit", exits: 50 }]);
    expect(kindsOf(machine.run({ devices: [device], timeout: "5ms" }))).toEqual(["timeout"]);
  });
});

describeKvm("a device of addresses", () => {
  test("has a handler for each size, eight bytes as a bigint", async () => {
    const store = (opcode: readonly number[]): number[] => [...opcode, 0x04, 0x25, 0x08, 0x40, 0x00, 0x00];
    // mov rax, 0x8877665544332211; mov [0x4008], al / ax / eax / rax; mov rax, [0x4008]; hlt
    const code = [
      ...[0x48, 0xb8, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
      ...[
        ...store([0x88]),
        ...store([0x66, 0x89]),
        ...store([0x89]),
        ...store([0x48, 0x89]),
        ...store([0x48, 0x8b]),
        0xf4,
      ],
    ];
    const seen: unknown[] = [];
    const note = (value: number | bigint, offset: number): void => void seen.push([value, offset]);
    const device: Device = {
      name: "registers",
      mmio: { at: 0x8000n, size: 0x10 },
      read: { u64: () => 0xfedc_ba98_7654_3210n },
      write: { u8: note, u16: note, u32: note, u64: note },
    };
    const { exits, rax } = await runWith(longMode(...code), [device]);
    expect(exits).toEqual([{ kind: "hlt" }]);
    expect(seen).toEqual([
      [0x11, 8],
      [0x2211, 8],
      [0x4433_2211, 8],
      [0x8877_6655_4433_2211n, 8],
    ]);
    expect(rax).toBe(0xfedc_ba98_7654_3210n);
  });
});

describeKvm("a device that answers later", () => {
  const later: Device<"async"> = {
    name: "disk",
    ports: { at: 0x70, size: 1 },
    read: { u8: async () => await sleep(5, 0x5a) },
    write: { u8: async (value) => await sleep(5, value === 0x5a ? { end: 9 } : undefined) },
  };
  const image = realMode(0xe4, 0x70, 0xe6, 0x70, 0xf4);

  test("is waited for by stream", async () => {
    using machine = await boot(image);
    const exits: Exit[] = [];
    for await (const exit of machine.stream({ devices: [later] })) exits.push(exit);
    expect(exits).toEqual([{ kind: "guest-exit", device: "disk", code: 9 }]);
    expect(machine.registers().rax).toBe(0x5an);
  });

  test("is refused by run: by the compiler, and where that is not asked, with an error", async () => {
    using machine = await boot(image);
    // @ts-expect-error A device that answers later is for stream().
    expect(() => [...machine.run({ devices: [later] })]).toThrow(
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: "a device answers io-in later\n  hint: use stream() for devices that return promises",
      }),
    );
  });

  test("one that fails ends the stream with its error", async () => {
    using machine = await boot(image);
    const failing: Device<"async"> = {
      ...later,
      read: { u8: () => Promise.reject(new Error("no disk")) },
    };
    await expect(async () => {
      for await (const exit of machine.stream({ devices: [failing] })) expect(exit).toBeUndefined();
    }).rejects.toThrow("no disk");
  });
});

describeKvm("while a device answers", () => {
  /** in al, 0x70; out 0x10, al; hlt */
  const image = realMode(0xe4, 0x70, 0xe6, 0x10, 0xf4);
  const asked = (hint: string): unknown =>
    expect.objectContaining({ code: "BAD_ARGUMENT", message: `a device has not answered yet\n  hint: ${hint}` });

  test.each<[string, (machine: Machine) => unknown]>([
    ["run", (machine) => machine.run()],
    ["complete", (machine) => machine.complete()],
    ["snapshot", (machine) => machine.snapshot()],
  ])("its handler cannot %s its machine: the answer would be lost", async (_, call) => {
    const clockOf = (machine: Machine): Device => ({
      name: "clock",
      ports: { at: 0x70, size: 1 },
      read: {
        u8: () => {
          expect(() => call(machine)).toThrow(asked("its handler is under way: it may not run its own machine"));
          return 0x42;
        },
      },
    });
    const answered = [{ kind: "io-out", data: Uint8Array.of(0x42) }, { kind: "hlt" }];
    using machine = await boot(image);
    expect([...machine.run({ devices: [clockOf(machine)] })]).toMatchObject(answered);
    using other = await boot(image);
    expect(await exitsOf(other.stream({ devices: [clockOf(other)] }))).toMatchObject(answered);
  });

  test("a handler of writes can take a snapshot: nothing is asked of it", async () => {
    using machine = await boot(realMode(0xe6, 0x70, 0x40, 0xe6, 0x10, 0xf4)); // out 0x70, al; inc ax; out 0x10, al; hlt
    const snapshots: Snapshot[] = [];
    const ready: Device = {
      name: "ready",
      ports: { at: 0x70, size: 1 },
      write: { u8: () => void snapshots.push(machine.snapshot()) },
    };
    const after = [{ kind: "io-out", data: Uint8Array.of(1) }, { kind: "hlt" }];
    expect([...machine.run({ devices: [ready] })]).toMatchObject(after);
    machine.restore(snapshots[0]!);
    expect([...machine.run()]).toMatchObject(after);
  });

  test("a run that was begun before goes no further", async () => {
    // out 0x10, al; in al, 0x70; out 0x10, al; hlt
    using machine = await boot(realMode(0xe6, 0x10, 0xe4, 0x70, 0xe6, 0x10, 0xf4));
    const earlier = machine.run();
    expect(earlier.next().value).toMatchObject({ kind: "io-out" });
    let answer: (value: number) => void = () => undefined;
    const later: Device<"async"> = {
      name: "later",
      ports: { at: 0x70, size: 1 },
      read: { u8: () => new Promise((resolve) => (answer = resolve)) },
    };
    const exits = exitsOf(machine.stream({ devices: [later] }));
    await sleep(10);
    expect(() => earlier.next()).toThrow(asked("a stream waits for it: go on when that goes on"));
    answer(0x42);
    expect(await exits).toMatchObject([{ kind: "io-out", data: Uint8Array.of(0x42) }, { kind: "hlt" }]);
  });
});

describeKvm("a stream that is aborted while a device answers", () => {
  // in al, 0x70; out 0x10, al; hlt
  const image = realMode(0xe4, 0x70, 0xe6, 0x10, 0xf4);

  /** A device that answers when it is told to. */
  function heldDevice(): { device: Device<"async">; answer: (value: number | Promise<number>) => void } {
    let answer!: (value: number | Promise<number>) => void;
    const answered = new Promise<number>((resolve) => (answer = resolve));
    return { device: { name: "disk", ports: { at: 0x70, size: 1 }, read: { u8: () => answered } }, answer };
  }

  /** Runs the guest up to where it waits for the device, and aborts. */
  async function abortWhileWaiting(machine: Pick<Machine, "stream">, device: Device<"async">): Promise<void> {
    const stop = new AbortController();
    const next = machine.stream({ devices: [device], signal: stop.signal, timeout: "5s" }).next();
    await sleep(20);
    stop.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  }

  test("ends at once, and the next one waits on: the answer is not lost", async () => {
    using machine = await boot(image);
    const { device, answer } = heldDevice();
    await abortWhileWaiting(machine, device);
    await abortWhileWaiting(machine, device);
    const rest = exitsOf(machine.stream());
    answer(0x5a);
    expect(await rest).toEqual([
      { kind: "io-out", port: 0x10, size: 1, count: 1, data: Uint8Array.of(0x5a) },
      { kind: "hlt" },
    ]);
  });

  test("takes an answer that came in between", async () => {
    using machine = await boot(image);
    const { device, answer } = heldDevice();
    await abortWhileWaiting(machine, device);
    answer(0x5a);
    await sleep(1);
    const exits = await exitsOf(machine.stream({ includeHandled: true }));
    expect(exits.map(({ kind }) => kind)).toEqual(["io-in", "io-out", "hlt"]);
    expect(machine.registers().rax).toBe(0x5an);
  });

  test("throws the error that came in between with the next stream, and not before", async () => {
    using machine = await boot(image);
    const { device, answer } = heldDevice();
    await abortWhileWaiting(machine, device);
    answer(Promise.reject(new Error("no disk")));
    await sleep(1);
    await expect(exitsOf(machine.stream())).rejects.toThrow("no disk");
    expect((await exitsOf(machine.stream())).map(({ kind }) => kind)).toEqual(["io-out", "hlt"]);
  });

  test("leaves a machine that nothing else may run until then", async () => {
    using machine = await boot(image);
    const { device } = heldDevice();
    const start = machine.snapshot();
    await abortWhileWaiting(machine, device);
    const notYet = (hint: string): unknown =>
      expect.objectContaining({
        code: "BAD_ARGUMENT",
        message: `a device has not answered yet\n  hint: ${hint}`,
        value: { kind: "io-in", port: 0x70, size: 1, count: 1, data: Uint8Array.of(0) },
      });
    const left = notYet("the next stream() waits for it");
    expect(() => machine.run()).toThrow(left);
    expect(() => machine.complete()).toThrow(left);
    expect(() => machine.snapshot()).toThrow(left);
    const stop = new AbortController();
    const waiting = machine.stream({ signal: stop.signal }).next();
    const awaited = notYet("a stream waits for it: go on when that goes on");
    expect(() => machine.run()).toThrow(awaited);
    await expect(machine.stream().next()).rejects.toThrow(awaited);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    // Nobody wants the answer once the machine has gone elsewhere.
    machine.restore(start);
    expect(kindsOf(machine.run())).toEqual(["io-in", "io-out", "hlt"]);
  });

  test("of a recorder records the answer once", async () => {
    using machine = await boot(image);
    const recorder = record(machine);
    const { device, answer } = heldDevice();
    await abortWhileWaiting(recorder, device);
    answer(0x5a);
    await exitsOf(recorder.stream({ devices: [device] }));
    expect(recorder.transcript().exits).toEqual([
      { kind: "io-in", port: 0x70, size: 1, data: Uint8Array.of(0x5a) },
      { kind: "io-out", port: 0x10, size: 1, data: Uint8Array.of(0x5a) },
      { kind: "hlt" },
    ]);
  });
});

describe("ranges", () => {
  const ports = (name: string, at: number, size: number): Device => ({ name, ports: { at, size } });
  const mmio = (name: string, at: bigint, size: number): Device => ({ name, mmio: { at, size } });
  describeKvm("that make no sense are refused before the guest runs", () => {
    test.each<[string, Device[]]>([
      ["port 0x3fa is of two devices: serial port and mouse", [serialPort(), ports("mouse", 0x3fa, 1)]],
      ["mouse: no range of ports: 2 from 65535", [ports("mouse", 0xffff, 2)]],
      ["mouse: no range of ports: 0 from 1", [ports("mouse", 1, 0)]],
      ["mouse: no range of ports: 1 from -1", [ports("mouse", -1, 1)]],
      ["a and b overlap at 0xfff", [mmio("a", 0x1000n, 0x1000), mmio("b", 0xfffn, 2)]],
      ["a: no range of addresses: 0 bytes from 4096n", [mmio("a", 0x1000n, 0)]],
      ["a: no range of addresses: 1 bytes from -1n", [mmio("a", -1n, 1)]],
    ])("%s", async (message, devices) => {
      using machine = await boot(realMode(0xf4));
      expect(() => machine.run({ devices })).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT", message }));
      expect(() => machine.stream({ devices })).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT", message }));
    });
  });
});

describe("a serial port", () => {
  const accesses = (port: ReturnType<typeof serialPort>) => ({
    read: (offset: number): number => port.read!.u8!(offset),
    write: (offset: number, value: number): void => void port.write!.u8!(value, offset),
  });

  test("says that it can send, and when there is something to read (PC16550D, 8.4)", () => {
    const port = serialPort();
    const { read, write } = accesses(port);
    expect(read(5)).toBe(0x60);
    expect(read(0)).toBe(0);
    port.input("añ");
    expect(read(5)).toBe(0x61);
    expect([read(0), read(0), read(0), read(5)]).toEqual([0x61, 0xc3, 0xb1, 0x60]);
    for (const byte of Buffer.from("hé")) write(0, byte);
    expect(port.output()).toBe("hé");
    expect(port.output()).toBe("");
  });

  test("has a divisor where DLAB says so, and registers elsewhere", () => {
    const port = serialPort();
    const { read, write } = accesses(port);
    write(3, 0x83);
    expect([read(0), read(1)]).toEqual([12, 0]);
    write(0, 0x01);
    write(1, 0x02);
    expect([read(0), read(1), read(3)]).toEqual([1, 2, 0x83]);
    write(3, 0x03);
    write(1, 0xff);
    write(7, 0xa5);
    expect([read(0), read(1), read(7)]).toEqual([0, 0x0f, 0xa5]);
    expect(port.output()).toBe("");
  });

  test("is a 16550A to those who look for one: FIFO bits, and a loop-back of the modem lines", () => {
    const { read, write } = accesses(serialPort());
    expect([read(2), read(6)]).toEqual([0x01, 0xb0]);
    write(2, 0x01);
    expect(read(2)).toBe(0xc1);
    for (const [control, status] of [
      [0x10, 0x00],
      [0x1a, 0x90],
      [0x11, 0x20],
      [0x14, 0x40],
      [0x0f, 0xb0],
    ] as const) {
      write(4, control);
      expect(read(6)).toBe(status);
    }
    write(4, 0x10);
    write(0, 0x77);
    expect(read(0)).toBe(0x77);
  });

  test("no port for it", () => {
    expect(() => serialPort({ at: 0xfff9 })).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message: "no port for a serial port: 65529" }),
    );
  });

  describeKvm("with a guest", () => {
    test("that polls it: echoes what it reads until a zero", async () => {
      const code = [
        ...[0xba, 0xfd, 0x03], // mov dx, 0x3fd
        ...[0xec, 0xa8, 0x01, 0x74, 0xfb], // wait: in al, dx; test al, 1; jz wait
        ...[0xba, 0xf8, 0x03, 0xec], // mov dx, 0x3f8; in al, dx
        ...[0xee, 0x84, 0xc0, 0x75, 0xef, 0xf4], // out dx, al; test al, al; jnz; hlt
      ];
      using machine = await boot(realMode(...code));
      const serial = serialPort();
      serial.input("echo\0");
      expect(kindsOf(machine.run({ timeout: "5s", devices: [serial] }))).toEqual(["hlt"]);
      expect(serial.output()).toBe("echo\0");
    });
  });
});

describeKvm("devices for tests", () => {
  test("a debug console that a guest finds, prints to, and an exit with a code", async () => {
    // in al, 0xe9; out 0xe9, al; mov al, 'A'; out 0xe9, al; mov ax, 0x1234; out 0xf4, ax; hlt
    const code = [0xe4, 0xe9, 0xe6, 0xe9, 0xb0, 0x41, 0xe6, 0xe9, 0xb8, 0x34, 0x12, 0xe7, 0xf4, 0xf4];
    const bytes: number[] = [];
    using machine = await boot(realMode(...code));
    const devices = [debugConsole({ output: (byte) => bytes.push(byte) }), exitDevice()];
    expect([...machine.run({ devices })]).toEqual([{ kind: "guest-exit", device: "exit device", code: 0x1234 }]);
    expect(bytes).toEqual([0xe9, 0x41]);
    expect([...machine.run({ devices })]).toEqual([{ kind: "hlt" }]);
  });

  test("a debug console keeps its text", async () => {
    const console = debugConsole({ at: 0x10 });
    const { exits } = await runWith(realMode(0xb0, 0x21, 0xe6, 0x10, 0xf4), [console]);
    expect(exits).toEqual([{ kind: "hlt" }]);
    expect([console.output(), console.output()]).toEqual(["!", ""]);
  });
});
