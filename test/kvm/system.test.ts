/** `/dev/kvm`, VMs and vCPUs by themselves, one ioctl at a time. */
import { expect, test } from "vitest";
import { capabilityNumbers, guestDebugFlags, Kvm, memoryFlags, type CapabilityName } from "../../src/kvm/index.ts";
import { noCompiler, runC } from "./c-program.ts";
import { realModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const badArgument = (message: string | RegExp): unknown =>
  expect.objectContaining({ code: "BAD_ARGUMENT", message: expect.stringMatching(message) as unknown });

describeKvm("/dev/kvm", () => {
  test("speaks API version 12", async () => {
    using kvm = await Kvm.open();
    expect(kvm.getApiVersion()).toBe(12);
    expect(kvm.getVcpuMmapSize()).toBeGreaterThanOrEqual(4096);
  });

  test.skipIf(noCompiler !== undefined)("every capability is what C gets, of the device and of a VM", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const names = Object.keys(capabilityNumbers) as CapabilityName[];
    const ours = names.map((name) => [name, kvm.checkExtension(name), vm.checkExtension(name)]);
    const output = runC(`
      #include <fcntl.h>
      #include <stdio.h>
      #include <sys/ioctl.h>
      #include <linux/kvm.h>
      int main(void) {
        int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, 0);
        ${names
          .map(
            (name) => `printf("%d %d\\n", ioctl(kvm, KVM_CHECK_EXTENSION, ${capabilityNumbers[name]}),
            ioctl(vm, KVM_CHECK_EXTENSION, ${capabilityNumbers[name]}));`,
          )
          .join("\n")}
        return 0;
      }`);
    const lines = output.toString().trimEnd().split("\n");
    expect(ours).toEqual(names.map((name, index) => [name, ...lines[index]!.split(" ").map(Number)]));
    expect(kvm.checkExtension("KVM_CAP_USER_MEMORY")).toBe(1);
    expect(kvm.checkExtension(capabilityNumbers.KVM_CAP_USER_MEMORY)).toBe(1);
    expect(kvm.getNrVcpus()).toBeGreaterThan(0);
    expect(kvm.getMaxVcpus()).toBeGreaterThanOrEqual(kvm.getNrVcpus());
  });

  test("a name that is no capability", async () => {
    using kvm = await Kvm.open();
    for (const name of ["KVM_CAP_NONE", "toString", "constructor", -1, 1.5, undefined]) {
      expect(() => kvm.checkExtension(name as CapabilityName)).toThrow(badArgument(/^no such capability: /));
    }
  });

  test("offers a CPUID with a vendor", async () => {
    using kvm = await Kvm.open();
    const leaf0 = kvm.getSupportedCpuid().find((entry) => entry.function === 0)!;
    const vendor = Buffer.from(Uint32Array.of(leaf0.ebx, leaf0.edx, leaf0.ecx).buffer).toString("latin1");
    expect(vendor).toMatch(/^[\x20-\x7e]{12}$/);
  });

  test("after the end every call says so", async () => {
    const kvm = await Kvm.open();
    const vm = kvm.createVm();
    const vcpu = vm.createVcpu(0);
    kvm.close();
    kvm.close();
    expect(() => kvm.createVm()).toThrow(
      expect.objectContaining({
        code: "CLOSED",
        message:
          "KVM's device is closed\n  hint: with `using` it is closed at the end of the block; keep it open as long as it is used",
      }),
    );
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    vm.close();
    vm.close();
    vcpu.close();
    const closed: unknown = expect.objectContaining({ code: "CLOSED" });
    for (const use of [
      () => vm.checkExtension("KVM_CAP_NR_VCPUS"),
      () => vm.createVcpu(1),
      () => vm.readMemory(0n, 1),
      () => vm.writeMemory(0n, new Uint8Array(1)),
      () => vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x1000n, memorySize: 0x1000n }),
      () => vcpu.getRegs(),
      () => vcpu.setRegs(zeroRegisters),
      () => vcpu.getSregs(),
      () => vcpu.getMsrs([0x10]),
      () => vcpu.translate(0n),
      () => vcpu.setGuestDebug({ control: 0 }),
      () => vcpu.run(),
    ]) {
      expect(use).toThrow(closed);
    }
  });
});

