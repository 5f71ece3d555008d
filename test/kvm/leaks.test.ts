/** Nothing is left behind: descriptors, mappings, timers and signals are counted before and after. */
import { expect, test } from "vitest";
import { Descriptor } from "../../src/kvm/host/descriptor.ts";
import { boot, Kvm, type LoadableImage } from "../../src/kvm/index.ts";
import type { Libc } from "../../src/kvm/host/libc.ts";
import { createVm } from "../../src/kvm/calls/vm.ts";
import { counting, realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { HUGE_SIZE, resources } from "./resources.ts";

const huge = (image: LoadableImage): LoadableImage => ({
  ...image,
  memory: [{ ...image.memory[0]!, size: HUGE_SIZE }],
});

describeKvm("what a machine holds", () => {
  test("is there while it lives, so that the counts below can fail", async () => {
    const before = resources();
    const machine = await boot(huge(counting));
    const during = resources();
    machine.close();
    expect({
      descriptors: during.descriptors - before.descriptors,
      vcpuMappings: during.vcpuMappings - before.vcpuMappings,
      memory: during.memory - before.memory,
    }).toEqual({ descriptors: 2, vcpuMappings: 1, memory: 1 });
    expect(resources()).toEqual(before);
  });

  test("a hundred boots, run to the end, left half way, or never run", async () => {
    const before = resources();
    for (let round = 0; round < 100; round++) {
      using machine = await boot(huge(round % 2 === 0 ? realMode(0xe6, 0x10, 0xf4) : counting));
      if (round % 4 === 1) continue;
      let exits = 0;
      for (const exit of machine.run()) if (exit.kind === "hlt" || ++exits === 3) break;
    }
    expect(resources()).toEqual(before);
  });

  test("a hundred boots that fail, each at another place", async () => {
    const before = resources();
    const good = huge(realMode(0xf4));
    const bad: readonly LoadableImage[] = [
      { ...good, memory: [...good.memory, ...good.memory] },
      { ...good, memory: [...good.memory, { ...good.memory[0]!, at: 0x10_0000_0000n, size: 1n << 50n }] },
      { ...good, chunks: [{ name: "outside", at: HUGE_SIZE, bytes: new Uint8Array(1) }] },
      { ...good, cpu: { ...good.cpu, cr4: 1n << 63n } },
      { ...good, cpu: { ...good.cpu, regs: { ...good.cpu.regs, rip: -1n } } },
      { ...good, cpu: { ...good.cpu, segments: {} as typeof good.cpu.segments } },
      { ...good, cpu: undefined as unknown as typeof good.cpu },
      { ...good, memory: undefined as unknown as typeof good.memory },
    ];
    for (let round = 0; round < 100; round++) {
      await expect(boot(bad[round % bad.length]!)).rejects.toThrow(Error);
    }
    expect(resources()).toEqual(before);
  });

  test("a hundred devices that are none", async () => {
    const { readdirSync } = await import("node:fs");
    const count = (): number => readdirSync("/proc/self/fd").length;
    await Kvm.open({ device: "/dev/null" }).catch(() => undefined);
    const before = count();
    for (let round = 0; round < 100; round++) {
      await expect(Kvm.open({ device: "/dev/null" })).rejects.toMatchObject({ code: "NOT_KVM" });
    }
    expect(count()).toBe(before);
  });
});

test("a VM that cannot map what it needs gives back what it has: with a C library that refuses", () => {
  const calls: string[] = [];
  const refusing: Libc = {
    open: () => -1,
    close: (fd) => calls.push(`close ${fd}`),
    ioctl: () => 8,
    ioctlBytes: () => -1,
    mmap: (length) => (length === 8192 ? undefined : 0x7000n),
    munmap: (address, length) => calls.push(`munmap ${address} ${length}`),
    eventfd: () => -1,
    read: () => -1,
    pread: () => -1,
    write: () => -1,
    copyFrom: () => undefined,
    copyTo: () => undefined,
    copyMemory: () => undefined,
    view: () => new ArrayBuffer(0),
    syscall: () => -1,
    sigaction: () => -1,
    harmless: 0x6000n,
    sigtimedwait: () => -1,
    errno: () => 12,
  };
  const vm = createVm(new Descriptor(refusing, 7, "the VM"), 8192);
  expect(() => vm.createVcpu(0)).toThrow(
    expect.objectContaining({ code: "CALL_FAILED", errno: "ENOMEM", message: "mmap of the vCPU failed: ENOMEM" }),
  );
  expect(calls).toEqual(["close 8"]);
  expect(() => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n })).toThrow(
    expect.objectContaining({ code: "IOCTL_FAILED", errno: "ENOMEM" }),
  );
  expect(calls).toEqual(["close 8", "munmap 28672 4096"]);
  vm.close();
  expect(calls).toEqual(["close 8", "munmap 28672 4096", "close 7"]);
});
