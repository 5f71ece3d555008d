/** What a device does when the guest accesses its ports or its addresses. */
import type { PhysAddr } from "../../core/address.ts";

/** Whether a device answers at once, or may also answer later: `stream` takes both, `run` the first alone. */
export type Timing = "sync" | "async";

/** What a handler returns. */
export type Answer<Value, When extends Timing> = When extends "async" ? Value | Promise<Value> : Value;

/** A handler returns it to end the run, with a `guest-exit`. */
export interface EndRun {
  /** The code of the `guest-exit`. */
  readonly end: number;
}

/** Handlers of reads, by the size of the access. @param offset from the device's first port or address */
export interface ReadHandlers<When extends Timing = "sync"> {
  /** One byte: 0 to 0xff. */
  readonly u8?: (offset: number) => Answer<number, When>;
  /** Two bytes: 0 to 0xffff. */
  readonly u16?: (offset: number) => Answer<number, When>;
  /** Four bytes: 0 to 0xffffffff. */
  readonly u32?: (offset: number) => Answer<number, When>;
  /** Eight bytes, by address only: 0 to 2^64 - 1. */
  readonly u64?: (offset: number) => Answer<bigint, When>;
}

/** Handlers of writes, by the size of the access. @param offset from the device's first port or address */
export interface WriteHandlers<When extends Timing = "sync"> {
  /** One byte: 0 to 0xff. */
  readonly u8?: (value: number, offset: number) => Answer<void | EndRun, When>;
  /** Two bytes: 0 to 0xffff. */
  readonly u16?: (value: number, offset: number) => Answer<void | EndRun, When>;
  /** Four bytes: 0 to 0xffffffff. */
  readonly u32?: (value: number, offset: number) => Answer<void | EndRun, When>;
  /** Eight bytes, by address only: 0 to 2^64 - 1. */
  readonly u64?: (value: bigint, offset: number) => Answer<void | EndRun, When>;
}

/** A device that the guest reaches by ports. */
export interface PortDevice<When extends Timing = "sync"> {
  /** What it is called in errors and in `guest-exit`. */
  readonly name: string;
  /** Its first port, and how many it has. */
  readonly ports: { readonly at: number; readonly size: number };
  readonly read?: Omit<ReadHandlers<When>, "u64">;
  readonly write?: Omit<WriteHandlers<When>, "u64">;
}

/** A device that the guest reaches by addresses that are no memory. */
export interface MmioDevice<When extends Timing = "sync"> {
  /** What it is called in errors and in `guest-exit`. */
  readonly name: string;
  /** Its first address, and its size in bytes. */
  readonly mmio: { readonly at: PhysAddr; readonly size: number };
  readonly read?: ReadHandlers<When>;
  readonly write?: WriteHandlers<When>;
}

/**
 * A device of the guest, for `run` and `stream`. What it has a handler for does not reach the stream. An access of a size that
 * it has no handler for, or one that leaves its range, does.
 *
 * @example
 * ```ts
 * const clock: Device = { name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => new Date().getSeconds() } };
 * for (const exit of machine.run({ devices: [clock] })) console.log(exit.kind);
 * ```
 */
export type Device<When extends Timing = "sync"> = PortDevice<When> | MmioDevice<When>;
