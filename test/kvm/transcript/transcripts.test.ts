/** What a transcript says is the same however the run was made, and a replay finds the first thing that is otherwise. */
import {
  al,
  boot,
  byte,
  code16,
  code64,
  debugConsole,
  dx,
  ecx,
  exitDevice,
  layout,
  locationToText,
  mem,
  rax,
  rcx,
  rdi,
  rsi,
  rip,
  type Device,
  type Exit,
  type Image,
  type Machine,
} from "guestwright";
import {
  record,
  replay,
  replayStream,
  transcribe,
  transcribeStream,
  transcriptFromJson,
  transcriptToJson,
  transcriptToText,
  type AnswerableExit,
  type Timing,
  type Transcript,
} from "guestwright/kvm";
import { describe, expect, test } from "vitest";
import { image as longMode } from "../../../examples/long-mode.ts";
import type { Loose } from "../../layout/descriptions.ts";
import { describeKvm } from "../require-kvm.ts";

function longImage(code: Loose): Promise<Image> {
  return layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "64KiB" }, uart: { kind: "mmio", at: 0x4_0000, size: "4KiB" } },
    paging: {
      tables: 0x0,
      map: {
        text: { virt: 0x0, phys: 0x8000, size: "4KiB", access: "rx" },
        data: { virt: 0x1000, phys: 0x9000, size: "4KiB", access: "rw" },
        uart: { virt: 0x2000, phys: 0x4_0000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    place: { guest: { code, in: "text" } },
  }).build();
}

/** Reads a byte, adds what memory that is none says, and writes the sum and a line, byte by byte. */
const echo = code64()
  .in(al, 0x20)
  .add(al, byte(0x2004))
  .mov(byte(0x2000), al)
  .out(0x10, al)
  .lea(rsi, rip("line"))
  .mov(rcx, 3)
  .mov(dx, 0xe9)
  .label("loop")
  .mov(al, byte(rsi))
  .out(dx, al)
  .inc(rsi)
  .dec(rcx)
  .jnz("loop")
  .hlt()
  .label("line")
  .ascii("Hi\n");

const answers = (exit: AnswerableExit): void => {
  if (exit.kind === "io-in") exit.data.fill(0x40);
  if (exit.kind === "mmio-read") exit.data.fill(0x02);
};

const echoText = `\
io-in port 0x20: 0x40
mmio-read 0x40004 (uart+0x4): 0x02
mmio-write 0x40000 (uart): 0x42
io-out port 0x10: "B"
io-out port 0xe9: "Hi\\n"
hlt

at guest:loop+0xb
  rip 0x30
  rax 0xa
  rdx 0xe9
  rsi 0x33
  rflags 0x46 ZF PF`;

