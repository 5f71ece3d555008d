/** The map of physical memory for the guest, as INT 15h, AX=E820h returns it (ACPI 6.5, 15.1). */
import type { PhysAddr } from "../../core/address.ts";
import type { MemoryRegion } from "../image.ts";

/** The types of ranges (ACPI 6.5, table 15.2). */
export const e820Types = { usable: 1, reserved: 2 } as const;

/** A range of the map. */
export interface E820Entry {
  readonly at: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
  readonly type: keyof typeof e820Types;
}

/** A range takes a base and a length of 8 bytes, and a type of 4. */
export const entryBytes = 20;

/** RAM is usable, ROM and aliases and what is reserved are not; a device's registers are in no range, as with firmware. */
const typeOfKind: Readonly<Record<MemoryRegion["kind"], E820Entry["type"] | undefined>> = {
  ram: "usable",
  rom: "reserved",
  alias: "reserved",
  reserved: "reserved",
  mmio: undefined,
};

/** The map of some regions, in address order. */
export function e820Of(memory: readonly MemoryRegion[]): readonly E820Entry[] {
  return memory.flatMap(({ kind, at, size }) => {
    const type = typeOfKind[kind];
    return type === undefined ? [] : [{ at, size, type }];
  });
}

/** The map as it lies in memory. */
export function encodeE820(entries: readonly E820Entry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * entryBytes);
  const view = new DataView(bytes.buffer);
  entries.forEach(({ at, size, type }, i) => {
    view.setBigUint64(i * entryBytes, at, true);
    view.setBigUint64(i * entryBytes + 8, size, true);
    view.setUint32(i * entryBytes + 16, e820Types[type], true);
  });
  return bytes;
}
