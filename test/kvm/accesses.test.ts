/** Accesses at the edges: strings of port accesses over pages, memory that is read-only, code that is not memory. */
import { expect, test } from "vitest";
import { boot, Kvm, memoryFlags, type Exit, type LoadableImage } from "../../src/kvm/index.ts";
import { realMode, realModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const withRam = (image: LoadableImage): LoadableImage => ({
  ...image,
  memory: [{ ...image.memory[0]!, size: 0x4000n }],
});

/** The bytes of all exits of a kind, in order. */
const bytesOf = (exits: readonly Exit[]): number[] =>
  exits.flatMap((exit) => ("data" in exit && exit.data instanceof Uint8Array ? [...exit.data] : []));

const le16 = (value: number): number[] => [value & 0xff, value >> 8];
const starts = [0x0ffc, 0x0fff, 0x1000, 0x1ffd];

describeKvm("strings of port accesses over a page's end", () => {
  test.each(starts.flatMap((start) => [1, 2, 4].map((size) => [start, size] as const)))(
    "rep outs from %i, %i bytes each",
    async (start, size) => {
      const count = 7;
      // mov dx, 0x70; mov si, START; mov cx, COUNT; rep outsb / outsw / outsd; hlt
      const outs = { 1: [0xf3, 0x6e], 2: [0xf3, 0x6f], 4: [0xf3, 0x66, 0x6f] }[size]!;
      const code = [0xba, 0x70, 0, 0xbe, ...le16(start), 0xb9, count, 0, ...outs, 0xf4];
      using machine = await boot(withRam(realMode(...code)));
      const data = Array.from({ length: size * count }, (_, index) => index + 1);
      machine.writeMemory(BigInt(start), Uint8Array.from(data));
      const exits = [...machine.run({ timeout: "5s" })];
      expect(bytesOf(exits)).toEqual(data);
      const accesses = exits.filter((exit) => exit.kind === "io-out");
      expect(accesses.every((exit) => exit.size === size && exit.data.length === exit.size * exit.count)).toBe(true);
      expect(accesses.reduce((sum, exit) => sum + exit.count, 0)).toBe(count);
      expect(machine.registers()).toMatchObject({ rcx: 0n, rsi: BigInt(start + size * count) });
    },
  );

  test.each(starts.flatMap((start) => [1, 2, 4].map((size) => [start, size] as const)))(
    "rep ins to %i, %i bytes each",
    async (start, size) => {
      const count = 7;
      const ins = { 1: [0xf3, 0x6c], 2: [0xf3, 0x6d], 4: [0xf3, 0x66, 0x6d] }[size]!;
      const code = [0xba, 0x70, 0, 0xbf, ...le16(start), 0xb9, count, 0, ...ins, 0xf4];
      using machine = await boot(withRam(realMode(...code)));
      let next = 1;
      for (const exit of machine.run({ timeout: "5s" })) {
        if (exit.kind === "io-in") for (let at = 0; at < exit.data.length; at++) exit.data[at] = next++;
        else expect(exit.kind).toBe("hlt");
      }
      const expected = Array.from({ length: size * count }, (_, index) => index + 1);
      expect([...machine.readMemory(BigInt(start), size * count)]).toEqual(expected);
      expect(machine.registers()).toMatchObject({ rcx: 0n, rdi: BigInt(start + size * count) });
    },
  );
});

describeKvm("an access over the end of memory", () => {
  test("is memory for the first part and an exit for the rest", async () => {
    // mov word [0x0fff], 0x2211; hlt, where memory ends at 0x1000
    using machine = await boot(realMode(0xc7, 0x06, 0xff, 0x0f, 0x11, 0x22, 0xf4));
    expect([...machine.run()]).toEqual([
      { kind: "mmio-write", address: 0x1000n, size: 1, data: Uint8Array.of(0x22) },
      { kind: "hlt" },
    ]);
    expect([...machine.readMemory(0xfffn, 1)]).toEqual([0x11]);
  });
});

describeKvm("memory that is read-only", () => {
  test("is read as memory; a write is an exit, and changes nothing", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    const ram = { slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n };
    const rom = { slot: 1, guestPhysAddr: 0x1000n, memorySize: 0x1000n, flags: memoryFlags.KVM_MEM_READONLY };
    vm.setUserMemoryRegion(ram);
    vm.setUserMemoryRegion(rom);
    // mov al, [0x1000]; mov [0x1001], al; mov al, [0x1001]; hlt
    vm.writeMemory(0n, Uint8Array.of(0xa0, 0x00, 0x10, 0xa2, 0x01, 0x10, 0xa0, 0x01, 0x10, 0xf4));
    vm.writeMemory(0x1000n, Uint8Array.of(0x5a, 0xa5));
    const vcpu = vm.createVcpu(0);
    const { apicBase, interruptBitmap } = vcpu.getSregs();
    vcpu.setSregs({ ...realModeCpu, apicBase, interruptBitmap });
    vcpu.setRegs(zeroRegisters);
    expect(vcpu.run()).toEqual({ kind: "mmio-write", address: 0x1001n, size: 1, data: Uint8Array.of(0x5a) });
    expect(vcpu.run()).toEqual({ kind: "hlt" });
    expect(vcpu.getRegs().rax).toBe(0xa5n);
    expect([...vm.readMemory(0x1000n, 2)]).toEqual([0x5a, 0xa5]);
  });

  test("that is taken away is an exit for reads, too", async () => {
    using machine = await boot(realMode(0xa0, 0x00, 0x10, 0xa0, 0x00, 0x10, 0xf4)); // mov al, [0x1000], twice; hlt
    machine.vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x1000n, memorySize: 0x1000n });
    machine.vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x1000n, memorySize: 0n });
    expect(Array.from(machine.run(), ({ kind }) => kind)).toEqual(["mmio-read", "mmio-read", "hlt"]);
  });
});

describeKvm("the dirty log", () => {
  test("has a bit for each page that the guest wrote to, once", async () => {
    // mov byte [0x1000], 1; mov byte [0x3fff], 2; hlt
    using machine = await boot(withRam(realMode(0xc6, 0x06, 0, 0x10, 1, 0xc6, 0x06, 0xff, 0x3f, 2, 0xf4)));
    const flags = memoryFlags.KVM_MEM_LOG_DIRTY_PAGES;
    machine.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x4000n, flags });
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
    expect([...machine.vm.getDirtyLog(0)]).toEqual([0b1010, 0, 0, 0, 0, 0, 0, 0]);
    expect([...machine.vm.getDirtyLog(0)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(() => machine.vm.getDirtyLog(9)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message: "there is no slot 9" }),
    );
  });
});
