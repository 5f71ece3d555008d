/** Registers in the shared pages: valid and dirty bits (api.rst, 5). */
import { expect, test } from "vitest";
import { boot, type SyncPart } from "../../src/kvm/index.ts";
import { realMode, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { withVcpu } from "./with-vcpu.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

/** each: inc ax; out 0x10, al; jmp each */
const code = [0x40, 0xe6, 0x10, 0xeb, 0xfb];

describeKvm("registers that KVM shares", () => {
  test.each<[SyncPart[]]>([[["regs"]], [["sregs"]], [["events"]], [["regs", "sregs", "events"]]])(
    "%j are those that the ioctls read, and no others",
    (parts) =>
      withVcpu(
        (vcpu) => {
          vcpu.setSyncRegs(parts);
          for (let round = 1; round <= 3; round++) {
            expect(vcpu.run()).toMatchObject({ kind: "io-out" });
            const shared = vcpu.getSyncRegs();
            expect(Object.keys(shared).toSorted()).toEqual(parts.toSorted());
            const read = { regs: vcpu.getRegs(), sregs: vcpu.getSregs(), events: vcpu.getVcpuEvents() };
            for (const part of parts) expect(shared[part]).toEqual(read[part]);
            expect(vcpu.getRegs().rax).toBe(BigInt(round));
          }
        },
        { code },
      ),
  );

  test("are those at the last exit, whatever was set since", () =>
    withVcpu(
      (vcpu) => {
        vcpu.setSyncRegs(["regs"]);
        vcpu.run();
        vcpu.setRegs({ ...vcpu.getRegs(), rax: 0x40n });
        expect(vcpu.getSyncRegs().regs!.rax).toBe(1n);
        vcpu.run();
        expect(vcpu.getSyncRegs().regs!.rax).toBe(0x41n);
        vcpu.setSyncRegs([]);
        vcpu.run();
        expect(() => vcpu.getSyncRegs()).toThrow(/^KVM has shared no registers yet/);
      },
      { code },
    ));

  test("do not cost an exit of the instruction that is completed to set them", () =>
    withVcpu(
      (vcpu) => {
        const read = (): Uint8Array => {
          const exit = vcpu.run();
          if (exit.kind !== "mmio-read") throw new Error(exit.kind);
          return exit.data;
        };
        read().set([0x11, 0x22]);
        const rbx = { ...vcpu.getRegs(), rbx: 0x5555n };
        vcpu.putSyncRegs({ events: vcpu.getVcpuEvents() });
        vcpu.getSregs();
        vcpu.putSyncRegs({ events: vcpu.getVcpuEvents() });
        read().set([0x33, 0x44]);
        expect(vcpu.run().kind).toBe("hlt");
        expect(vcpu.getRegs().rax).toBe(0x4433_2211n);
        vcpu.putSyncRegs({ regs: rbx });
        expect(vcpu.getRegs().rbx).toBe(0x5555n);
      },
      // mov eax, [0x1ffe]; hlt: two bytes on each of two pages that are no memory
      { code: [0x66, 0xa1, 0xfe, 0x1f, 0xf4] },
    ));

  test("are asked for before the run, by their names", () =>
    withVcpu((vcpu, vm) => {
      const none = badArgument("KVM has shared no registers yet\n  hint: call setSyncRegs before the guest runs");
      expect(() => vcpu.getSyncRegs()).toThrow(none);
      vcpu.setSyncRegs(["regs"]);
      expect(() => vcpu.getSyncRegs()).toThrow(none);
      expect(() => vcpu.setSyncRegs(["fpu" as SyncPart])).toThrow(
        badArgument('no part of the shared registers: "fpu"\n  hint: there are regs, sregs, events'),
      );
      vm.close();
      expect(() => vcpu.setSyncRegs(["regs"])).toThrow(/^the vCPU is closed/);
      expect(() => vcpu.getSyncRegs()).toThrow(/^the vCPU is closed/);
      expect(() => vcpu.putSyncRegs({ regs: zeroRegisters })).toThrow(/^the vCPU is closed/);
    }));
});

describeKvm("registers that are left for KVM", () => {
  test("are taken by the next run, each part by itself", () =>
    withVcpu(
      (vcpu) => {
        vcpu.setSyncRegs(["regs", "sregs"]);
        vcpu.run();
        const { regs, sregs } = vcpu.getSyncRegs();
        vcpu.putSyncRegs({ regs: { ...regs!, rax: 0x70n } });
        vcpu.putSyncRegs({ sregs: { ...sregs!, cr2: 0xabcn } });
        expect(vcpu.run()).toMatchObject({ kind: "io-out", data: Uint8Array.of(0x71) });
        expect(vcpu.getSyncRegs()).toMatchObject({ regs: { rax: 0x71n }, sregs: { cr2: 0xabcn } });
      },
      { code },
    ));

  test("are seen by ioctls before that", () =>
    withVcpu(
      (vcpu) => {
        vcpu.putSyncRegs({ regs: { ...zeroRegisters, rbx: 0x1234n } });
        expect(vcpu.getRegs().rbx).toBe(0x1234n);
        vcpu.putSyncRegs({ regs: { ...zeroRegisters, rbx: 0x5678n } });
        vcpu.setMsr("IA32_SYSENTER_CS", 1n);
        expect(vcpu.getRegs().rbx).toBe(0x5678n);
      },
      { code },
    ));

  test("give the guest an exception by events", () =>
    withVcpu(
      (vcpu, vm) => {
        vm.writeMemory(6n * 4n, Uint8Array.of(0x00, 0x02, 0, 0)); // the vector of #UD
        vm.writeMemory(0x200n, Uint8Array.of(0xe6, 0x66, 0xf4)); // out 0x66, al; hlt
        vcpu.setSyncRegs(["events"]);
        const events = vcpu.getVcpuEvents();
        vcpu.putSyncRegs({ events: { ...events, exceptionInjected: 1, exceptionNr: 6 } });
        vcpu.setRegs({ ...zeroRegisters, rip: 0x100n, rsp: 0x800n });
        expect(vcpu.run()).toMatchObject({ kind: "io-out", port: 0x66 });
      },
      { code: [] },
    ));

  test("and refused make one run fail, not the next", () =>
    withVcpu(
      (vcpu) => {
        const sregs = vcpu.getSregs();
        vcpu.putSyncRegs({ sregs: { ...sregs, cr4: 1n << 63n } });
        expect(() => vcpu.run()).toThrow(
          expect.objectContaining({
            code: "IOCTL_FAILED",
            message: "KVM_RUN failed: EINVAL\n  hint: the registers that were left for it are none that a CPU can have",
          }),
        );
        expect(vcpu.run()).toMatchObject({ kind: "io-out" });
      },
      { code },
    ));

  test("keep a single step, where the vCPU is debugged", () =>
    withVcpu(
      (vcpu) => {
        vcpu.setGuestDebug({ control: 3 });
        expect(vcpu.run()).toMatchObject({ kind: "debug", pc: 1n });
        vcpu.putSyncRegs({ regs: { ...vcpu.getRegs(), rbx: 5n } });
        expect(vcpu.getRegs().rbx).toBe(5n);
      },
      { code },
    ));

  test("beside a machine's own use of them", async () => {
    using machine = await boot(realMode(...code));
    const { vcpu } = machine;
    vcpu.setSyncRegs(["regs"]);
    const snapshot = machine.snapshot();
    for (let round = 0; round < 3; round++) {
      expect([...machine.run({ maxExits: 2 })]).toMatchObject([
        { data: Uint8Array.of(1) },
        { data: Uint8Array.of(2) },
        { kind: "exit-limit" },
      ]);
      expect(vcpu.getSyncRegs().regs!.rax).toBe(2n);
      machine.restore(snapshot);
    }
    vcpu.putSyncRegs({ regs: { ...zeroRegisters, rax: 0x30n } });
    expect([...machine.run({ maxExits: 1 })]).toMatchObject([{ data: Uint8Array.of(0x31) }, { kind: "exit-limit" }]);
  });
});
