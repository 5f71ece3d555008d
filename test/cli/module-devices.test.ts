import { expect, test, vi } from "vitest";
import { devicesOfModule } from "../../src/cli/guest/module-devices.ts";
import { debugConsole, serialPort, type MmioDevice } from "guestwright/kvm";

const ports = { at: 0x70, size: 2 };
const read = (devices: unknown) => devicesOfModule("guest.ts", new Map([["devices", devices]]));

test("a file that is no module has none, and neither has a module that exports none", () => {
  expect(devicesOfModule("guest.json", undefined)).toEqual([]);
  expect(devicesOfModule("guest.ts", new Map([["image", 1]]))).toEqual([]);
});

test("devices are as the library takes them", () => {
  const u64 = vi.fn<(offset: number) => bigint>(() => 5n);
  const [first, second, third] = read([
    { name: "timer", mmio: { at: 0x9000n, size: 8 }, read: { u64, u8: undefined } },
    debugConsole(),
    serialPort(),
  ]);
  expect(first).toMatchObject({ name: "timer", mmio: { at: 0x9000n, size: 8 }, write: {} });
  expect((first as MmioDevice).read!.u64!(4)).toBe(5n);
  expect(u64).toHaveBeenCalledWith(4);
  expect(second).toMatchObject({ name: debugConsole().name, ports: debugConsole().ports });
  expect(third).toMatchObject({ name: serialPort().name, ports: serialPort().ports });
});

test.each<readonly [problem: string, devices: unknown]>([
  ["devices must be an array of devices; got an object", {}],
  ["devices[0] must be a device; got 5", [5]],
  ["devices[0].name must be text; got nothing", [{ ports }]],
  ["devices[0].ports must be a range of ports, or .mmio one of addresses; got nothing", [{ name: "a" }]],
  ["devices[0].ports must be a range, { at, size }; got 112", [{ name: "a", ports: 0x70 }]],
  ["devices[0].ports.at must be a number; got 112n", [{ name: "a", ports: { at: 0x70n, size: 2 } }]],
  ["devices[0].mmio.at must be a bigint; got 112", [{ name: "a", mmio: { at: 0x70, size: 2 } }]],
  ["devices[0].ports.size must be a number; got nothing", [{ name: "a", ports: { at: 0x70 } }]],
  ["devices[0].read must be an object of handlers; got a function", [{ name: "a", ports, read: () => 1 }]],
  ['devices[0].read must be handlers named u8, u16, u32; got "u64"', [{ name: "a", ports, read: { u64: () => 1n } }]],
  [
    'devices[0].write must be handlers named u8, u16, u32, u64; got "byte"',
    [{ name: "a", mmio: { at: 0n, size: 1 }, write: { byte: () => 1 } }],
  ],
  [
    "devices[1].write.u8 must be a function; got 1",
    [
      { name: "a", ports },
      { name: "b", ports, write: { u8: 1 } },
    ],
  ],
])("%s", (problem, devices) => {
  expect(() => read(devices)).toThrow(
    expect.objectContaining({
      code: "NO_DEVICES",
      exit: "input",
      message: `guest.ts exports devices, and ${problem}\n  hint: export const devices: Device[] = [{ name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => 0 } }]`,
    }),
  );
});
