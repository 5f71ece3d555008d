/** The calls on KVM, a VM and a vCPU that hold no state of a guest's own: what they do here, or how they are refused. */
import { expect, test } from "vitest";
import { Kvm, msrIndices, type MsrName, type Vcpu } from "../../src/kvm/index.ts";
import { longModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { exitsOf, withVcpu } from "./with-vcpu.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });
const refused = (ioctl: string, errno: string): unknown =>
  expect.objectContaining({ code: "IOCTL_FAILED", errno, message: expect.stringContaining(ioctl) as unknown });

describeKvm("registers", () => {
  test("special registers in their second form agree with the first", () =>
    withVcpu((vcpu) => {
      const { interruptBitmap: _, ...first } = vcpu.getSregs();
      const second = vcpu.getSregs2();
      expect(second).toEqual({ ...first, pdptrs: undefined });
      vcpu.setSregs2({ ...second, cr2: 0x1234n, gdt: { base: 0x500n, limit: 0x27 } });
      expect(vcpu.getSregs()).toMatchObject({ cr2: 0x1234n, gdt: { base: 0x500n, limit: 0x27 } });
      expect(() => vcpu.setSregs2({ ...second, pdptrs: [1n] })).toThrow(badArgument("pdptrs has not 4 numbers"));
      // Entries of a table make sense with PAE paging alone: KVM refuses them in real mode.
      expect(() => vcpu.setSregs2({ ...second, pdptrs: [1n, 0n, 0n, 0n] })).toThrow(
        refused("KVM_SET_SREGS2", "EINVAL"),
      );
    }));

  test("CPUID is as it was set", () =>
    withVcpu((vcpu, _, kvm) => {
      const leaves = (entries: readonly { function: number; index: number }[]): string[] =>
        entries.map((entry) => `${entry.function}.${entry.index}`).toSorted();
      const entries = vcpu.getCpuid2();
      expect(leaves(entries)).toEqual(leaves(kvm.getSupportedCpuid()));
      expect(entries.find((entry) => entry.function === 0)).toEqual(
        kvm.getSupportedCpuid().find((entry) => entry.function === 0),
      );
    }));

  test("the area of XSAVE has the size that the VM says, and comes back", () =>
    withVcpu((vcpu, vm) => {
      const area = vcpu.getXsave2();
      expect(area).toHaveLength(vm.checkExtension("KVM_CAP_XSAVE2"));
      area[160] = 0x77; // XMM0
      area[512]! |= 3;
      vcpu.setXsave(area);
      expect(vcpu.getFpu().xmm[0]).toBe(0x77);
      expect(vcpu.getXsave()).toEqual(vcpu.getXsave2().subarray(0, 4096));
    }));
});

describeKvm("model-specific registers by name", () => {
  /** Registers that KVM shows elsewhere, too: a name that stands for another number would not agree. */
  const twins: readonly (readonly [MsrName, (vcpu: Vcpu) => bigint])[] = [
    ["IA32_EFER", (vcpu) => vcpu.getSregs().efer],
    ["IA32_APIC_BASE", (vcpu) => vcpu.getSregs().apicBase],
    ["IA32_FS_BASE", (vcpu) => vcpu.getSregs().segments.fs.base],
    ["IA32_GS_BASE", (vcpu) => vcpu.getSregs().segments.gs.base],
  ];

  test.each(twins)("%s is what the special registers show", (name, twin) =>
    withVcpu((vcpu) => {
      const { segments, ...special } = vcpu.getSregs();
      const { fs, gs } = segments;
      vcpu.setSregs({
        ...special,
        efer: 0x1n, // SCE
        segments: { ...segments, fs: { ...fs, base: 0x1230n }, gs: { ...gs, base: 0x4560n } },
      });
      expect(vcpu.getMsr(name)).toBe(twin(vcpu));
      expect(vcpu.getMsr(name)).not.toBe(0n);
    }),
  );

  test("the guest finds under its number what the host set by name", () =>
    // mov ecx, [0x100]; rdmsr; out 0x10, eax; hlt
    withVcpu(
      (vcpu, vm) => {
        const names = ["IA32_SYSENTER_EIP", "IA32_STAR", "IA32_LSTAR", "IA32_KERNEL_GS_BASE", "IA32_PAT"] as const;
        for (const [index, name] of names.entries()) {
          const value = name === "IA32_PAT" ? 0x0001_0406n : 0x1000n + BigInt(index);
          vcpu.setMsr(name, value);
          expect(vcpu.getMsr(msrIndices[name])).toBe(value);
          const number = new Uint8Array(4);
          new DataView(number.buffer).setUint32(0, msrIndices[name], true);
          vm.writeMemory(0x100n, number);
          vcpu.setRegs({ ...zeroRegisters });
          const [exit] = exitsOf(vcpu);
          expect(exit).toMatchObject({ kind: "io-out", size: 4 });
          const data = exit!.kind === "io-out" ? exit.data : new Uint8Array(4);
          expect(new DataView(data.buffer).getUint32(0, true)).toBe(Number(value));
        }
      },
      { code: [0x66, 0x8b, 0x0e, 0x00, 0x01, 0x0f, 0x32, 0x66, 0xe7, 0x10, 0xf4] },
    ));

  test("in lists, and the first that is refused", () =>
    withVcpu((vcpu) => {
      vcpu.setMsrs([
        { index: "IA32_SYSENTER_CS", data: 8n },
        { index: 0x175, data: 9n },
      ]);
      expect(vcpu.getMsrs(["IA32_SYSENTER_CS", "IA32_SYSENTER_ESP"])).toEqual([8n, 9n]);
      expect(() =>
        vcpu.setMsrs([
          { index: "IA32_SYSENTER_CS", data: 7n },
          { index: "IA32_EFER", data: 1n << 40n },
          { index: "IA32_SYSENTER_ESP", data: 7n },
        ]),
      ).toThrow(
        expect.objectContaining({
          code: "PARTLY_DONE",
          value: 0xc000_0080,
          message: expect.stringMatching(/^KVM_SET_MSRS stopped at MSR 0xc0000080 \(IA32_EFER\), after 1\n/) as unknown,
        }),
      );
      expect(vcpu.getMsrs(["IA32_SYSENTER_CS", "IA32_SYSENTER_ESP"])).toEqual([7n, 9n]);
      expect(() => vcpu.getMsr("EFER" as MsrName)).toThrow(
        badArgument('no such model-specific register: "EFER"\n  hint: write it as SDM vol. 4 does: "IA32_EFER"'),
      );
    }));

  test("no two have one number", () => {
    expect(new Set(Object.values(msrIndices)).size).toBe(Object.keys(msrIndices).length);
  });
});

describeKvm("KVM itself", () => {
  test("says what it can emulate, what its features are, and what machine checks may hold", async () => {
    using kvm = await Kvm.open();
    const emulated = kvm.getEmulatedCpuid();
    expect(emulated.some((entry) => entry.function === 0)).toBe(true);
    const list = kvm.getMsrFeatureIndexList();
    expect(kvm.getMsrFeatures(list)).toHaveLength(list.length);
    expect(() => kvm.getMsrFeatures(["IA32_EFER"])).toThrow(
      expect.objectContaining({ code: "PARTLY_DONE", value: 0xc000_0080 }),
    );
    expect(kvm.getMceCapSupported() & (1n << 24n)).toBe(1n << 24n); // MCG_SER_P: software error recovery
    expect(kvm.hasDeviceAttr({ group: 0, attr: 0n })).toBe(true);
    expect(kvm.getDeviceAttr({ group: 0, attr: 0n }) & 3n).toBe(3n); // x87 and SSE are always there
    expect(kvm.hasDeviceAttr({ group: 7, attr: 7n })).toBe(false);
    expect(() => kvm.getDeviceAttr({ group: 7, attr: 7n })).toThrow(refused("KVM_GET_DEVICE_ATTR", "ENXIO"));
  });
});

describeKvm("a VM", () => {
  test("is told which vCPU starts, before there is one", () =>
    withVcpu(
      (_, vm) => {
        expect(() => vm.setBootCpuId(0)).toThrow(refused("KVM_SET_BOOT_CPU_ID", "EBUSY"));
        const other = vm.createVcpu(1);
        // IA32_APIC_BASE.BSP, bit 8, is the boot processor's (SDM vol. 3A, 11.4.4).
        expect(other.getMsr("IA32_APIC_BASE") & 0x100n).toBe(0x100n);
        expect(() => vm.setBootCpuId(-1)).toThrow(badArgument("no number of a vCPU: -1"));
      },
      { before: (vm) => vm.setBootCpuId(1), irqchip: true },
    ));

  test("is told how much memory its tables may take, and what counters may count", () =>
    withVcpu((_, vm) => {
      vm.setNrMmuPages(64);
      expect(() => vm.setNrMmuPages(63)).toThrow(refused("KVM_SET_NR_MMU_PAGES", "EINVAL"));
      expect(() => vm.setNrMmuPages(0.5)).toThrow(badArgument("no number of pages: 0.5"));
      if (vm.checkExtension("KVM_CAP_PMU_EVENT_FILTER") !== 0) {
        vm.setPmuEventFilter({ action: "deny", events: [0xc0n, 0x3cn], fixedCounters: 1 });
        expect(() => vm.setPmuEventFilter({ action: "deny", events: Array<bigint>(301).fill(1n) })).toThrow(
          refused("KVM_SET_PMU_EVENT_FILTER", "E2BIG"),
        );
      }
      expect(() => vm.setPmuEventFilter({ action: "count" as "deny", events: [] })).toThrow(
        badArgument('no action of a filter: "count"'),
      );
      expect(vm.hasDeviceAttr({ group: 9, attr: 9n })).toBe(false);
    }));

  test("has a rate for the counters of its vCPUs", () =>
    withVcpu((_, vm) => {
      expect(vm.getTscKhz()).toBeGreaterThan(0);
      expect(() => vm.setTscKhz(0)).toThrow(badArgument("no rate in kHz: 0"));
    }));
});

describeKvm("a vCPU", () => {
  test("gets a machine check", () =>
    withVcpu((vcpu, _, kvm) => {
      expect(() => vcpu.setMce({ bank: 99, status: 1n << 63n, addr: 0n, misc: 0n, mcgStatus: 0n })).toThrow(
        refused("KVM_X86_SET_MCE", "EINVAL"),
      );
      vcpu.setupMce((kvm.getMceCapSupported() & ~0xffn) | 4n);
      expect(vcpu.getMsr("IA32_MCG_CAP") & 0xffn).toBe(4n);
      const status = (1n << 63n) | 0x135n;
      vcpu.setMce({ bank: 1, status, addr: 0x1230n, misc: 5n, mcgStatus: 0n });
      expect(vcpu.getMsrs([0x405, 0x406, 0x407])).toEqual([status, 0x1230n, 5n]);
      expect(() => vcpu.setupMce(1n << 60n)).toThrow(refused("KVM_X86_SETUP_MCE", "EINVAL"));
    }));

  test("is told that it was stopped, where it has a clock of KVM's", () =>
    withVcpu((vcpu) => {
      expect(() => vcpu.kvmclockCtrl()).toThrow(refused("KVM_KVMCLOCK_CTRL", "EINVAL"));
      vcpu.setMsr(0x4b56_4d01, 0x801n); // MSR_KVM_SYSTEM_TIME_NEW (asm/kvm_para.h): at 0x800, on
      vcpu.kvmclockCtrl();
    }));

  test("reports accesses to its task priority, and knows where the guest keeps a copy", () =>
    withVcpu(
      (vcpu) => {
        vcpu.tprAccessReporting(true);
        vcpu.setVapicAddr(0x800n);
        vcpu.tprAccessReporting(false);
        vcpu.setVapicAddr(0n);
        expect(() => vcpu.setVapicAddr(0x10_0000_0000n)).toThrow(refused("KVM_SET_VAPIC_ADDR", "EINVAL"));
      },
      { irqchip: true },
    ));

  test("has system management and nested guests where KVM has them, and says so where not", () =>
    withVcpu((vcpu, vm) => {
      if (vm.checkExtension("KVM_CAP_X86_SMM") === 0) expect(() => vcpu.smi()).toThrow(refused("KVM_SMI", "ENOTTY"));
      else vcpu.smi();
      if (vm.checkExtension("KVM_CAP_NESTED_STATE") === 0) {
        expect(() => vcpu.getNestedState()).toThrow(refused("KVM_GET_NESTED_STATE", "EINVAL"));
        const state = new Uint8Array(128);
        state[4] = 128;
        expect(() => vcpu.setNestedState(state)).toThrow(refused("KVM_SET_NESTED_STATE", "EINVAL"));
      } else vcpu.setNestedState(vcpu.getNestedState());
      expect(() => vcpu.setNestedState(new Uint8Array(8))).toThrow(
        badArgument("the nested state is no Uint8Array of at least 128 bytes"),
      );
      expect(() => vcpu.setNestedState(new Uint8Array(128))).toThrow(
        badArgument("the nested state has 128 bytes, but says that it has 0"),
      );
    }));

  test("has attributes", () =>
    withVcpu((vcpu) => {
      const tscOffset = { group: 0, attr: 0n };
      expect(vcpu.hasDeviceAttr(tscOffset)).toBe(true);
      vcpu.setDeviceAttr(tscOffset, vcpu.getDeviceAttr(tscOffset));
      expect(() => vcpu.getDeviceAttr({ group: 5, attr: 1n })).toThrow(refused("KVM_GET_DEVICE_ATTR", "ENXIO"));
      expect(() => vcpu.getDeviceAttr({ group: -1, attr: 1n })).toThrow(/^the attribute's group is no whole number/);
    }));

  test("long mode is set by special registers in their second form, too", () =>
    withVcpu(
      (vcpu) => {
        const { apicBase } = vcpu.getSregs();
        vcpu.setSregs2({ ...longModeCpu, apicBase, pdptrs: undefined });
        const { cr0, cr4, efer } = vcpu.getSregs2();
        // ET may read as 1 (SDM vol. 3A, 2.5).
        expect([cr0 | 0x10n, cr4, efer]).toEqual([longModeCpu.cr0 | 0x10n, longModeCpu.cr4, longModeCpu.efer]);
      },
      { memory: 0x8000n },
    ));
});