describeKvm("a transcript", () => {
  test("has exits with their payloads and answers, names, and the registers at the end", async () => {
    const image = await longImage(echo);
    using machine = await boot(image);
    expect(transcriptToText(transcribe(machine, { answer: answers }))).toBe(echoText);
  });

  test.each<[string, (machine: Machine) => Transcript | Promise<Transcript>]>([
    ["beside the event loop", (machine) => transcribeStream(machine, { answer: answers })],
    [
      "beside the event loop, answered later",
      (machine) =>
        transcribeStream(machine, {
          answer: async (exit) => {
            await new Promise((resolve) => setTimeout(resolve, 1));
            answers(exit);
          },
        }),
    ],
    [
      "with coalesced ports",
      (machine) => {
        machine.vm.registerCoalescedMmio({ addr: 0xe9n, size: 1, pio: true });
        return transcribe(machine, { answer: answers });
      },
    ],
    [
      "with a coalesced address",
      (machine) => {
        machine.vm.registerCoalescedMmio({ addr: 0x4_0000n, size: 4 });
        return transcribe(machine, { answer: answers });
      },
    ],
    [
      "with devices",
      (machine) => {
        const clock: Device = { name: "clock", ports: { at: 0x20, size: 1 }, read: { u8: () => 0x40 } };
        const uart: Device = {
          name: "uart",
          mmio: { at: 0x4_0000n, size: 8 },
          read: { u8: () => 2 },
          write: { u8: () => undefined },
        };
        return transcribe(machine, { devices: [debugConsole(), clock, uart] });
      },
    ],
    [
      "with devices that answer later",
      (machine) => {
        const clock: Device<"async"> = {
          name: "clock",
          ports: { at: 0x20, size: 1 },
          read: { u8: () => Promise.resolve(0x40) },
        };
        return transcribeStream(machine, { devices: [clock], answer: answers });
      },
    ],
    [
      "in several runs, left and taken up again",
      (machine) => {
        const recorder = record(machine);
        for (let over = false; !over;) {
          for (const exit of recorder.run()) {
            over = exit.kind === "hlt";
            if (exit.kind === "io-in" || exit.kind === "mmio-read") answers(exit);
            break;
          }
        }
        return recorder.transcript();
      },
    ],
  ])("is the same %s", async (_, run) => {
    const image = await longImage(echo);
    using machine = await boot(image);
    expect(transcriptToText(await run(machine))).toBe(echoText);
  });

  test("joins what string instructions read and write, and lines are rows", async () => {
    const image = await longImage(
      code64()
        .mov(rdi, 0x1000)
        .mov(rcx, 20)
        .mov(dx, 0x20)
        .rep.insb()
        .lea(rsi, rip("lines"))
        .mov(rcx, 12)
        .mov(dx, 0xe9)
        .rep.outsb()
        .mov(rsi, 0x1000)
        .mov(rcx, 2)
        .rep.outsd()
        .hlt()
        .label("lines")
        .asciz("one\ntwo\nsix"),
    );
    using machine = await boot(image);
    const { exits } = transcribe(machine, {
      answer: (exit) => {
        if (exit.kind === "io-in") exit.data.forEach((_, i) => (exit.data[i] = 0xa0));
      },
    });
    expect(transcriptToText({ exits, end: undefined })).toBe(`\
io-in port 0x20, 20 bytes
  0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0 0xa0
  0xa0 0xa0 0xa0 0xa0
io-out port 0xe9, 12 bytes
  "one\\n"
  "two\\n"
  "six\\0"
io-out port 0xe9: 0xa0a0a0a0 0xa0a0a0a0
hlt`);
  });

  test("has the places of instructions where these are asked for", async () => {
    const image = await longImage(
      code64()
        .label("first")
        .in(al, 0x20)
        .label("second")
        .mov(byte(0x2000), al)
        .out(0x10, al)
        .label("third")
        .mov(rdi, 0x2000)
        .mov(rcx, 2)
        .rep.stosb()
        .label("fourth")
        .mov(al, byte(0x2004))
        .hlt(),
    );
    using machine = await boot(image);
    const { exits } = transcribe(machine, { places: true });
    expect(transcriptToText({ exits, end: undefined })).toBe(`\
io-in port 0x20 at guest:first: 0x00
mmio-write 0x40000 (uart) at guest:second: 0x00
io-out port 0x10 at guest:second+0x7: 0x00
mmio-write 0x40000 (uart) at guest:third+0xe: 0x00
mmio-write 0x40001 (uart+0x1) at guest:third+0xe: 0x00
mmio-read 0x40004 (uart+0x4) at guest:fourth: 0x00
hlt at guest:fourth+0x7`);
  });

  test("ends at the instruction of the last exit, not at the label behind it, however often it is asked for", async () => {
    const image = await longImage(code64().label("boom").nop().hlt().label("other").in(al, 0x20).label("after").hlt());
    using machine = await boot(image);
    const recorder = record(machine);
    for (const exit of recorder.run()) expect(locationToText(machine.where(exit))).toMatch(/^guest:boom\+0x1 /);
    expect(recorder.transcript().end).toMatchObject({ where: "guest:boom+0x1", registers: { rip: 2n } });
    for (const { kind } of recorder.run()) if (kind === "io-in") break;
    for (const _ of [1, 2]) {
      expect(recorder.transcript().end).toMatchObject({ where: "guest:other", registers: { rip: 4n } });
    }
  });

  test("ends with what a device made of it", async () => {
    const image = await longImage(code64().mov(al, 3).out(0xf4, al).hlt());
    using machine = await boot(image);
    expect(transcriptToText(transcribe(machine, { devices: [exitDevice()] }))).toBe(`\
io-out port 0xf4: 0x03
guest-exit: device exit device, code 0x3

at guest+0x2
  rip 0x4
  rax 0x3
  rflags 0x2`);
  });

  test.each<readonly [how: string, device: Device<Timing>]>([
    ["a port", { name: "end", ports: { at: 0xf4, size: 1 }, write: { u8: () => ({ end: 1 }) } }],
    ["a port, later", { name: "end", ports: { at: 0xf4, size: 1 }, write: { u8: () => Promise.resolve({ end: 1 }) } }],
    ["memory", { name: "end", mmio: { at: 0x4_0000n, size: 1 }, write: { u8: () => ({ end: 1 }) } }],
  ])("has a device's end where the guest asked for it: %s", async (how, device) => {
    const asks = how === "memory" ? code64().mov(byte(0x2000), al) : code64().out(0xf4, al);
    using machine = await boot(await longImage(code64().nop().label("ask").use(asks).label("after").hlt()));
    const recorder = record(machine, { places: true });
    const places: string[] = [];
    for await (const exit of recorder.stream({ devices: [device] })) {
      expect(exit.kind).toBe("guest-exit");
      places.push(locationToText({ ...machine.where(exit), source: undefined }));
    }
    const { exits, end } = recorder.transcript();
    expect([...places, ...exits.map(({ where }) => where), end?.where]).toEqual(Array(4).fill("guest:ask"));
  });

  test("has no registers where two hosts need not agree on them: after a shutdown, a deadline, a limit", async () => {
    const image = await longImage(code64().mov(rax, mem(0x7000)));
    using fallen = await boot(image);
    expect(transcribe(fallen)).toEqual({ exits: [{ kind: "shutdown" }], end: undefined });
    const endless = await longImage(code64().label("again").out(0x10, al).jmp("again"));
    using limited = await boot(endless);
    expect(transcribe(limited, { maxExits: 5 })).toEqual({
      exits: [{ kind: "io-out", port: 0x10, size: 1, data: new Uint8Array(5) }, { kind: "exit-limit" }],
      end: undefined,
    });
    const spinning = await longImage(code64().label("spin").jmp("spin"));
    using late = await boot(spinning);
    expect(transcribe(late, { timeout: "20ms" })).toEqual({ exits: [{ kind: "timeout" }], end: undefined });
  });

  test("of a guest without programs has no places", async () => {
    const { memory, chunks, cpu } = await longImage(code64().hlt());
    using machine = await boot({ memory, chunks, cpu });
    expect(transcriptToText(transcribe(machine, { places: true }))).toBe("hlt\n\nat the end\n  rip 0x1\n  rflags 0x2");
  });

  test("goes through JSON without loss", async () => {
    const image = await longImage(echo);
    using machine = await boot(image);
    const transcript = transcribe(machine, { answer: answers });
    const json = transcriptToJson(transcript);
    expect(transcriptFromJson(json)).toEqual(transcript);
    expect(transcriptToJson(transcriptFromJson(json))).toBe(json);
  });
});

