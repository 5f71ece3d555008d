/** The ioctls that read, set and wire up the rest of a machine, on `/dev/kvm`. */
import { expect, test } from "vitest";
import { boot, type Exit, type Vm } from "../../src/kvm/index.ts";
import { longMode, realMode, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { withVcpu } from "./with-vcpu.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

describeKvm("what a vCPU holds", () => {
  test("FPU and XSAVE are two views of one state", () =>
    withVcpu((vcpu) => {
      const fpu = { ...vcpu.getFpu(), xmm: Uint8Array.from({ length: 256 }, (_, index) => index), fcw: 0x37f };
      vcpu.setFpu(fpu);
      expect(vcpu.getFpu()).toEqual(fpu);
      // XMM0 lies at 160; bit 1 of the header at 512 says that it is not as after reset (SDM vol. 1, 13.4).
      const area = vcpu.getXsave();
      area[160] = 0xee;
      area[512]! |= 3;
      vcpu.setXsave(area);
      expect(vcpu.getFpu().xmm[0]).toBe(0xee);
      expect(vcpu.getXsave().subarray(0, 512)).toEqual(area.subarray(0, 512));
      expect(() => vcpu.setXsave(new Uint8Array(100))).toThrow(
        badArgument("the XSAVE area is no Uint8Array of 4096 bytes"),
      );
      expect(() => vcpu.setFpu({ ...fpu, xmm: new Uint8Array(1) })).toThrow(
        badArgument("xmm is no Uint8Array of 256 bytes"),
      );
    }));

  test("debug registers, XCRs, events, state and rate come back", () =>
    withVcpu((vcpu, _, kvm) => {
      const debug = { db: [1n, 2n, 3n, 4n], dr6: 0xffff_0ff0n, dr7: 0x400n, flags: 0n };
      vcpu.setDebugregs(debug);
      expect(vcpu.getDebugregs()).toEqual(debug);
      expect(() => vcpu.setDebugregs({ ...debug, db: [1n] })).toThrow(badArgument("db has not 4 numbers"));
      if (kvm.checkExtension("KVM_CAP_XCRS") !== 0) {
        const xcrs = vcpu.getXcrs();
        vcpu.setXcrs(xcrs);
        expect(vcpu.getXcrs()).toEqual(xcrs);
        expect(xcrs.every(({ xcr, value }) => xcr === 0 && (value & 1n) === 1n)).toBe(true);
      }
      const events = vcpu.getVcpuEvents();
      vcpu.setVcpuEvents({ ...events, interruptShadow: 2, nmiMasked: 1 });
      expect(vcpu.getVcpuEvents()).toMatchObject({ interruptShadow: 2, nmiMasked: 1 });
      expect(vcpu.getMpState()).toBe("runnable");
      vcpu.setMpState("runnable");
      expect(() => vcpu.setMpState("asleep" as "halted")).toThrow(badArgument('no state of a vCPU: "asleep"'));
      expect(vcpu.getTscKhz()).toBeGreaterThan(0);
      vcpu.setTscKhz(vcpu.getTscKhz());
      expect(() => vcpu.setTscKhz(0)).toThrow(badArgument("no rate in kHz: 0"));
    }));

  test("the lists of model-specific registers, of which every one can be read that KVM offers", () =>
    withVcpu((_, __, kvm) => {
      const list = kvm.getMsrIndexList();
      // STAR (SDM vol. 4, table 2-2).
      expect(list).toContain(0xc000_0081);
      expect(new Set(list).size).toBe(list.length);
      expect(kvm.getMsrFeatureIndexList().length).toBeGreaterThanOrEqual(0);
    }));
});

describeKvm("events for the guest", () => {
  /** At vector 0x20 of the real-mode table: `out 0x20, al; iret`. */
  const handler = (vm: Vm, vector: number): void => {
    vm.writeMemory(BigInt(4 * vector), Uint8Array.of(0x00, 0x06, 0x00, 0x00));
    vm.writeMemory(0x600n, Uint8Array.of(0xe6, vector, 0xcf));
  };

  test("an interrupt", () =>
    withVcpu(
      (vcpu, vm) => {
        vm.writeMemory(0x500n, Uint8Array.of(0xfb, 0x90, 0x90, 0xf4)); // sti; nop; nop; hlt
        vcpu.setRegs({ ...zeroRegisters, rip: 0x500n, rsp: 0x800n, rflags: 0x202n });
        handler(vm, 0x20);
        vcpu.interrupt(0x20);
        expect(vcpu.run()).toMatchObject({ kind: "io-out", port: 0x20 });
        expect(vcpu.run()).toEqual({ kind: "hlt" });
        expect(() => vcpu.interrupt(256)).toThrow(badArgument("no vector: 256"));
      },
      { code: [] },
    ));

  test("an NMI, with interrupts off", () =>
    withVcpu(
      (vcpu, vm) => {
        vm.writeMemory(0x500n, Uint8Array.of(0x90, 0x90, 0xf4));
        vcpu.setRegs({ ...zeroRegisters, rip: 0x500n, rsp: 0x800n });
        handler(vm, 2);
        vcpu.nmi();
        expect(vcpu.run()).toMatchObject({ kind: "io-out", port: 2 });
        expect(vcpu.run()).toEqual({ kind: "hlt" });
      },
      { code: [] },
    ));

  test("an exception, by vCPU events", () =>
    withVcpu(
      (vcpu, vm) => {
        vm.writeMemory(0x500n, Uint8Array.of(0x90, 0xf4));
        vcpu.setRegs({ ...zeroRegisters, rip: 0x500n, rsp: 0x800n });
        handler(vm, 6);
        vcpu.setVcpuEvents({ ...vcpu.getVcpuEvents(), exceptionInjected: 1, exceptionNr: 6 });
        expect(vcpu.run()).toMatchObject({ kind: "io-out", port: 6 });
        expect(vcpu.run()).toEqual({ kind: "hlt" });
      },
      { code: [] },
    ));
});

describeKvm("a VM with an irqchip", () => {
  test("holds the state of PICs, I/O APIC, local APIC and PIT", () =>
    withVcpu(
      (vcpu, vm) => {
        for (const chip of ["pic-master", "pic-slave", "ioapic"] as const) {
          const state = vm.getIrqchip(chip);
          expect(state).toHaveLength(512);
          vm.setIrqchip(chip, state);
          expect(vm.getIrqchip(chip)).toEqual(state);
        }
        expect(() => vm.getIrqchip("apic" as "ioapic")).toThrow(badArgument('no interrupt controller: "apic"'));
        vm.irqLine(4, true);
        // The request register of the master PIC, its second byte (struct kvm_pic_state).
        expect(vm.getIrqchip("pic-master")[1]).toBe(1 << 4);
        vm.irqLine(4, false);
        const lapic = vcpu.getLapic();
        vcpu.setLapic(lapic);
        // The APIC's version register (SDM vol. 3A, 11.4.8).
        expect(vcpu.getLapic()[0x30]).toBe(lapic[0x30]);
        vm.createPit2();
        const pit = vm.getPit2();
        expect(pit).toHaveLength(112);
        vm.setPit2(pit);
        expect(vm.signalMsi({ address: 0xfee0_0000n, data: 0x40 })).toBeTypeOf("boolean");
      },
      { irqchip: true },
    ));

  test("its clock goes on from where it is set", () =>
    withVcpu(
      (_, vm) => {
        vm.setClock({ clock: 1_000_000_000_000n, flags: 0, realtime: 0n, hostTsc: 0n });
        const { clock } = vm.getClock();
        expect(clock).toBeGreaterThanOrEqual(1_000_000_000_000n);
        expect(clock).toBeLessThan(1_060_000_000_000n);
      },
      { irqchip: true },
    ));
});

describeKvm("model-specific registers in user space", () => {
  const EFER = 0xc000_0080;
  /** `mov ecx, N; rdmsr; wrmsr; hlt` in 64-bit code. */
  const image = (index: number) =>
    longMode(0xb9, index & 0xff, (index >> 8) & 0xff, (index >> 16) & 0xff, index >>> 24, 0x0f, 0x32, 0x0f, 0x30, 0xf4);

  test("a register that KVM does not know: answered, and written back", async () => {
    using machine = await boot(image(0x4b56_4dff));
    machine.vm.enableCap("KVM_CAP_X86_USER_SPACE_MSR", [3n]);
    const seen: Exit[] = [];
    for (const exit of machine.run({ timeout: "2s" })) {
      seen.push({ ...exit });
      if (exit.kind === "rdmsr") exit.data = 0x1122_3344_5566_7788n;
    }
    const reason = expect.stringMatching(/^KVM_MSR_EXIT_REASON_(?:INVAL|UNKNOWN)$/) as unknown;
    expect(seen).toEqual([
      { kind: "rdmsr", reason, index: 0x4b56_4dff, data: 0n, error: false },
      { kind: "wrmsr", reason, index: 0x4b56_4dff, data: 0x1122_3344_5566_7788n, error: false },
      { kind: "hlt" },
    ]);
    expect(machine.registers()).toMatchObject({ rax: 0x5566_7788n, rdx: 0x1122_3344n });
  });

  test("one that a filter denies; an error is a #GP, here a triple fault", async () => {
    using machine = await boot(image(EFER));
    machine.vm.enableCap("KVM_CAP_X86_USER_SPACE_MSR", [4n]);
    machine.vm.setMsrFilter("allow", [{ access: "read", base: EFER, allowed: [false] }]);
    const seen: Exit[] = [];
    for (const exit of machine.run({ timeout: "2s" })) {
      seen.push({ ...exit });
      if (exit.kind === "rdmsr") exit.error = true;
    }
    expect(seen).toEqual([
      { kind: "rdmsr", reason: "KVM_MSR_EXIT_REASON_FILTER", index: EFER, data: 0n, error: false },
      { kind: "shutdown" },
    ]);
  });

  test("a filter that is none", async () => {
    using machine = await boot(realMode(0xf4));
    expect(() => machine.vm.setMsrFilter("allow", [{ access: "read", base: 0, allowed: [] }])).toThrow(
      badArgument("a range has 1 to 12288 registers, not 0"),
    );
    const many = Array.from({ length: 17 }, () => ({ access: "both", base: 0, allowed: [true] }) as const);
    expect(() => machine.vm.setMsrFilter("none" as "deny", [])).toThrow(badArgument('no default of a filter: "none"'));
    expect(() => machine.vm.setMsrFilter("deny", many)).toThrow(badArgument("a filter has up to 16 ranges, not 17"));
    expect(() => machine.vm.enableCap("KVM_CAP_X86_USER_SPACE_MSR", [0n, 0n, 0n, 0n, 0n])).toThrow(
      badArgument("a capability takes up to 4 numbers, not 5"),
    );
  });
});
