/** Interrupts, NMIs and exceptions from user space, where the guest can take them and where it cannot yet. */
import { expect, test } from "vitest";
import { boot, type Machine, type Vcpu, type Vm } from "../../src/kvm/index.ts";
import { realMode, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { withVcpu, type VmSetup } from "./with-vcpu.ts";

/** A handler for each vector at 0x600 + 16 * vector: `out VECTOR, al; iret`. */
function handle(vm: Vm, ...vectors: readonly number[]): void {
  for (const vector of vectors) {
    const at = 0x600 + 16 * vector;
    vm.writeMemory(BigInt(4 * vector), Uint8Array.of(at & 0xff, at >> 8, 0, 0));
    vm.writeMemory(BigInt(at), Uint8Array.of(0xe6, vector, 0xcf));
  }
}

/** Code at 0x500, beyond the vectors. */
function start(vcpu: Vcpu, vm: Vm, code: readonly number[], rflags = 2n): void {
  vm.writeMemory(0x500n, Uint8Array.from(code));
  vcpu.setRegs({ ...zeroRegisters, rip: 0x500n, rsp: 0x400n, rflags });
  handle(vm, 2, 6, 0x21, 0x22);
}

const setup: VmSetup = { code: [], memory: 0x2000n };

/** `port` for a write to a port; the kind of any other exit. */
const next = (vcpu: Vcpu): number | string => {
  const exit = vcpu.run();
  return exit.kind === "io-out" ? exit.port : exit.kind;
};

/** A machine with the same code, whose runs have deadlines. */
async function bootAt(code: readonly number[], rflags = 2n): Promise<Machine> {
  const image = realMode();
  const regs = { ...zeroRegisters, rip: 0x500n, rsp: 0x400n, rflags };
  const machine = await boot({ ...image, cpu: { ...image.cpu, regs } });
  machine.writeMemory(0x500n, Uint8Array.from(code));
  handle(machine.vm, 0x21, 0x22);
  return machine;
}

/** The first exit of a run: a port, or its kind. */
function first(machine: Machine): number | string {
  for (const exit of machine.run({ timeout: "5s" })) return exit.kind === "io-out" ? exit.port : exit.kind;
  return "nothing";
}

describeKvm("a window for interrupts", () => {
  test("opens when the guest lets interrupts through", async () => {
    using machine = await bootAt([0xe6, 0x80, 0xfb, 0x90, 0xeb, 0xfe]); // out 0x80, al; sti; nop; jmp $
    const { vcpu } = machine;
    vcpu.requestInterruptWindow(true);
    expect(first(machine)).toBe(0x80);
    expect(vcpu.getInterruptState()).toMatchObject({ isReady: false, interruptFlag: false });
    expect(first(machine)).toBe("irq-window-open");
    expect(vcpu.getInterruptState()).toMatchObject({ isReady: true, interruptFlag: true });
    expect(machine.registers().rip).toBe(0x504n);
    vcpu.requestInterruptWindow(false);
    vcpu.interrupt(0x21);
    expect(first(machine)).toBe(0x21);
  });

  test("that nobody asked for is no exit", async () => {
    using machine = await bootAt([0xfb, 0x90, 0xe6, 0x81, 0xf4]);
    expect([first(machine), first(machine)]).toEqual([0x81, "hlt"]);
    expect(machine.vcpu.getInterruptState()).toMatchObject({ isReady: true, interruptFlag: true, cr8: 0n });
    expect(machine.vcpu.getInterruptState().apicBase).toBe(machine.specialRegisters().apicBase);
  });

  test("is for one interrupt: the next waits for the handler's iret", async () => {
    using machine = await bootAt([0x90, 0xeb, 0xfe], 0x202n);
    const { vcpu } = machine;
    vcpu.requestInterruptWindow(true);
    expect(first(machine)).toBe("irq-window-open");
    vcpu.interrupt(0x21);
    expect(first(machine)).toBe(0x21);
    expect(vcpu.getInterruptState()).toMatchObject({ isReady: false, interruptFlag: false });
    expect(first(machine)).toBe("irq-window-open");
    vcpu.interrupt(0x22);
    vcpu.requestInterruptWindow(false);
    expect(first(machine)).toBe(0x22);
  });

  test("of a vCPU that is closed cannot be asked for", async () => {
    const machine = await bootAt([0xf4]);
    const { vcpu } = machine;
    machine.close();
    expect(() => vcpu.requestInterruptWindow(true)).toThrow(/^the vCPU is closed/);
    expect(() => vcpu.getInterruptState()).toThrow(/^the vCPU is closed/);
  });
});

describeKvm("without a window", () => {
  test("an interrupt is given to the guest at once, whatever its flag: who injects looks first", () =>
    withVcpu((vcpu, vm) => {
      start(vcpu, vm, [0x90, 0x90, 0xf4], 0x202n);
      vcpu.interrupt(0x21);
      expect([next(vcpu), next(vcpu)]).toEqual([0x21, "hlt"]);
    }, setup));

  test("a second interrupt takes the place of one that is on its way", () =>
    withVcpu((vcpu, vm) => {
      start(vcpu, vm, [0x90, 0xf4], 0x202n);
      vcpu.interrupt(0x21);
      vcpu.interrupt(0x22);
      expect([next(vcpu), next(vcpu)]).toEqual([0x22, "hlt"]);
    }, setup));

  test("an NMI comes with interrupts off, and before an interrupt", () =>
    withVcpu((vcpu, vm) => {
      start(vcpu, vm, [0x90, 0x90, 0xf4]);
      vcpu.nmi();
      expect([next(vcpu), next(vcpu)]).toEqual([2, "hlt"]);
      // The handler's iret has let the next one through.
      vcpu.setRegs({ ...vcpu.getRegs(), rip: 0x500n });
      vcpu.nmi();
      expect([next(vcpu), next(vcpu)]).toEqual([2, "hlt"]);
    }, setup));

  test("an exception comes whatever the flag, and goes back to the instruction that had it", () =>
    withVcpu((vcpu, vm) => {
      start(vcpu, vm, [0xe6, 0x80, 0xf4]);
      vcpu.setVcpuEvents({ ...vcpu.getVcpuEvents(), exceptionInjected: 1, exceptionNr: 6 });
      expect([next(vcpu), next(vcpu), next(vcpu)]).toEqual([6, 0x80, "hlt"]);
    }, setup));
});
