/** Breakpoints and watchpoints, and the debug registers that hold them (SDM vol. 3B, 18.2). Pure. */
import { show } from "../../core/show.ts";
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { badArgument } from "../kvm-error.ts";

/** Stops the guest before the instruction at an address. */
export interface Breakpoint {
  readonly kind: "breakpoint";
  /** Counted from 1 in each machine; never used again. */
  readonly id: number;
  /** Linear: where the CPU sees the instruction, with the base of CS. */
  readonly address: VirtAddr;
  /** What it was asked for by; `undefined` where that was an address. */
  readonly symbol: string | undefined;
}

/** Which accesses a watchpoint watches. x86 has none for reads alone. */
export type WatchedAccess = "write" | "read-write";

/** Stops the guest after an instruction that accessed some bytes. */
export interface Watchpoint {
  readonly kind: "watchpoint";
  /** Counted from 1 in each machine; never used again. */
  readonly id: number;
  /** Linear, a multiple of the size. */
  readonly address: VirtAddr;
  /** In bytes. */
  readonly size: 1 | 2 | 4 | 8;
  readonly on: WatchedAccess;
}

/** Either of them. Each takes one of the CPU's debug registers, DR0 to DR3. */
export type DebugPoint = Breakpoint | Watchpoint;

/** How many there are at most: the CPU has four debug registers for addresses. */
export const MAX_DEBUG_POINTS = 4;

/** DR0 to DR3: what each holds. */
export type DebugSlots = readonly (DebugPoint | undefined)[];

/** DR7.R/W: 0 to stop at an instruction, 1 at writes, 3 at reads and writes (SDM vol. 3B, 18.2.4). */
const accessBits: Readonly<Record<WatchedAccess | "execute", bigint>> = { execute: 0n, write: 1n, "read-write": 3n };

/** DR7.LEN by the size in bytes; an instruction's is 0, as that of one byte is (SDM vol. 3B, 18.2.4). */
const lengthBits: Readonly<Record<number, bigint>> = { 1: 0n, 2: 1n, 4: 3n, 8: 2n };

/** DR7.LE and GE, which old CPUs want for exact watchpoints, and bit 10, which is always 1 (SDM vol. 3B, 18.2.4). */
const DR7_ALWAYS = 0x700n;

/** DR0 to DR7, for `KVM_GUESTDBG_USE_HW_BP`. */
export function debugRegisters(slots: DebugSlots): readonly bigint[] {
  const addresses = Array.from({ length: MAX_DEBUG_POINTS }, (_, slot) => slots[slot]?.address ?? 0n);
  const control = slots.map((point, slot) => {
    if (point === undefined) return 0n;
    const [access, length] =
      point.kind === "watchpoint" ? [accessBits[point.on], lengthBits[point.size]!] : [accessBits.execute, 0n];
    return (1n << BigInt(2 * slot)) | (((length << 2n) | access) << BigInt(16 + 4 * slot));
  });
  return [...addresses, 0n, 0n, 0n, control.reduce((all, bits) => all | bits, DR7_ALWAYS)];
}

/** DR6.BS: a single step ended (SDM vol. 3B, 18.2.3). */
export const DR6_BS: bigint = 1n << 14n;

/** What was hit, by DR6.B0 to B3. Bits of registers that hold nothing may be set too, and mean nothing (18.2.3). */
export function hitPoints(slots: DebugSlots, dr6: bigint): readonly DebugPoint[] {
  return slots.filter((point, slot): point is DebugPoint => point !== undefined && ((dr6 >> BigInt(slot)) & 1n) === 1n);
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what no debug register can hold. */
export function requireWatchable(address: unknown, size: unknown, on: unknown): void {
  requireLinear(address, "the watched address");
  if (typeof size !== "number" || lengthBits[size] === undefined) {
    throw badArgument(`a watchpoint has 1, 2, 4 or 8 bytes, not ${show(size)}`, size, "watch more with several");
  }
  if (on !== "write" && on !== "read-write") {
    throw badArgument(
      `a watchpoint is on "write" or "read-write", not ${show(on)}`,
      on,
      "x86 cannot watch reads alone",
    );
  }
  if ((address as bigint) % BigInt(size) !== 0n) {
    throw badArgument(
      `a watchpoint of ${size} bytes cannot begin at ${hex(address as bigint)}`,
      address,
      `its address must be a multiple of ${size}: use several smaller ones`,
    );
  }
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what is no linear address. */
export function requireLinear(address: unknown, what: string): void {
  if (typeof address === "bigint" && BigInt.asUintN(64, address) === address) return;
  throw badArgument(`${what} is no bigint from 0 to 2^64 - 1: ${show(address)}`, address);
}
