/** Coalesced zones: nothing is lost, and everything comes before the exit that came after it. */
import { describe, expect, test } from "vitest";
import { drainCoalesced } from "../../src/kvm/calls/coalesced.ts";
import { boot, debugConsole, Kvm, type Exit, type Machine } from "../../src/kvm/index.ts";
import type { RunPage } from "../../src/kvm/calls/run-page.ts";
import { counting, realMode, spinning } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

/** Whether the host has coalesced ports. */
async function hasPio(): Promise<boolean> {
  try {
    using kvm = await Kvm.open();
    return kvm.checkExtension("KVM_CAP_COALESCED_PIO") !== 0;
  } catch {
    return false;
  }
}
const pio = await hasPio();
if (!pio) process.stderr.write("skipped, this KVM has no coalesced ports\n");

const short = (exit: Exit): string => {
  if (exit.kind === "io-out") return `out ${exit.port} ${[...exit.data].join(",")}`;
  return exit.kind === "mmio-write" ? `mmio ${exit.address} ${[...exit.data].join(",")}` : exit.kind;
};

/** The bytes of all writes to the port, up to a number of them. */
function bytesOf(machine: Machine, count: number): { bytes: number[]; exits: number } {
  const bytes: number[] = [];
  let exits = 0;
  for (const exit of machine.run({ timeout: "5s" })) {
    if (exit.kind !== "io-out") break;
    bytes.push(...exit.data);
    exits++;
    if (bytes.length >= count) break;
  }
  return { bytes, exits };
}

describeKvm("a coalesced address", () => {
  test("comes before the exit after it, in order, each write by itself", async () => {
    // mov byte [0x2000], 1; mov word [0x2002], 0x0302; out 0x10, al; mov byte [0x2001], 4; hlt
    const code = [
      ...[0xc6, 0x06, 0x00, 0x20, 1, 0xc7, 0x06, 0x02, 0x20, 2, 3],
      ...[0xe6, 0x10, 0xc6, 0x06, 0x01, 0x20, 4, 0xf4],
    ];
    using machine = await boot(realMode(...code));
    machine.vm.registerCoalescedMmio({ addr: 0x2000n, size: 0x1000 });
    expect([...machine.run()].map(short)).toEqual(["mmio 8192 1", "mmio 8194 2,3", "out 16 0", "mmio 8193 4", "hlt"]);
  });

  test("is an exit again when it is taken back, and outside of the zone", async () => {
    // mov byte [0x2000], 1; mov byte [0x3000], 2; hlt
    const code = [0xc6, 0x06, 0x00, 0x20, 1, 0xc6, 0x06, 0x00, 0x30, 2, 0xf4];
    using machine = await boot(realMode(...code));
    machine.vm.registerCoalescedMmio({ addr: 0x2000n, size: 0x1000 });
    machine.vm.unregisterCoalescedMmio({ addr: 0x2000n, size: 0x1000 });
    for (const exit of machine.run()) {
      expect(exit).toMatchObject({ kind: "mmio-write", address: 0x2000n });
      expect(machine.registers().rip).toBeLessThanOrEqual(5n);
      break;
    }
  });
});

