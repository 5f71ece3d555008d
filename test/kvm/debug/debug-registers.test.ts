/** What the debug registers are given, tried on QEMU's software CPU: a guest in real mode that sets them itself. */
import { assembleText } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import {
  debugRegisters,
  hitPoints,
  type DebugPoint,
  type DebugSlots,
  type Watchpoint,
} from "../../../src/kvm/debug/debug-point.ts";
import { doneCode, entryPoint, noQemu, runInQemu } from "../../paging/qemu.ts";

const watched = 0x2000n;
/** Where the guest notes what DR6 was, four bytes a case. */
const resultsAt = 0x3000;

const watchpoint = (size: Watchpoint["size"], on: Watchpoint["on"]): Watchpoint => ({
  kind: "watchpoint",
  id: 1,
  address: watched,
  size,
  on,
});

type Access = "read" | "write";
type Case = readonly [point: DebugPoint, access: Access, at: bigint, isHit: boolean];

const sizes = [1, 2, 4, 8] as const;
const cases: readonly Case[] = [
  ...sizes.flatMap((size): Case[] => [
    [watchpoint(size, "write"), "write", watched, true],
    [watchpoint(size, "write"), "write", watched + BigInt(size) - 1n, true],
    [watchpoint(size, "write"), "write", watched + BigInt(size), false],
    [watchpoint(size, "write"), "write", watched - 1n, false],
    [watchpoint(size, "write"), "read", watched, false],
    [watchpoint(size, "read-write"), "read", watched, true],
    [watchpoint(size, "read-write"), "write", watched + BigInt(size) - 1n, true],
    [watchpoint(size, "read-write"), "read", watched + BigInt(size), false],
  ]),
];

/** In which of DR0 to DR3 a case's point is. */
const slotOf = (index: number): number => index % 4;
const slotsOf = (point: DebugPoint, slot: number): DebugSlots =>
  [0, 1, 2, 3].map((each) => (each === slot ? point : undefined));

const setDebugRegisters = (registers: readonly bigint[]): string =>
  [
    "xor eax, eax; mov dr6, eax",
    ...[0, 1, 2, 3, 7].map((register) => `mov eax, ${registers[register]}; mov dr${register}, eax`),
  ].join("; ");
const note = (index: number): string =>
  `xor eax, eax; mov dr7, eax; mov eax, dr6; mov dword ptr [${resultsAt + 4 * index}], eax`;
const accesses: Readonly<Record<Access, (at: bigint) => string>> = {
  read: (at) => `mov bl, byte ptr [${at}]`,
  write: (at) => `mov byte ptr [${at}], bl`,
};

/** The handler of #DB, vector 1 of the table at 0, takes the breakpoints away and goes back. */
const handler = "handler: push eax; xor eax, eax; mov dr7, eax; pop eax; iret";
const guestOf = (trials: readonly string[]): string =>
  [
    "mov sp, 0x7000; mov word ptr [4], offset handler; mov word ptr [6], 0",
    ...trials,
    `mov al, ${doneCode}; out 0xf4, al`,
    handler,
  ].join("\n");

async function runTrials(text: string, count: number): Promise<readonly number[]> {
  const { bytes } = await assembleText(16, text, { origin: entryPoint });
  const found = await runInQemu([{ at: BigInt(entryPoint), bytes }], { at: resultsAt, size: 4 * count });
  return Array.from({ length: count }, (_, index) => new DataView(found.buffer).getUint32(4 * index, true));
}

describe.skipIf(noQemu !== undefined)("debug registers on a CPU", () => {
  test("watchpoints of each size watch their bytes and no others, for their accesses and no others", async () => {
    const trials = cases.map(([point, access, at], index) =>
      [setDebugRegisters(debugRegisters(slotsOf(point, slotOf(index)))), accesses[access](at), note(index)].join("; "),
    );
    const found = await runTrials(guestOf(trials), cases.length);
    const hits = found.map(
      (dr6, index) => hitPoints(slotsOf(cases[index]![0], slotOf(index)), BigInt(dr6)).length === 1,
    );
    expect(hits).toEqual(cases.map(([, , , isHit]) => isHit));
  });

  test("four breakpoints at once, each hit before its instruction", async () => {
    const places = [0, 1, 2, 3];
    // A breakpoint's address must be known before the guest is assembled: the instructions stand behind each other.
    const target = 0x9000n;
    const slots = places.map((id): DebugPoint => ({
      kind: "breakpoint",
      id,
      address: target + BigInt(id),
      symbol: undefined,
    }));
    const trials = places.map((id) =>
      [setDebugRegisters(debugRegisters(slots)), `mov bx, ${target + BigInt(id)}; call bx`, note(id)].join("; "),
    );
    const text = `${guestOf(trials)}\n.org ${Number(target) - entryPoint}\nret; ret; ret; ret`;
    const found = await runTrials(text, places.length);
    expect(found.map((dr6) => hitPoints(slots, BigInt(dr6)).map(({ id }) => id))).toEqual([[0], [1], [2], [3]]);
  });
});

describe("debug registers", () => {
  test("with nothing in them", () => {
    // GE, LE and the bit that is always 1.
    expect(debugRegisters([])).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0x700n]);
  });

  test("bits of DR6 for what is not set mean nothing", () => {
    const point = watchpoint(1, "write");
    expect(hitPoints([undefined, point, undefined, undefined], 0xffff_0fffn)).toEqual([point]);
    expect(hitPoints([undefined, point, undefined, undefined], 0xffff_0ffdn)).toEqual([]);
  });
});
