/** Ports and addresses by size, place and count, and code where there is no memory. */
import { expect, test } from "vitest";
import { boot, type Exit } from "../../src/kvm/index.ts";
import { longMode, realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

/** A value whose bytes tell each other apart. */
const pattern = (size: number): number[] => Array.from({ length: size }, (_, index) => 0x11 * (index + 1));

const bytesOf = (value: bigint, size: number): number[] =>
  Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));

/** In 64-bit code with memory up to 0x5000: `mov [0x4000 + OFFSET], REGISTER` and back, by the size of the register. */
const stores: Readonly<Record<number, readonly number[]>> = { 1: [0x88], 2: [0x66, 0x89], 4: [0x89], 8: [0x48, 0x89] };
const loads: Readonly<Record<number, readonly number[]>> = { 1: [0x8a], 2: [0x66, 0x8b], 4: [0x8b], 8: [0x48, 0x8b] };
const at = (address: number): number[] => [0x04, 0x25, address & 0xff, (address >> 8) & 0xff, 0, 0];

describeKvm("an access to an address that is no memory", () => {
  // Virtual 0x4000 is physical 0x8000, beyond the memory.
  const cases = [1, 2, 4, 8].flatMap((size) => [0, 1, 3, 7, 0x100].map((offset) => [size, offset] as const));

  test.each(cases)("of %i bytes, %i bytes on, is one exit with its bytes", async (size, offset) => {
    const image = longMode(...stores[size]!, ...at(0x4000 + offset), ...loads[size]!, ...at(0x4000 + offset), 0xf4);
    const rax = 0x8877_6655_4433_2211n;
    using machine = await boot({ ...image, cpu: { ...image.cpu, regs: { ...image.cpu.regs, rax } } });
    const exits: Exit[] = [];
    for (const exit of machine.run()) {
      exits.push(exit);
      if (exit.kind === "mmio-read") exit.data.set(pattern(size).toReversed());
    }
    const address = 0x8000n + BigInt(offset);
    expect(exits).toEqual([
      { kind: "mmio-write", address, size, data: Uint8Array.from(pattern(size)) },
      { kind: "mmio-read", address, size, data: Uint8Array.from(pattern(size).toReversed()) },
      { kind: "hlt" },
    ]);
    // A write to a register of 32 bits clears the upper half; one of 8 or 16 leaves the rest (SDM vol. 1, 3.4.1.1).
    const kept = size === 4 ? 0n : (rax >> BigInt(8 * size)) << BigInt(8 * size);
    const after =
      kept +
      BigInt(
        `0x${pattern(size)
          .map((byte) => byte.toString(16))
          .join("")}`,
      );
    expect(machine.registers().rax).toBe(after);
  });

  test.each([2, 4, 8])("of %i bytes over a page's end is as many exits as KVM needs, in order", async (size) => {
    // Virtual 0x3fff is the last byte of memory: the rest of it is none.
    const image = longMode(...stores[size]!, ...at(0x3fff), 0xf4);
    const rax = 0x8877_6655_4433_2211n;
    using machine = await boot({ ...image, cpu: { ...image.cpu, regs: { ...image.cpu.regs, rax } } });
    const exits = [...machine.run()];
    expect(exits.at(-1)).toEqual({ kind: "hlt" });
    const written = exits.flatMap((exit) => (exit.kind === "mmio-write" ? [...exit.data] : []));
    expect([...machine.readMemory(0x7fffn, 1), ...written]).toEqual(bytesOf(rax, size));
  });
});

describeKvm("an access to a port", () => {
  const ports = [0, 1, 0x3f8, 0xfffc];
  const cases = [1, 2, 4].flatMap((size) => ports.map((port) => [size, port] as const));

  test.each(cases)("of %i bytes, to %i, is one exit with its bytes", async (size, port) => {
    // mov dx, PORT; out dx, al/ax/eax; in al/ax/eax, dx; hlt
    const prefix = size === 4 ? [0x66] : [];
    const [out, input] = size === 1 ? [0xee, 0xec] : [0xef, 0xed];
    const image = realMode(0xba, port & 0xff, port >> 8, ...prefix, out, ...prefix, input, 0xf4);
    const rax = 0x4433_2211n;
    using machine = await boot({ ...image, cpu: { ...image.cpu, regs: { ...image.cpu.regs, rax } } });
    const exits: Exit[] = [];
    for (const exit of machine.run()) {
      exits.push(exit);
      if (exit.kind === "io-in") exit.data.fill(0x5a);
    }
    expect(exits).toEqual([
      { kind: "io-out", port, size, count: 1, data: Uint8Array.from(pattern(size)) },
      { kind: "io-in", port, size, count: 1, data: new Uint8Array(size).fill(0x5a) },
      { kind: "hlt" },
    ]);
    const kept = (rax >> BigInt(8 * size)) << BigInt(8 * size);
    expect(machine.registers().rax).toBe(kept + BigInt(`0x${"5a".repeat(size)}`));
  });
});

describeKvm("code where there is no memory", () => {
  test("ends the run with the error that it is, and the machine stays readable", async () => {
    using machine = await boot(realMode(0xe9, 0xfd, 0x4f)); // jmp 0x5000
    const exits = [...machine.run({ timeout: "2s" })];
    expect(exits).toHaveLength(1);
    expect(exits[0]).toMatchObject({ kind: "internal-error", suberror: 1 });
    expect(machine.registers().rip).toBe(0x5000n);
    // Memory there, and the guest goes on.
    machine.vm.setUserMemoryRegion({ slot: 9, guestPhysAddr: 0x5000n, memorySize: 0x1000n });
    machine.writeMemory(0x5000n, Uint8Array.of(0xf4));
    expect([...machine.run()]).toEqual([{ kind: "hlt" }]);
  });
});
