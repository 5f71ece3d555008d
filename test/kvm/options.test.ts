/** What authors are told whom no types help: options and devices that are none. */
import { expect, test } from "vitest";
import {
  boot,
  bootSmp,
  debugConsole,
  recordSmp,
  replay,
  serialPort,
  transcribe,
  transcriptToJson,
  transcriptToText,
  type Machine,
} from "../../src/kvm/index.ts";
import { counting } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

type Loose = (...values: unknown[]) => unknown;
/** A function as authors without types see it. */
const loose = (value: unknown): Loose => value as Loose;

const refused = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

const transcriptHint = "\n  hint: a transcript is what transcribe(machine) and transcriptFromJson(text) give";
const runHint = "it has timeout, maxExits, includeHandled and devices";

test.each<[string, () => unknown, string]>([
  [
    "debugConsole",
    () => loose(debugConsole)({ port: 0xe9 }),
    'debugConsole has no option "port"\n  hint: it has at and output',
  ],
  [
    "serialPort",
    () => loose(serialPort)(0x3f8),
    "the options of serialPort are an object, got 1016\n  hint: it has at and output",
  ],
])("%s", (_, call, message) => {
  expect(call).toThrow(refused(message));
});

test.each<[string, () => Promise<unknown>, string]>([
  [
    "boot",
    () => boot(counting, { devise: "/dev/kvm" } as never),
    'boot has no option "devise"\n  hint: did you mean device?',
  ],
  [
    "bootSmp",
    () => bootSmp(counting, { cpus: 2 } as never),
    'bootSmp has no option "cpus"\n  hint: did you mean vcpus?',
  ],
])("%s", async (_, call, message) => {
  await expect(call).rejects.toThrow(refused(message));
});

test.each<[string, () => unknown, string]>([
  [
    "transcribe",
    () => loose(transcribe)(Promise.resolve()),
    "a recording takes a machine, got an object\n  hint: await boot(image) gives one",
  ],
  [
    "recordSmp",
    () => loose(recordSmp)(counting),
    "a recording takes a machine, got an object\n  hint: await boot(image) gives one",
  ],
  [
    "replay without a machine",
    () => loose(replay)(undefined, { exits: [], end: undefined }),
    "a replay takes a machine, got nothing\n  hint: await boot(image) gives one",
  ],
  ["replay", () => loose(replay)({}, {}), `a replay takes a transcript, got an object${transcriptHint}`],
  [
    "transcriptToText",
    () => loose(transcriptToText)("hlt"),
    `transcriptToText takes a transcript, got "hlt"${transcriptHint}`,
  ],
  [
    "transcriptToJson",
    () => loose(transcriptToJson)(null),
    `transcriptToJson takes a transcript, got null${transcriptHint}`,
  ],
])("%s", (_, call, message) => {
  expect(call).toThrow(refused(message));
});

describeKvm("options of a machine", () => {
  test.each<[string, (machine: Machine) => unknown, string]>([
    [
      "run",
      (machine) => machine.run({ timout: "1s" } as never),
      'run has no option "timout"\n  hint: did you mean timeout?',
    ],
    [
      "run, what stream has",
      (machine) => machine.run({ signal: undefined } as never),
      `run has no option "signal"\n  hint: ${runHint}`,
    ],
    [
      "run, no object",
      (machine) => machine.run("1s" as never),
      `the options of run are an object, got "1s"\n  hint: ${runHint}`,
    ],
    [
      "stream",
      (machine) => machine.stream({ signl: 1 } as never),
      'stream has no option "signl"\n  hint: did you mean signal?',
    ],
    [
      "transcribe",
      (machine) => transcribe(machine, { answers: 1 } as never),
      `run has no option "answers"\n  hint: ${runHint}`,
    ],
    [
      "snapshot",
      (machine) => machine.snapshot({ omits: [] } as never),
      'snapshot has no option "omits"\n  hint: did you mean omit?',
    ],
    [
      "parts of a snapshot",
      (machine) => machine.snapshot({ omit: "fpu" as never }),
      'omit is no array of parts: "fpu"',
    ],
  ])("%s", async (_, call, message) => {
    using machine = await boot(counting);
    expect(() => call(machine)).toThrow(refused(message));
  });

  test.each<[unknown, string]>([
    [0x1000, "the address is no bigint from 0 up: 4096\n  hint: write 0x1000n"],
    [-1n, "the address is no bigint from 0 up: -1n"],
    ["ram", 'the address is no bigint from 0 up: "ram"'],
  ])("an address of %o", async (at, message) => {
    using machine = await boot(counting);
    expect(() => machine.readMemory(at as bigint, 1)).toThrow(refused(message));
    expect(() => machine.writeMemory(at as bigint, Uint8Array.of(1))).toThrow(refused(message));
  });

  test("trace and watch", async () => {
    using machine = await boot(counting);
    const debug = await machine.debug();
    expect(() => debug.trace({ steps: 5 } as never)).toThrow(
      refused(`trace has no option "steps"\n  hint: ${runHint.replace(" and devices", ", devices and maxSteps")}`),
    );
    expect(() => debug.watch(0n, { sise: 4 } as never)).toThrow(
      refused('watch has no option "sise"\n  hint: did you mean size?'),
    );
  });

  test.each<[string, unknown, string]>([
    ["one alone", debugConsole(), "devices must be an array of devices; got an object"],
    ["null", [null], "devices[0] must be a device; got null"],
    ["a port for a range", [{ name: "a", ports: 0x60 }], "devices[0].ports must be a range, { at, size }; got 96"],
    [
      "no handler",
      [{ name: "a", ports: { at: 1, size: 1 }, read: { u8: 5 } }],
      "devices[0].read.u8 must be a function; got 5",
    ],
  ])("devices: %s", async (_, devices, message) => {
    using machine = await boot(counting);
    const hint = '\n  hint: a device is such as { name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => 0 } }';
    for (const run of [loose(machine.run.bind(machine)), loose(machine.stream.bind(machine))]) {
      expect(() => run({ devices })).toThrow(refused(`${message}${hint}`));
    }
  });
});