describeKvm("a replay", () => {
  const recorded = async (): Promise<Transcript> => {
    using machine = await boot(await longImage(echo));
    return transcribe(machine, { answer: answers });
  };
  const message = async (code: Loose, transcript: Transcript): Promise<string | undefined> => {
    using machine = await boot(await longImage(code));
    return replay(machine, transcript, { timeout: "500ms" }).difference?.message;
  };

  test("answers as the recorded run was answered, and finds nothing", async () => {
    const transcript = await recorded();
    const image = await longImage(echo);
    using first = await boot(image);
    expect(replay(first, transcript)).toEqual({ matches: true, difference: undefined });
    using second = await boot(image);
    second.vm.registerCoalescedMmio({ addr: 0xe9n, size: 1, pio: true });
    expect(await replayStream(second, transcript)).toEqual({ matches: true, difference: undefined });
  });

  test("of an example, whose reads come from string instructions", async () => {
    using machine = await boot(longMode);
    const transcript = transcribe(machine, { answer: (exit) => exit.kind === "io-in" && exit.data.fill(0x55) });
    using again = await boot(longMode);
    expect(replay(again, transcript).matches).toBe(true);
    expect(again.readMemory(0x4083n, 1)).toEqual(Uint8Array.of(0x55));
  });

  test("says where the guest did something else", async () => {
    const transcript = await recorded();
    const changed = await longImage(code64().label("start").in(al, 0x20).label("changed").out(0x80, al).hlt());
    using machine = await boot(changed);
    const { difference } = replay(machine, transcript);
    expect(difference?.where).toMatch(/^guest:changed \(test\/kvm\/transcript\/transcripts\.test\.ts:\d+\)$/);
    using beside = await boot(changed);
    expect((await replayStream(beside, transcript)).difference).toEqual(difference);
  });

  test("goes on over what was the host's doing: a limit, a device that ended the run", async () => {
    const code = code64().out(0x10, al).mov(al, 1).out(0xf4, al).in(al, 0x20).hlt();
    using machine = await boot(await longImage(code));
    const recorder = record(machine);
    const kinds: Exit["kind"][] = [];
    for (const exit of recorder.run({ maxExits: 1 })) kinds.push(exit.kind);
    for (const exit of recorder.run({ devices: [exitDevice()] })) kinds.push(exit.kind);
    for (const exit of recorder.run()) if (exit.kind === "io-in") exit.data[0] = 7;
    expect(kinds).toEqual(["io-out", "exit-limit", "guest-exit"]);
    const transcript = recorder.transcript();
    expect(transcript.exits.map(({ kind }) => kind)).toEqual([
      ...["io-out", "exit-limit", "io-out", "guest-exit", "io-in", "hlt"],
    ]);
    expect(await message(code, transcript)).toBeUndefined();
  });

  test.each<[string, Loose, string]>([
    ["another exit", code64().in(al, 0x20).hlt(), "exit 1: expected mmio-read 0x40004 (uart+0x4): 0x02, got hlt"],
    ["another port", code64().in(al, 0x21), "exit 0: expected io-in port 0x20: 0x40, got io-in port 0x21: 0x00"],
    [
      "another address",
      code64().in(al, 0x20).add(al, byte(0x2005)),
      "exit 1: expected mmio-read 0x40004 (uart+0x4): 0x02, got mmio-read 0x40005: 0x00",
    ],
    [
      "another value",
      code64().in(al, 0x20).add(al, byte(0x2004)).inc(al).mov(byte(0x2000), al),
      "exit 2: expected mmio-write 0x40000 (uart): 0x42, got mmio-write 0x40000: 0x43",
    ],
    [
      "a guest that does not get there",
      code64().in(al, 0x20).label("spin").jmp("spin"),
      "exit 1: expected mmio-read 0x40004 (uart+0x4): 0x02, got timeout",
    ],
  ])("tells of %s", async (_, code, text) => {
    expect(await message(code, await recorded())).toBe(text);
  });

  test("tells of text that is otherwise, of more than there was, of less, and of other registers at the end", async () => {
    const print = (text: string, end: Loose = code64().hlt()): Loose =>
      code64().mov(ecx, text.length).lea(rsi, rip("text")).mov(dx, 0xe9).rep.outsb().use(end).label("text").ascii(text);
    using machine = await boot(await longImage(print("Hello")));
    const transcript = transcribe(machine);
    expect(await message(print("Hallo"), transcript)).toBe(
      'exit 0: expected io-out port 0xe9: "Hello", but byte 1 is 0x61, not 0x65',
    );
    expect(await message(print("Hello!"), transcript)).toBe('exit 1: expected hlt, got io-out port 0xe9: "!"');
    expect(await message(print("Hell"), transcript)).toBe(
      'exit 0: expected io-out port 0xe9: "Hello", got hlt after 4 of its bytes',
    );
    expect(await message(print("Hello", code64().mov(rax, 5).hlt()), transcript)).toBe(
      "at the end: expected rax 0x0, got 0x5; rsi 0x18, got 0x1f; rip 0x13, got 0x1a",
    );
  });
});

