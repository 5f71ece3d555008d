/** Watchpoints, on vCPUs that tell what a KVM with watchpoints tells: the KVM of the development machines has none. */
import { describe, expect, test } from "vitest";
import { DebugEntry, type DebuggedVcpu } from "../../../src/kvm/debug/debug-entry.ts";
import type { Breakpoint, DebugPoint, Watchpoint } from "../../../src/kvm/debug/debug-point.ts";
import { DebugSlots } from "../../../src/kvm/debug/debug-slots.ts";
import type { Sight } from "../../../src/kvm/debug/guest-code.ts";
import { boot, guestDebugFlags, type DebugExit, type Exit, type GuestDebug } from "../../../src/kvm/index.ts";
import { seedRealMode } from "../images.ts";
import { describePvm } from "../require-kvm.ts";

const { KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_HW_BP } = guestDebugFlags;

const breakpoint: Breakpoint = { kind: "breakpoint", id: 1, address: 0x10n, symbol: undefined };
const watchpoint: Watchpoint = { kind: "watchpoint", id: 2, address: 0x20n, size: 4, on: "write" };

/** #DB with these bits of DR6, beside those that are always 1. */
const debugExit = (pc: bigint, bits: bigint): DebugExit => ({
  ...{ kind: "debug", exception: 1, pc, hits: [], isStep: (bits & 0x4000n) !== 0n },
  ...{ dr6: 0xffff_0ff0n | bits, dr7: 0n },
});

/** A vCPU whose guest stands at 0x10, and exits in this order. */
function scripted(exits: readonly Exit[]): { readonly vcpu: DebuggedVcpu; readonly asked: GuestDebug[] } {
  const left = [...exits];
  const asked: GuestDebug[] = [];
  const vcpu: DebuggedVcpu = {
    isIncomplete: false,
    enter: () => true,
    exit: () => left.shift()!,
    complete: () => undefined,
    setGuestDebug: (debug) => void asked.push(debug),
  };
  return { vcpu, asked };
}

const sight = { location: { linear: 0x10n }, instruction: undefined } as Sight;

/** The way into the guest, with these points. */
function entryWith(vcpu: DebuggedVcpu, ...points: readonly DebugPoint[]): DebugEntry {
  const slots = new DebugSlots();
  const entry = new DebugEntry(vcpu, slots, () => sight);
  for (const point of points) slots.add(point);
  entry.pointsChanged();
  return entry;
}

const next = (entry: DebugEntry): Exit => {
  expect(entry.enter()).toBe(true);
  return entry.exit();
};

describe("going on", () => {
  test("a watchpoint that is hit is told", () => {
    const { vcpu, asked } = scripted([debugExit(0x30n, 2n), { kind: "hlt" }]);
    const entry = entryWith(vcpu, breakpoint, watchpoint);
    expect(next(entry)).toMatchObject({ kind: "debug", hits: [watchpoint], isStep: false });
    expect(next(entry)).toEqual({ kind: "hlt" });
    // DR7: both enabled, the second for four bytes that are written.
    expect(asked.at(-1)).toEqual({
      control: KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
      debugreg: [0x10n, 0x20n, 0n, 0n, 0n, 0n, 0n, 0xd0_0705n],
    });
  });

  test("from a breakpoint steps with the watchpoints alone, and tells of one that is hit", () => {
    const { vcpu, asked } = scripted([debugExit(0x10n, 1n), debugExit(0x13n, 0x4002n), { kind: "hlt" }]);
    const entry = entryWith(vcpu, breakpoint, watchpoint);
    asked.length = 0;
    expect(next(entry)).toMatchObject({ hits: [breakpoint] });
    expect(next(entry)).toMatchObject({ hits: [watchpoint], isStep: false, pc: 0x13n, dr6: 0xffff_0ff2n });
    const both = { control: KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
    const watching = [0n, 0x20n, 0n, 0n, 0n, 0n, 0n, 0xd0_0704n];
    expect(asked).toEqual([
      { control: KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP, debugreg: watching },
      { ...both, debugreg: [0x10n, 0x20n, 0n, 0n, 0n, 0n, 0n, 0xd0_0705n] },
    ]);
  });

  test("from a breakpoint that hits nothing is not told at all", () => {
    const { vcpu } = scripted([debugExit(0x10n, 1n), debugExit(0x13n, 0x4000n), { kind: "hlt" }]);
    const entry = entryWith(vcpu, breakpoint);
    expect(next(entry)).toMatchObject({ hits: [breakpoint] });
    expect(next(entry)).toEqual({ kind: "hlt" });
  });
});

describePvm("watchpoints", () => {
  test("on a KVM that has none are refused, with what the probe found", async () => {
    using machine = await boot(seedRealMode());
    const debug = await machine.debug();
    expect(() => debug.watch(0x2000n)).toThrow(
      expect.objectContaining({
        code: "NOT_SUPPORTED",
        value: debug.support,
        message:
          "this KVM (pvm) has no watchpoints at privilege level 0 or 3\n" +
          "  hint: a probe guest found out that it has single steps and breakpoints at level 0, nothing of debugging at level 3",
      }),
    );
  });
});
