/** Control registers by the names of their bits. */
import { hex } from "../core/hex.ts";

/** A register whose bits have names. */
export type FlagRegister = "cr0" | "cr4" | "efer" | "rflags";

/** Bit names: CR0 and CR4 of SDM vol. 3A, 2.5; IA32_EFER of SDM vol. 4; RFLAGS of SDM vol. 1, 3.4.3. */
const bitNames: Readonly<Record<FlagRegister, Readonly<Record<number, string>>>> = {
  cr0: { 0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD", 31: "PG" },
  cr4: {
    0: "VME",
    1: "PVI",
    2: "TSD",
    3: "DE",
    4: "PSE",
    5: "PAE",
    6: "MCE",
    7: "PGE",
    8: "PCE",
    9: "OSFXSR",
    10: "OSXMMEXCPT",
    11: "UMIP",
    12: "LA57",
    13: "VMXE",
    14: "SMXE",
    16: "FSGSBASE",
    17: "PCIDE",
    18: "OSXSAVE",
    20: "SMEP",
    21: "SMAP",
    22: "PKE",
    23: "CET",
    24: "PKS",
  },
  efer: { 0: "SCE", 8: "LME", 10: "LMA", 11: "NXE", 12: "SVME", 13: "LMSLE", 14: "FFXSR", 15: "TCE" },
  rflags: {
    0: "CF",
    2: "PF",
    4: "AF",
    6: "ZF",
    7: "SF",
    8: "TF",
    9: "IF",
    10: "DF",
    11: "OF",
    12: "IOPL.0",
    13: "IOPL.1",
    14: "NT",
    16: "RF",
    17: "VM",
    18: "AC",
    19: "VIF",
    20: "VIP",
    21: "ID",
  },
};

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