describe("text that is no transcript", () => {
  const withExit = (exit: string): string =>
    `{"format":"guestwright transcript","version":1,"transcript":{"exits":[${exit}],"end":"$undefined"}}`;

  test.each([
    ["{", 'the text: expected JSON, got "{"'],
    ["1", "the text: expected an object, got 1"],
    ["{}", 'format: expected "guestwright transcript", got nothing'],
    ['{"format":"guestwright transcript","version":2}', "version: expected 1, got 2"],
    [
      '{"format":"guestwright transcript","version":1,"transcript":{}}',
      "transcript.exits: expected an array, got nothing",
    ],
    [withExit("7"), "transcript.exits[0]: expected an object, got 7"],
    [withExit('{"kind":"toString"}'), 'transcript.exits[0].kind: expected a kind of exit, got "toString"'],
    [withExit('{"kind":"io-in","port":-1}'), "transcript.exits[0].port: expected a whole number, got -1"],
    [withExit('{"kind":"io-in","port":1,"size":1,"data":"xx"}'), 'transcript.exits[0].data: expected bytes, got "xx"'],
    [withExit('{"kind":"rdmsr","index":1,"data":1}'), "transcript.exits[0].data: expected a bigint, got 1"],
    [
      withExit('{"kind":"rdmsr","index":1,"data":"$bigint:0x1"}'),
      "transcript.exits[0].error: expected true or false, got nothing",
    ],
    [
      withExit('{"kind":"tdx","flags":"$bigint:0x1","number":"$bigint:0x1","data":[1]}'),
      "transcript.exits[0].data: expected bigints, got an array",
    ],
    [withExit('{"kind":"guest-exit","device":1}'), "transcript.exits[0].device: expected a string, got 1"],
    [
      withExit('{"kind":"internal-error","suberror":1,"name":1}'),
      "transcript.exits[0].name: expected a string or nothing, got 1",
    ],
    [
      withExit('{"kind":"internal-error","suberror":1,"name":"$undefined","instruction":1}'),
      "transcript.exits[0].instruction: expected bytes or nothing, got 1",
    ],
    [
      '{"format":"guestwright transcript","version":1,"transcript":{"exits":[],"end":{"registers":{"rax":1}}}}',
      "transcript.end.registers.rax: expected a bigint, got 1",
    ],
  ])("%s", (json, text) => {
    expect(() => transcriptFromJson(json)).toThrow(
      expect.objectContaining({ name: "KvmError", code: "BAD_ARGUMENT", message: text }),
    );
  });
});