describeKvm("guest memory", () => {
  test("is zero, holds what is written, and is read across slots", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x2000n, memorySize: 0x1000n });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0x1000n, memorySize: 0x1000n });
    expect(vm.readMemory(0x1000n, 0x2000).every((byte) => byte === 0)).toBe(true);
    vm.writeMemory(0x1ffen, Uint8Array.of(0, 1, 2, 3, 4, 5).subarray(1, 5));
    expect([...vm.readMemory(0x1ffdn, 6)]).toEqual([0, 1, 2, 3, 4, 0]);
    expect([...vm.readMemory(0x2000n, 2)]).toEqual([3, 4]);
    expect(vm.readMemory(0x1000n, 0)).toEqual(new Uint8Array(0));
  });

  test("a copy is a copy", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    const copy = vm.readMemory(0n, 4);
    copy.fill(7);
    expect([...vm.readMemory(0n, 4)]).toEqual([0, 0, 0, 0]);
    vm.close();
    expect([...copy]).toEqual([7, 7, 7, 7]);
  });

  test("what is not memory is neither read nor written, not even in part", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    expect(() => vm.readMemory(0n, 1)).toThrow(badArgument(/hint: the VM has no memory yet$/));
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0x1000n, memorySize: 0x1000n });
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x3000n, memorySize: 0x1000n });
    expect(() => vm.writeMemory(0x1fffn, Uint8Array.of(1, 2))).toThrow(
      badArgument(
        "^guest-physical 0x2000 is not memory \\(asked for 2 bytes from 0x1fff\\)\n" +
          "  hint: memory lies at 0x1000-0x1fff, 0x3000-0x3fff$",
      ),
    );
    expect([...vm.readMemory(0x1fffn, 1)]).toEqual([0]);
    for (const [at, size] of [
      [0xfffn, 2],
      [0x2fffn, 1],
      [0x3fffn, 2],
      [0x1000n, 0x3000],
      [-1n, 1],
      [0x1000, 1],
      [0x1000n, -1],
      [0x1000n, 1.5],
      [0x1000n, 2 ** 53],
      [0x1000n, 2 ** 40],
      [1n << 64n, 1],
    ] as [bigint, number][]) {
      expect(() => vm.readMemory(at, size)).toThrow(badArgument(""));
    }
    expect(() => vm.writeMemory(0x1000n, [1, 2] as unknown as Uint8Array)).toThrow(badArgument("no Uint8Array"));
  });

  test("a slot moves with what is in it, and goes", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const slot = { slot: 3, memorySize: 0x2000n };
    vm.setUserMemoryRegion({ ...slot, guestPhysAddr: 0n });
    vm.writeMemory(0x1000n, Uint8Array.of(0x42));
    vm.setUserMemoryRegion({ ...slot, guestPhysAddr: 0x10000n, flags: memoryFlags.KVM_MEM_LOG_DIRTY_PAGES });
    expect([...vm.readMemory(0x11000n, 1)]).toEqual([0x42]);
    expect(() => vm.readMemory(0x1000n, 1)).toThrow(badArgument(""));
    expect(() => vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n, memorySize: 0x1000n })).toThrow(
      badArgument(/^slot 3 has 8192 bytes and cannot get 4096\n {2}hint: take the slot away first$/),
    );
    vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n, memorySize: 0n });
    expect(() => vm.readMemory(0x11000n, 1)).toThrow(badArgument(""));
    expect(() => vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n, memorySize: 0n })).toThrow(
      badArgument(/^there is no slot 3 to take away$/),
    );
  });

  test("a slot does not become read-only, nor the other way round, which KVM refuses without a reason", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const writable = { slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n };
    const readOnly = { slot: 1, guestPhysAddr: 0x1000n, memorySize: 0x1000n, flags: memoryFlags.KVM_MEM_READONLY };
    for (const region of [writable, readOnly]) vm.setUserMemoryRegion(region);
    expect(() => vm.setUserMemoryRegion({ ...writable, flags: memoryFlags.KVM_MEM_READONLY })).toThrow(
      badArgument(/^slot 0 cannot become read-only\n {2}hint: take the slot away first$/),
    );
    expect(() => vm.setUserMemoryRegion({ ...readOnly, flags: 0 })).toThrow(
      badArgument(/^slot 1 is read-only and stays so\n {2}hint: take the slot away first$/),
    );
  });

  test("the memory of a VM that is closed is not asked for by its slots", async () => {
    using kvm = await Kvm.open();
    const vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    vm.close();
    for (const call of [
      () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0n }),
      () => vm.getDirtyLog(0),
      () => vm.clearDirtyLog(0, new Uint8Array(8)),
    ]) {
      expect(call).toThrow(/^the VM is closed/);
    }
  });

  test.each([
    ["a slot's address is no multiple of 4096: 0x800", { guestPhysAddr: 0x800n }],
    ["a slot's size is no multiple of 4096: 0x1001", { memorySize: 0x1001n }],
    ["a slot's address is no bigint from 0 to 0x10000000000000: -4096", { guestPhysAddr: -4096n }],
    ["a slot's address is no bigint from 0 to 0x10000000000000: 0", { guestPhysAddr: 0 }],
    [
      "a slot of 8192 bytes at 0xffffffffff000 runs past 2^52",
      { guestPhysAddr: 0xf_ffff_ffff_f000n, memorySize: 0x2000n },
    ],
    ["no number of a slot: -1", { slot: -1 }],
    ["no number of a slot: 65536", { slot: 65536 }],
    ["no flags of a slot: 4", { flags: 4 }],
  ])("no system call sees: %s", async (message, changes) => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const region = { slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n, ...changes };
    expect(() => vm.setUserMemoryRegion(region as never)).toThrow(badArgument(`^${message.replace("^", "\\^")}`));
  });

  test("two slots over one address: the kernel's own refusal", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x2000n });
    expect(() => vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x1000n, memorySize: 0x1000n })).toThrow(
      expect.objectContaining({ code: "IOCTL_FAILED", errno: "EEXIST" }),
    );
  });
});

