/** What the host's KVM can do, and what of symbols becomes addresses. */
import { describe, expect, test } from "vitest";
import { symbolAddress } from "../../../src/kvm/debug/symbols.ts";
import { kvmKind, probeDebugging } from "../../../src/kvm/index.ts";
import type { ImageProgram } from "../../../src/layout/image.ts";
import { longModeCpu, realModeCpu } from "../images.ts";
import { describeKvm, describePvm } from "../require-kvm.ts";
import { resources } from "../resources.ts";

describeKvm("the probe", () => {
  test("finds out the same each time, and leaves nothing behind", async () => {
    const before = resources();
    const support = await probeDebugging();
    expect(support.kind).toBe(kvmKind());
    expect(await probeDebugging()).toBe(support);
    expect(await probeDebugging({ device: "/dev/kvm" })).toEqual(support);
    expect(resources()).toEqual(before);
  });

  test("says what there is no KVM for as opening it does, and asks again the next time", async () => {
    for (let time = 0; time < 2; time++) {
      await expect(probeDebugging({ device: "/dev/null" })).rejects.toMatchObject({ code: "NOT_KVM" });
    }
  });
});

describePvm("the probe on the KVM without virtualisation hardware", () => {
  test("finds single steps and breakpoints at level 0 alone", async () => {
    expect(await probeDebugging()).toEqual({
      kind: "pvm",
      supervisor: { singleStep: true, breakpoints: true, watchpoints: false },
      user: { singleStep: false, breakpoints: false, watchpoints: false },
    });
  });
});

const program = (name: string, mode: 16 | 64, labels: Readonly<Record<string, bigint>>): ImageProgram => ({
  ...{ name, mode, origin: 0x100n, phys: 0x4000n, size: 0x10, sections: [], labels, listing: [] },
});

describe("symbols", () => {
  const programs = [
    program("boot", 16, { start: 0x100n, loop: 0x104n }),
    program("main", 64, { loop: 0x200n, end: 0x20fn }),
  ];
  const cs = { ...realModeCpu.segments.cs, base: 0x1000n };
  const real = { programs, cpu: { ...realModeCpu, segments: { ...realModeCpu.segments, cs } } };

  test.each([
    ["boot", 0x1100n],
    ["start", 0x1100n],
    ["boot.loop", 0x1104n],
    // 64-bit code is no code of the size that the guest starts in: a flat segment reaches it.
    ["main", 0x100n],
    ["main.loop", 0x200n],
    ["end", 0x20fn],
    ["place.main", 0x100n],
    ["place.boot.loop", 0x1104n],
  ])("%s", (symbol, address) => expect(symbolAddress(real, symbol)).toBe(address));

  test("of one place under two names are not ambiguous", () => {
    const same = [program("one", 64, { one: 0x100n })];
    expect(symbolAddress({ programs: same, cpu: longModeCpu }, "one")).toBe(0x100n);
  });

  const refusal = (symbols: Parameters<typeof symbolAddress>[0], symbol: unknown): unknown => {
    try {
      return symbolAddress(symbols, symbol as string);
    } catch (error) {
      return (error as Error).message;
    }
  };

  test("of several places", () => {
    expect(refusal(real, "loop")).toBe('"loop" has several places\n  hint: name one of them: boot.loop, main.loop');
  });

  test("that are not there", () => {
    expect(refusal({ programs: [], cpu: longModeCpu }, "x")).toBe(
      'no program or label is named "x"\n  hint: there is none: the image has no programs',
    );
    const labels = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`l${index}`, BigInt(index)]));
    expect(refusal({ programs: [program("p", 64, labels)], cpu: longModeCpu }, "x")).toMatch(
      /\n {2}hint: there is p, p\.l0, .*, p\.l10 and 9 more$/,
    );
  });
});