describe.skipIf(!pio)("a coalesced port", () => {
  test("joins what is written in a row, and no further", async () => {
    // out 0x10, al; out 0x10, al; out 0x11, al; out 0x10, al; out 0x10, ax; in al, 0x20; out 0x10, al; hlt
    const code = [0xe6, 0x10, 0xe6, 0x10, 0xe6, 0x11, 0xe6, 0x10, 0xe7, 0x10, 0xe4, 0x20, 0xe6, 0x10, 0xf4];
    using machine = await boot(realMode(0xb8, 0x05, 0x06, ...code));
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 2, pio: true });
    const seen: string[] = [];
    for (const exit of machine.run()) {
      if (exit.kind === "io-in") exit.data[0] = 9;
      seen.push(short(exit));
    }
    expect(seen).toEqual(["out 16 5,5", "out 17 5", "out 16 5", "out 16 5,6", "io-in", "out 16 9", "hlt"]);
  });

  test("a ring that is full, from every place in it: no byte lost, none twice", async () => {
    using machine = await boot(counting);
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    const seen: number[] = [];
    let exits = 0;
    while (seen.length < 40_000) {
      const part = bytesOf(machine, 1);
      seen.push(...part.bytes);
      exits += part.exits;
    }
    expect(seen.findIndex((byte, index) => byte !== index % 256)).toBe(-1);
    expect(exits).toBeLessThan(seen.length / 20);
  });

  test("what was written comes at the deadline, too", async () => {
    // out 0x10, al; jmp $
    using machine = await boot(realMode(0xe6, 0x10, 0xeb, 0xfe));
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    expect([...machine.run({ timeout: "20ms" })].map(short)).toEqual(["out 16 0", "timeout"]);
  });

  test("what a run that was left has not given, the next one gives", async () => {
    // out 0x10, al; out 0x11, al; in al, 0x20; hlt
    using machine = await boot(realMode(0xe6, 0x10, 0xe6, 0x11, 0xe4, 0x20, 0xf4));
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 2, pio: true });
    const seen: string[] = [];
    for (const exit of machine.run()) {
      seen.push(short(exit));
      break;
    }
    for (const exit of machine.run()) {
      seen.push(short(exit));
      if (exit.kind === "io-in") exit.data[0] = 0x42;
    }
    expect(seen).toEqual(["out 16 0", "out 17 0", "io-in", "hlt"]);
    expect(machine.registers().rax).toBe(0x42n);
  });

  test("reaches its device", async () => {
    // mov al, 'x'; mov cx, 300; out 0xe9, al; loop; hlt
    using machine = await boot(realMode(0xb0, 0x78, 0xb9, 0x2c, 0x01, 0xe6, 0xe9, 0xe2, 0xfc, 0xf4));
    machine.vm.registerCoalescedMmio({ addr: 0xe9n, size: 1, pio: true });
    const console = debugConsole();
    expect([...machine.run({ devices: [console] })]).toEqual([{ kind: "hlt" }]);
    expect(console.output()).toBe("x".repeat(300));
  });

  test("in the asynchronous stream the same", async () => {
    using machine = await boot(realMode(0xe6, 0x10, 0xe6, 0x10, 0xe6, 0x12, 0xeb, 0xfe));
    machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    const seen: string[] = [];
    for await (const exit of machine.stream({ timeout: "10ms" })) seen.push(short(exit));
    expect(seen).toEqual(["out 16 0,0", "out 18 0", "timeout"]);
  });
});

describeKvm("a zone that is none", () => {
  test.each([
    ["the zone is empty", { addr: 0n, size: 0 }],
    ["the zone's size is no whole number from 0 to 2^32 - 1: -1", { addr: 0n, size: -1 }],
    ["the zone's address is no bigint from 0 to 2^64 - 1: 16", { addr: 16, size: 1 }],
    ["the zone's ports run past 0xffff: 2 from 65535", { addr: 0xffffn, size: 2, pio: true }],
  ])("%s", async (message, zone) => {
    using machine = await boot(spinning);
    expect(() => machine.vm.registerCoalescedMmio(zone as never)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message }),
    );
  });
});

describe("the ring", () => {
  const AT = 4096;
  /** A ring as linux/kvm.h lays it out: first, last, then entries of address, length, kind and data. */
  function ring(
    first: number,
    last: number,
    entries: readonly (readonly [number, bigint, number, number, bigint])[],
  ): RunPage {
    const bytes = new Uint8Array(AT + 4096);
    const view = new DataView(bytes.buffer);
    view.setUint32(AT, first, true);
    view.setUint32(AT + 4, last, true);
    for (const [index, address, length, pio, data] of entries) {
      const at = AT + 8 + 24 * index;
      view.setBigUint64(at, address, true);
      view.setUint32(at + 8, length, true);
      view.setUint32(at + 12, pio, true);
      view.setBigUint64(at + 16, data, true);
    }
    return { bytes, view, kind: "other" };
  }

  test.each(Array.from({ length: 170 }, (_, first) => first))("full, from entry %i", (first) => {
    const indices = Array.from({ length: 169 }, (_, n) => (first + n) % 170);
    const page = ring(
      first,
      (first + 169) % 170,
      indices.map((index, n) => [index, 0x3f8n, 1, 1, BigInt(n)]),
    );
    const exits = drainCoalesced(page, AT);
    expect(exits).toEqual([
      { kind: "io-out", port: 0x3f8, size: 1, count: 169, data: Uint8Array.from({ length: 169 }, (_, n) => n) },
    ]);
    expect(drainCoalesced(page, AT)).toEqual([]);
  });

  test("of a page that has none, or makes no sense, gives nothing", () => {
    expect(drainCoalesced(ring(0, 170, []), AT)).toEqual([]);
    expect(drainCoalesced(ring(5000, 1, []), AT)).toEqual([]);
    expect(
      drainCoalesced({ bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), kind: "other" }, AT),
    ).toEqual([]);
  });
});
