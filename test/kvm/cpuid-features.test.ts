/** Features by name (SDM vol. 2A, CPUID), and a guest that asks. */
import { expect, test } from "vitest";
import { cpuidFeatures } from "../../src/kvm/calls/cpuid-features.ts";
import { boot, editCpuid, hasCpuidFeature, Kvm, type CpuidFeature } from "../../src/kvm/index.ts";
import { longMode, realModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm, kind } from "./require-kvm.ts";

const entry = (leaf: number) => ({ function: leaf, index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0 });
const leaves = [1, 7, 0x8000_0001, 0x8000_0007].map((leaf) => entry(leaf));

test("each feature is a bit of its own", () => {
  expect(new Set(Object.values(cpuidFeatures).map(String)).size).toBe(Object.keys(cpuidFeatures).length);
  for (const feature of Object.keys(cpuidFeatures) as CpuidFeature[]) {
    const edited = editCpuid(leaves, { [feature]: true });
    expect(hasCpuidFeature(leaves, feature)).toBe(false);
    expect((Object.keys(cpuidFeatures) as CpuidFeature[]).filter((each) => hasCpuidFeature(edited, each))).toEqual([
      feature,
    ]);
    expect(editCpuid(edited, { [feature]: false })).toEqual(leaves);
  }
});

test("the highest bit stays a number of 32 bits", () => {
  expect(editCpuid(leaves, { hypervisor: true })[0]!.ecx).toBe(0x8000_0000);
});

test("what is no feature, and a leaf that is not there", () => {
  expect(() => editCpuid(leaves, { toString: true } as never)).toThrow(
    expect.objectContaining({
      code: "BAD_ARGUMENT",
      message: 'no such feature of CPUID: "toString"\n  hint: write it as the manuals do: "sse4_2"',
    }),
  );
  expect(() => editCpuid([entry(1)], { nx: true })).toThrow(
    expect.objectContaining({ code: "BAD_ARGUMENT", message: "CPUID has no leaf for nx" }),
  );
  expect(hasCpuidFeature([], "nx")).toBe(false);
});

// The KVM without virtualisation hardware lets other bits of the host's CPUID through, whatever it is given.
describeKvm("on this host", () => {
  test("a guest sees what was edited", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    // mov eax, 1; cpuid; hlt
    vm.writeMemory(0n, Uint8Array.of(0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xf4));
    const supported = kvm.getSupportedCpuid();
    expect(hasCpuidFeature(supported, "long_mode")).toBe(true);
    const ask = (isThere: boolean, id: number): bigint => {
      using vcpu = vm.createVcpu(id);
      vcpu.setCpuid2(editCpuid(supported, { hypervisor: isThere }));
      const { apicBase, interruptBitmap } = vcpu.getSregs();
      vcpu.setSregs({ ...realModeCpu, apicBase, interruptBitmap });
      vcpu.setRegs(zeroRegisters);
      expect(vcpu.run()).toEqual({ kind: "hlt" });
      return (vcpu.getRegs().rcx >> 31n) & 1n;
    };
    expect([ask(true, 0), ask(false, 1)], kind).toEqual([1n, 0n]);
  });

  test("boot takes an edited CPUID", async () => {
    // mov eax, 1; cpuid; hlt
    const image = longMode(0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xf4);
    for (const isThere of [true, false]) {
      using machine = await boot(image, { cpuid: (entries) => editCpuid(entries, { hypervisor: isThere }) });
      expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
      expect((machine.registers().rcx >> 31n) & 1n).toBe(isThere ? 1n : 0n);
    }
  });
});
