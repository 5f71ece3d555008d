/** What KVM may change of the state that it was given, and how it is told where it changed more. */
import { describe, expect, test } from "vitest";
import { requireAccepted, stateDifferences } from "../../src/kvm/machine/accepted-state.ts";
import type { SpecialRegisters } from "../../src/kvm/calls/registers.ts";
import type { CpuState, SegmentState } from "../../src/layout/cpu-state.ts";
import { dataSegment, longModeCpu, realModeCpu } from "./images.ts";

const readBack = (state: CpuState, changes: Partial<CpuState> = {}): SpecialRegisters => ({
  ...state,
  ...changes,
  apicBase: 0xfee0_0900n,
  interruptBitmap: [0n, 0n, 0n, 0n],
});

const withSegment = (state: CpuState, name: "cs" | "ds" | "tr" | "ldt", changes: Partial<SegmentState>): CpuState => ({
  ...state,
  segments: { ...state.segments, [name]: { ...state.segments[name], ...changes } },
});

describe("no difference", () => {
  test.each<[string, CpuState, SpecialRegisters]>([
    ["nothing changed", longModeCpu, readBack(longModeCpu)],
    ["CR0.ET is always 1", { ...realModeCpu, cr0: 0n }, readBack(realModeCpu, { cr0: 0x10n })],
    ["a loaded segment is accessed", withSegment(realModeCpu, "ds", { type: 2 }), readBack(realModeCpu)],
    ["a loaded TR is busy", withSegment(longModeCpu, "tr", { type: 9 }), readBack(longModeCpu)],
    ["G is made from the limit", withSegment(realModeCpu, "ds", { g: 1 }), readBack(realModeCpu)],
    [
      "an absent segment is unusable",
      withSegment(realModeCpu, "ldt", { present: 0 }),
      readBack(withSegment(realModeCpu, "ldt", { type: 0, present: 0, limit: 0, unusable: 1 })),
    ],
  ])("%s", (_, wanted, got) => expect(stateDifferences(wanted, got)).toEqual([]));
});

describe("a difference", () => {
  test("paging outside long mode, dropped", () => {
    const wanted = { ...realModeCpu, cr0: 0x8000_0031n };
    let error: unknown;
    try {
      requireAccepted(wanted, readBack(wanted, { cr0: 0x31n }), "pvm");
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      name: "KvmError",
      code: "STATE_NOT_ACCEPTED",
      message:
        "KVM took the CPU's state but changed it: CR0 wanted 0x80000031, got 0x31 (PG cleared)\n" +
        "  hint: this KVM (pvm) has no paging outside long mode; use long mode, no paging, or a host with VT-x or SVM",
      value: [{ register: "CR0", wanted: 0x8000_0031n, got: 0x31n, cleared: ["PG"], set: [] }],
    });
  });

  test.each<[string, CpuState, SpecialRegisters]>([
    [
      "EFER wanted 0x501, got 0xd00 (SCE cleared; NXE set)",
      { ...longModeCpu, efer: 0x501n },
      readBack(longModeCpu, { efer: 0xd00n }),
    ],
    [
      "CR4 wanted 0x80000000020, got 0x20 (bit 43 cleared)",
      { ...longModeCpu, cr4: 0x800_0000_0020n },
      readBack(longModeCpu),
    ],
    ["CR3 wanted 0x1000, got 0x0", { ...longModeCpu, cr3: 0x1000n }, readBack(longModeCpu)],
    ["IDTR.limit wanted 0x3ff, got 0xffff", realModeCpu, readBack(realModeCpu, { idt: { base: 0n, limit: 0xffff } })],
    ["GDTR.base wanted 0x0, got 0x10", realModeCpu, readBack(realModeCpu, { gdt: { base: 0x10n, limit: 0xffff } })],
    ["CS.l wanted 0x1, got 0x0", longModeCpu, readBack(withSegment(longModeCpu, "cs", { l: 0 }))],
    ["DS.base wanted 0x0, got 0x100", longModeCpu, readBack(withSegment(longModeCpu, "ds", { base: 0x100n }))],
    ["LDTR.present wanted 0x1, got 0x0", longModeCpu, readBack(withSegment(longModeCpu, "ldt", { unusable: 1 }))],
    [
      "CS.type wanted 0xb, got 0x3; TR.selector wanted 0x0, got 0x28",
      longModeCpu,
      readBack(withSegment(withSegment(longModeCpu, "cs", { type: dataSegment.type }), "tr", { selector: 0x28 })),
    ],
  ])("%s", (message, wanted, got) => {
    expect(() => requireAccepted(wanted, got, "vt-x")).toThrow(
      expect.objectContaining({
        code: "STATE_NOT_ACCEPTED",
        message:
          `KVM took the CPU's state but changed it: ${message}\n  hint: this KVM (vt-x) cannot run a guest in that ` +
          "state; give it one that the CPU can have, or use another host",
      }),
    );
  });
});
