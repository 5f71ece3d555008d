/** What answers at the addresses of each kind of region, and what a snapshot makes of shared memory. */
import { describe, expect, test } from "vitest";
import { boot, Kvm, memoryFlags, type LoadableImage } from "../../src/kvm/index.ts";
import { slotsOf } from "../../src/kvm/machine/memory-slots.ts";
import type { MemoryRegion } from "../../src/layout/image.ts";
import { realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const ram: MemoryRegion = { name: "ram", kind: "ram", at: 0n, size: 0x2000n };

const withMemory = (image: LoadableImage, ...memory: readonly MemoryRegion[]): LoadableImage => ({ ...image, memory });

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

describe("slots of regions", () => {
  test("have the numbers of their regions, aliases after what they show", () => {
    const regions: MemoryRegion[] = [
      { name: "window", kind: "alias", at: 0n, size: 0x1000n, of: "flash", offset: 0x1000n },
      { name: "apic", kind: "mmio", at: 0xfee0_0000n, size: 0x1000n },
      { name: "flash", kind: "rom", at: 0xffff_0000n, size: 0x2000n },
      { name: "hole", kind: "reserved", at: 0xa_0000n, size: 0x1000n },
    ];
    const readOnly = memoryFlags.KVM_MEM_READONLY;
    expect(slotsOf(regions)).toEqual([
      { slot: 2, guestPhysAddr: 0xffff_0000n, memorySize: 0x2000n, flags: readOnly },
      { slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n, flags: readOnly, shared: { slot: 2, offset: 0x1000n } },
    ]);
  });

  test("are not made of what makes no sense", () => {
    const alias = { ...ram, name: "a", kind: "alias", of: "b", offset: 0n } as const;
    expect(() => slotsOf([alias])).toThrow(
      badArgument('memory region "a" is an alias of "b", which is no memory\n  hint: there is no memory at all'),
    );
    expect(() => slotsOf([ram, alias, { ...alias, name: "b" }])).toThrow(
      badArgument('memory region "a" is an alias of "b", which is no memory\n  hint: memory is "ram"'),
    );
    expect(() => slotsOf([ram, alias, { ...ram, name: "b", kind: "mmio" }])).toThrow(
      badArgument('memory region "a" is an alias of "b", which is no memory\n  hint: memory is "ram"'),
    );
    expect(() => slotsOf([{ ...ram, kind: "flash" as "rom" }])).toThrow(
      badArgument(
        'memory region 0 is of no kind: "flash"\n  hint: a region is one of: ram, rom, mmio, reserved, alias',
      ),
    );
  });
});

describeKvm("a region", () => {
  test("of kind rom is filled by the host, read by the guest, and exits for its writes", async () => {
    // mov al, [0x2000]; inc al; mov [0x2001], al; mov al, [0x2001]; hlt
    const image = realMode(0xa0, 0x00, 0x20, 0xfe, 0xc0, 0xa2, 0x01, 0x20, 0xa0, 0x01, 0x20, 0xf4);
    const rom = { name: "rom", at: 0x2000n, bytes: Uint8Array.of(0x5a, 0xa5) };
    using machine = await boot({
      ...withMemory(image, ram, { name: "rom", kind: "rom", at: 0x2000n, size: 0x1000n }),
      chunks: [...image.chunks, rom],
    });
    expect([...machine.run()]).toEqual([
      { kind: "mmio-write", address: 0x2001n, size: 1, data: Uint8Array.of(0x5b) },
      { kind: "hlt" },
    ]);
    expect(machine.registers().rax).toBe(0xa5n);
    expect([...machine.readMemory(0x2000n, 2)]).toEqual([0x5a, 0xa5]);
  });

  test.each(["mmio", "reserved"] as const)("of kind %s is no memory: every access exits", async (kind) => {
    // mov [0x2000], al; mov al, [0x2000]; hlt
    const image = realMode(0xa2, 0x00, 0x20, 0xa0, 0x00, 0x20, 0xf4);
    using machine = await boot(withMemory(image, ram, { name: "device", kind, at: 0x2000n, size: 0x1000n }));
    expect(Array.from(machine.run(), (exit) => exit.kind)).toEqual(["mmio-write", "mmio-read", "hlt"]);
    expect(() => machine.readMemory(0x2000n, 1)).toThrow(/^guest-physical 0x2000 is not memory/);
  });

  test("of kind alias shows the memory of another, for the guest and for the host", async () => {
    // mov al, [0x8000]; inc al; mov [0x8001], al; mov al, [0x1001]; hlt
    const image = realMode(0xa0, 0x00, 0x80, 0xfe, 0xc0, 0xa2, 0x01, 0x80, 0xa0, 0x01, 0x10, 0xf4);
    using machine = await boot(
      withMemory(image, { name: "again", kind: "alias", at: 0x8000n, size: 0x1000n, of: "ram", offset: 0x1000n }, ram),
    );
    machine.writeMemory(0x1000n, Uint8Array.of(0x20));
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
    expect(machine.registers().rax).toBe(0x21n);
    expect([...machine.readMemory(0x1000n, 2)]).toEqual([0x20, 0x21]);
    expect([...machine.readMemory(0x8000n, 2)]).toEqual([0x20, 0x21]);
  });

  test("of kind alias of a rom is as read-only", async () => {
    const image = realMode(0xc6, 0x06, 0x00, 0x80, 0x77, 0xf4); // mov byte [0x8000], 0x77; hlt
    const rom: MemoryRegion = { name: "rom", kind: "rom", at: 0x4000n, size: 0x1000n };
    using machine = await boot(
      withMemory(image, ram, rom, { name: "again", kind: "alias", at: 0x8000n, size: 0x1000n, of: "rom", offset: 0n }),
    );
    expect(Array.from(machine.run(), (exit) => exit.kind)).toEqual(["mmio-write", "hlt"]);
    machine.writeMemory(0x8000n, Uint8Array.of(0x33));
    expect([...machine.readMemory(0x4000n, 1)]).toEqual([0x33]);
  });

  test("that shares memory comes back with a snapshot, whichever address was written to", async () => {
    // each: inc byte [0x8000]; inc byte [0x1001]; out 0x10, al; jmp each
    const image = realMode(0xfe, 0x06, 0x00, 0x80, 0xfe, 0x06, 0x01, 0x10, 0xe6, 0x10, 0xeb, 0xf4);
    using machine = await boot(
      withMemory(
        image,
        ram,
        { name: "again", kind: "alias", at: 0x8000n, size: 0x1000n, of: "ram", offset: 0x1000n },
        { name: "rom", kind: "rom", at: 0x1_0000n, size: 0x1000n },
      ),
    );
    const take = (maxExits: number): void => expect([...machine.run({ maxExits })]).toHaveLength(maxExits + 1);
    const bytes = (): number[] => [...machine.readMemory(0x1000n, 3), ...machine.readMemory(0x1_0000n, 1)];
    take(3);
    const first = machine.snapshot();
    const before = bytes();
    expect(before).toEqual([3, 3, 0, 0]);
    take(4);
    const second = machine.snapshot();
    const later = bytes();
    for (const [snapshot, wanted] of [
      [second, later],
      [first, before],
      [first, before],
      [second, later],
    ] as const) {
      take(5);
      machine.writeMemory(0x8002n, Uint8Array.of(0x99));
      machine.writeMemory(0x1_0000n, Uint8Array.of(0x98));
      expect(bytes()).not.toEqual(wanted);
      machine.restore(snapshot);
      expect(bytes()).toEqual(wanted);
    }
    expect(first.memorySize).toBe(0x3000);
  });
});

describeKvm("a slot that shares memory", () => {
  test("keeps it when the other slot goes", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x2000n });
    vm.setUserMemoryRegion({
      slot: 1,
      guestPhysAddr: 0x8000n,
      memorySize: 0x1000n,
      shared: { slot: 0, offset: 0x1000n },
    });
    vm.writeMemory(0x1000n, Uint8Array.of(7));
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0n });
    expect([...vm.readMemory(0x8000n, 1)]).toEqual([7]);
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x4000n, memorySize: 0x1000n });
    expect([...vm.readMemory(0x4000n, 1)]).toEqual([7]);
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x4000n, memorySize: 0n });
    expect(() => vm.readMemory(0x4000n, 1)).toThrow(/^guest-physical 0x4000 is not memory/);
  });

  test("of what is not there, or not so long, is refused", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const region = { slot: 1, guestPhysAddr: 0x8000n, memorySize: 0x1000n };
    const share = (slot: number, offset: bigint): void =>
      vm.setUserMemoryRegion({ ...region, shared: { slot, offset } });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x2000n });
    expect(() => share(4, 0n)).toThrow(badArgument("there is no slot 4 to share"));
    expect(() => share(0, 0x2000n)).toThrow(badArgument("slot 0 has 8192 bytes, not 4096 from 0x2000 on"));
    expect(() => share(0, 0x800n)).toThrow(badArgument("the offset of shared memory is no multiple of 4096: 0x800"));
    share(0, 0x1000n);
    expect(() => share(0, 0n)).toThrow(
      badArgument("slot 1 has 4096 bytes and cannot begin to share others\n  hint: take the slot away first"),
    );
  });
});
