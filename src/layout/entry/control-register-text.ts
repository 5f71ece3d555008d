/** Control registers by the names of their bits. */
import { hex } from "../../core/hex.ts";
import { bitNames, type FlagRegister } from "../../core/register-bits.ts";

/** The bits that are set, by name, the highest first; their number where they have none: `PG PE`. */
export function bitsToText(register: FlagRegister, value: bigint): string {
  const names = bitNames[register];
  return Array.from({ length: 64 }, (_, i) => 63 - i)
    .filter((bit) => ((value >> BigInt(bit)) & 1n) === 1n)
    .map((bit) => names[bit] ?? `bit ${bit}`)
    .join(" ");
}

/** A register's value and the names of the bits that are set: `0x80000001 PG PE`. */
export function flagsToText(register: FlagRegister, value: bigint): string {
  // Bit 1 of RFLAGS is always set (SDM vol. 1, 3.4.3).
  return `${hex(value)} ${bitsToText(register, register === "rflags" ? value & ~2n : value)}`.trimEnd();
}
