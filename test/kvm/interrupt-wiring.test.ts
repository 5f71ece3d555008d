/** Lines, routes and event descriptors: what reaches the guest, and what of the guest reaches the host, without an exit. */
import { expect, test } from "vitest";
import type { Vcpu, Vm } from "../../src/kvm/index.ts";
import { describeKvm } from "./require-kvm.ts";
import { exitsOf, withVcpu } from "./with-vcpu.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });
const refused = (ioctl: string, errno: string): unknown =>
  expect.objectContaining({ code: "IOCTL_FAILED", errno, message: expect.stringContaining(ioctl) as unknown });

/** `out PORT, al` after `mov al, VALUE`. */
const out = (port: number, value: number): number[] => [0xb0, value, 0xe6, port];

/** The master PIC with vectors from 0x20 on, all lines open, level-triggered line 5; then `sti; hlt` for ever. */
const withPic = [
  ...out(0x20, 0x11),
  ...out(0x21, 0x20),
  ...out(0x21, 0x04),
  ...out(0x21, 0x01),
  ...out(0x21, 0x00),
  ...[0xba, 0xd0, 0x04, 0xb0, 0x20, 0xee], // mov dx, 0x4d0; mov al, 0x20; out dx, al
  ...out(0x10, 0x77), // it is ready
  ...[0xfb, 0xf4, 0xeb, 0xfd], // sti; each: hlt; jmp each
];

/** A handler at 0x200 for a vector: `mov al, VECTOR; out 0x10, al`, an EOI to the PIC, `out 0x11, al`, `iret`. */
function handle(vm: Vm, vector: number): void {
  vm.writeMemory(BigInt(4 * vector), Uint8Array.of(0x00, 0x02, 0, 0));
  vm.writeMemory(0x200n, Uint8Array.from([...out(0x10, vector), ...out(0x20, 0x20), 0xe6, 0x11, 0xcf]));
}

const portAndByte = (vcpu: Vcpu): readonly number[] => {
  const exit = vcpu.run();
  return exit.kind === "io-out" ? [exit.port, exit.data[0]!] : [];
};

describeKvm("an interrupt line", () => {
  test("of the PIC says what became of it", () =>
    withVcpu(
      (vcpu, vm) => {
        handle(vm, 0x25);
        expect(portAndByte(vcpu)).toEqual([0x10, 0x77]);
        expect(vm.irqLineStatus(20, true)).toBe(-1); // a line of the I/O APIC alone, where all are masked
        expect(vm.irqLineStatus(5, true)).toBe(1);
        expect(vm.irqLineStatus(5, true)).toBe(0);
        expect(portAndByte(vcpu)).toEqual([0x10, 0x25]);
        vm.irqLine(5, false);
        expect(portAndByte(vcpu)).toEqual([0x11, 0x20]);
      },
      { code: withPic, irqchip: true },
    ));

  test("goes where its route leads", () =>
    withVcpu(
      (vcpu, vm) => {
        handle(vm, 0x26);
        vm.setGsiRouting([{ gsi: 40, irqchip: "pic-master", pin: 6 }]);
        expect(portAndByte(vcpu)).toEqual([0x10, 0x77]);
        vm.irqLine(40, true);
        expect(portAndByte(vcpu)).toEqual([0x10, 0x26]);
      },
      { code: withPic, irqchip: true },
    ));

  test("that is a message goes to the local APIC", () =>
    withVcpu(
      (vcpu, vm) => {
        handle(vm, 0x41);
        const lapic = vcpu.getLapic();
        lapic[0xf1]! |= 1; // the spurious-interrupt register's bit 8 switches the APIC on (SDM vol. 3A, 11.4.3)
        vcpu.setLapic(lapic);
        vm.setGsiRouting([{ gsi: 50, msi: { address: 0xfee0_0000n, data: 0x41 } }]);
        vm.irqLine(50, true);
        expect(portAndByte(vcpu)).toEqual([0x10, 0x41]);
      },
      { code: [0xfb, 0xf4, 0xeb, 0xfd], irqchip: true },
    ));

  test("needs an irqchip; a route, a controller and a pin", () =>
    withVcpu((_, vm) => {
      expect(() => vm.irqLineStatus(5, true)).toThrow(refused("KVM_IRQ_LINE_STATUS", "ENXIO"));
      expect(() => vm.setGsiRouting([])).toThrow(refused("KVM_SET_GSI_ROUTING", "EINVAL"));
      expect(() => vm.setGsiRouting([{ gsi: 1, irqchip: "lapic" as "ioapic", pin: 0 }])).toThrow(
        badArgument('no interrupt controller: "lapic"'),
      );
      expect(() => vm.reinjectControl(true)).toThrow(refused("KVM_REINJECT_CONTROL", "ENXIO"));
      expect(() => vm.irqfd({ eventFd: vm.createEventFd(), gsi: 5 })).toThrow(refused("KVM_IRQFD", "EINVAL"));
    }));

  test("of the timer: its missed ticks are told what becomes of them", () =>
    withVcpu(
      (_, vm) => {
        vm.createPit2();
        vm.reinjectControl(false);
        vm.reinjectControl(true);
        vm.setGsiRouting([{ gsi: 0, irqchip: "ioapic", pin: 2 }]);
        expect(() => vm.setGsiRouting([{ gsi: 0, irqchip: "ioapic", pin: 99 }])).toThrow(
          refused("KVM_SET_GSI_ROUTING", "EINVAL"),
        );
      },
      { irqchip: true },
    ));
});