describeKvm("a vCPU", () => {
  test("gives back the registers it was given", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const registers = { ...zeroRegisters, rax: 0xffff_ffff_ffff_ffffn, r15: 0x1234n, rip: 0xfff0n };
    vcpu.setRegs(registers);
    expect(vcpu.getRegs()).toEqual(registers);
    const { apicBase, interruptBitmap } = vcpu.getSregs();
    vcpu.setSregs({ ...realModeCpu, apicBase, interruptBitmap });
    const { regs: _, ...special } = realModeCpu;
    expect(vcpu.getSregs()).toEqual({ ...special, apicBase, interruptBitmap });
  });

  test("model-specific registers by number, and the first that there is none of", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const [GS_BASE, KERNEL_GS_BASE] = [0xc000_0101, 0xc000_0102];
    vcpu.setMsrs([
      { index: GS_BASE, data: 0xbbbb_bbbbn },
      { index: KERNEL_GS_BASE, data: 0xaaaa_aaaan },
    ]);
    expect(vcpu.getMsrs([KERNEL_GS_BASE, GS_BASE])).toEqual([0xaaaa_aaaan, 0xbbbb_bbbbn]);
    expect(vcpu.getMsrs([])).toEqual([]);
    expect(() => vcpu.getMsrs([GS_BASE, 0xdead_beef, KERNEL_GS_BASE])).toThrow(
      expect.objectContaining({
        code: "PARTLY_DONE",
        value: 0xdead_beef,
        message:
          "KVM_GET_MSRS stopped at MSR 0xdeadbeef, after 1\n" +
          "  hint: this KVM does not offer that MSR to this vCPU, or refuses the value",
      }),
    );
    expect(() => vcpu.setMsrs([{ index: 0xdead_beef, data: 0n }])).toThrow(
      expect.objectContaining({ code: "PARTLY_DONE", value: 0xdead_beef }),
    );
  });

  test("single-steps", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    vm.writeMemory(0n, Uint8Array.of(0x90, 0x40, 0x90, 0xf4)); // nop; inc ax; nop; hlt
    const { apicBase, interruptBitmap } = vcpu.getSregs();
    vcpu.setSregs({ ...realModeCpu, apicBase, interruptBitmap });
    vcpu.setRegs(zeroRegisters);
    vcpu.setGuestDebug({ control: guestDebugFlags.KVM_GUESTDBG_ENABLE | guestDebugFlags.KVM_GUESTDBG_SINGLESTEP });
    const steps = [vcpu.run(), vcpu.run()];
    expect(steps).toMatchObject([
      { kind: "debug", exception: 1, pc: 1n },
      { kind: "debug", exception: 1, pc: 2n },
    ]);
    expect(vcpu.getRegs().rax).toBe(1n);
    vcpu.setGuestDebug({ control: 0 });
    expect(vcpu.run()).toEqual({ kind: "hlt" });
  });

  test("what makes no sense never reaches the kernel", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const id of [-1, 1.5, 2 ** 31]) expect(() => vm.createVcpu(id)).toThrow(badArgument("no number of a vCPU"));
    expect(() => vm.createVcpu(0)).toThrow(expect.objectContaining({ code: "IOCTL_FAILED", errno: "EEXIST" }));
    expect(() => vcpu.setRegs({ ...zeroRegisters, rip: -1n })).toThrow(badArgument("^rip is no bigint"));
    expect(() => vcpu.setGuestDebug({ control: 1, debugreg: Array<bigint>(9).fill(0n) })).toThrow(
      badArgument("^there are 8 debug registers, not 9$"),
    );
    expect(() => vcpu.translate(-1n)).toThrow(badArgument("^the linear address is no bigint"));
    expect(() => vm.setTssAddr(0xfff0_0800n)).toThrow(badArgument("no multiple of 4096"));
    expect(() => vm.setTssAddr(1n << 33n)).toThrow(badArgument("no bigint from 0 to 0x100000000"));
  });

  test("a control register that no CPU takes: the ioctl's name, its errno and a hint", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const special = { ...vcpu.getSregs(), cr4: 1n << 63n };
    expect(() => vcpu.setSregs(special)).toThrow(
      expect.objectContaining({
        code: "IOCTL_FAILED",
        errno: "EINVAL",
        message: expect.stringMatching(
          /^KVM_SET_SREGS failed: EINVAL\n {2}hint: a control register or EFER/,
        ) as unknown,
      }),
    );
  });
});