describeKvm("model-specific registers", () => {
  test("are recorded by name, with the answer, and answered again", async () => {
    const image = await longImage(code64().mov(ecx, 0x174).rdmsr().wrmsr().hlt());
    const open = async (): Promise<Machine> => {
      const machine = await boot(image);
      machine.vm.enableCap("KVM_CAP_X86_USER_SPACE_MSR", [4n]);
      machine.vm.setMsrFilter("allow", [{ access: "both", base: "IA32_SYSENTER_CS", allowed: [false] }]);
      return machine;
    };
    using machine = await open();
    const transcript = transcribe(machine, {
      answer: (exit) => {
        if (exit.kind === "rdmsr") exit.data = 0x1234n;
      },
    });
    expect(transcriptToText({ ...transcript, end: undefined })).toBe(
      "rdmsr 0x174 (IA32_SYSENTER_CS): 0x1234\nwrmsr 0x174 (IA32_SYSENTER_CS): 0x1234\nhlt",
    );
    using again = await open();
    expect(replay(again, transcript).matches).toBe(true);
  });
});

describeKvm("in real mode", () => {
  test("places are by address in memory", async () => {
    const image = await layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      cpu: { segments: { cs: 0x100 } },
      place: { guest: { code: code16().nop().out(0x10, al).hlt(), in: "ram", offset: 0x1000 } },
    } as Loose).build();
    using machine = await boot(image);
    expect(transcriptToText(transcribe(machine, { places: true }))).toContain(
      "io-out port 0x10 at guest+0x1: 0x00\nhlt at guest+0x3\n",
    );
  });
});