describeKvm("an event descriptor", () => {
  test("counts, and never waits", () =>
    withVcpu((_, vm) => {
      const eventFd = vm.createEventFd();
      expect(eventFd.read()).toBe(0n);
      eventFd.write();
      eventFd.write(41n);
      expect(eventFd.read()).toBe(42n);
      expect(eventFd.read()).toBe(0n);
      expect(() => eventFd.write(0n)).toThrow(badArgument("the number of events is not from 1 to 2^64 - 2"));
      eventFd.write(0xffff_ffff_ffff_fffen);
      expect(() => eventFd.write()).toThrow(
        expect.objectContaining({
          code: "CALL_FAILED",
          message: "write to the event descriptor failed: EAGAIN\n  hint: it holds too many events: read it first",
        }),
      );
      eventFd.close();
      eventFd.close();
      expect(() => eventFd.read()).toThrow(/^the event descriptor is closed/);
      const other = vm.createEventFd();
      vm.close();
      expect(() => other.read()).toThrow(/^the event descriptor is closed/);
      expect(() => vm.createEventFd()).toThrow(/^the VM is closed/);
    }));

  test("interrupts the guest, and is told when the guest has acknowledged it", () =>
    withVcpu(
      (vcpu, vm) => {
        handle(vm, 0x25);
        const [eventFd, resample] = [vm.createEventFd(), vm.createEventFd()];
        vm.irqfd({ eventFd, gsi: 5, resample });
        expect(portAndByte(vcpu)).toEqual([0x10, 0x77]);
        for (let round = 0; round < 2; round++) {
          eventFd.write();
          expect(portAndByte(vcpu)).toEqual([0x10, 0x25]);
          expect(resample.read()).toBe(0n);
          expect(portAndByte(vcpu)).toEqual([0x11, 0x20]);
          expect(resample.read()).toBe(1n);
        }
        vm.irqfd({ eventFd, gsi: 5, deassign: true });
        expect(eventFd.read()).toBe(0n);
        eventFd.write();
        expect(eventFd.read()).toBe(1n);
      },
      { code: withPic, irqchip: true },
    ));

  test("takes the place of exits: all writes to a port, or those of one value", () =>
    withVcpu(
      (vcpu, vm) => {
        const [all, seven] = [vm.createEventFd(), vm.createEventFd()];
        vm.ioeventfd({ eventFd: all, addr: 0x10n, length: 0, pio: true });
        vm.ioeventfd({ eventFd: seven, addr: 0x11n, length: 1, pio: true, dataMatch: 7n });
        expect(exitsOf(vcpu)).toMatchObject([{ kind: "io-out", port: 0x11, data: Uint8Array.of(8) }, { kind: "hlt" }]);
        expect([all.read(), seven.read()]).toEqual([2n, 1n]);
        vm.ioeventfd({ eventFd: all, addr: 0x10n, length: 0, pio: true, deassign: true });
        vcpu.setRegs({ ...vcpu.getRegs(), rip: 0n });
        expect(exitsOf(vcpu)).toMatchObject([{ port: 0x10 }, { port: 0x10 }, { port: 0x11 }, { kind: "hlt" }]);
      },
      { code: [...out(0x10, 1), ...out(0x10, 2), ...out(0x11, 7), ...out(0x11, 8), 0xf4] },
    ));

  test("takes the place of writes to an address, of the size that was said", () =>
    withVcpu(
      (vcpu, vm) => {
        const eventFd = vm.createEventFd();
        vm.ioeventfd({ eventFd, addr: 0x2000n, length: 2 });
        expect(exitsOf(vcpu)).toMatchObject([{ kind: "mmio-write", address: 0x2000n, size: 1 }, { kind: "hlt" }]);
        expect(eventFd.read()).toBe(1n);
      },
      { code: [0xa3, 0x00, 0x20, 0xa2, 0x00, 0x20, 0xf4] }, // mov [0x2000], ax; mov [0x2000], al; hlt
    ));

  test("what makes no sense never reaches the kernel", () =>
    withVcpu((_, vm) => {
      const eventFd = vm.createEventFd();
      expect(() => vm.ioeventfd({ eventFd, addr: 0n, length: 3 })).toThrow(
        badArgument("a write has 1, 2, 4 or 8 bytes, not 3"),
      );
      expect(() => vm.ioeventfd({ eventFd, addr: 0x1_0000n, length: 1, pio: true })).toThrow(
        badArgument("no port: 65536n"),
      );
      expect(() => vm.irqfd({ eventFd: { fd: 1 } as typeof eventFd, gsi: 1 })).toThrow(
        badArgument("no event descriptor\n  hint: make one with vm.createEventFd()"),
      );
      expect(() => vm.ioeventfd({ eventFd, addr: 0n, length: 8, deassign: true })).toThrow(
        refused("KVM_IOEVENTFD", "ENOENT"),
      );
      eventFd.close();
      expect(() => vm.irqfd({ eventFd, gsi: 1 })).toThrow(/^the event descriptor is closed/);
    }));
});
