/**
 * What each operand of an instruction form accepts: one row for each of iced-x86's operand kinds that the instruction
 * table uses. The types of the builder's methods are generated from this table, and the same table is read when an
 * instruction is matched, so the compiler and the assembler accept the same.
 */
import type { RegisterClass } from "./register.ts";

/** A row of the table of operand kinds. */
export interface OperandKind {
  /** The registers that it accepts: all of a class. */
  readonly register?: RegisterClass;
  /** The one register that it accepts. */
  readonly only?: string;
  readonly memory?: "modrm" | "offset";
  /** A number: the bits it is encoded in, and the operand size in bits that the CPU extends it to. */
  readonly immediate?: { readonly bits: number; readonly extendedTo: number };
  /** The one number that it accepts; it is not encoded. */
  readonly constant?: bigint;
  /** A branch target, encoded as a distance of so many bits. */
  readonly branch?: number;
  /** An address that the instruction's name implies; the author does not write it. */
  readonly implies?: "rSI" | "rDI" | "es:rDI" | "rBX";
}

const immediate = (bits: number, extendedTo: number = bits): OperandKind => ({ immediate: { bits, extendedTo } });

/** Rows by the name of iced-x86's `OpCodeOperandKind`. */
export const operandKinds: Readonly<Record<string, OperandKind>> = {
  r8_or_mem: { register: "r8", memory: "modrm" },
  r16_or_mem: { register: "r16", memory: "modrm" },
  r32_or_mem: { register: "r32", memory: "modrm" },
  r64_or_mem: { register: "r64", memory: "modrm" },
  mem: { memory: "modrm" },
  mem_offs: { memory: "offset" },
  r8_reg: { register: "r8" },
  r8_opcode: { register: "r8" },
  r16_reg: { register: "r16" },
  r16_rm: { register: "r16" },
  r16_opcode: { register: "r16" },
  r32_reg: { register: "r32" },
  r32_rm: { register: "r32" },
  r32_opcode: { register: "r32" },
  r64_reg: { register: "r64" },
  r64_rm: { register: "r64" },
  r64_opcode: { register: "r64" },
  seg_reg: { register: "seg" },
  cr_reg: { register: "cr" },
  dr_reg: { register: "dr" },
  es: { register: "seg", only: "es" },
  cs: { register: "seg", only: "cs" },
  ss: { register: "seg", only: "ss" },
  ds: { register: "seg", only: "ds" },
  fs: { register: "seg", only: "fs" },
  gs: { register: "seg", only: "gs" },
  al: { register: "r8", only: "al" },
  cl: { register: "r8", only: "cl" },
  ax: { register: "r16", only: "ax" },
  dx: { register: "r16", only: "dx" },
  eax: { register: "r32", only: "eax" },
  rax: { register: "r64", only: "rax" },
  imm8: immediate(8),
  imm8_const_1: { constant: 1n },
  imm8sex16: immediate(8, 16),
  imm8sex32: immediate(8, 32),
  imm8sex64: immediate(8, 64),
  imm16: immediate(16),
  imm32: immediate(32),
  imm32sex64: immediate(32, 64),
  imm64: immediate(64),
  br16_1: { branch: 8 },
  br32_1: { branch: 8 },
  br64_1: { branch: 8 },
  br16_2: { branch: 16 },
  br32_4: { branch: 32 },
  br64_4: { branch: 32 },
  seg_rSI: { implies: "rSI" },
  es_rDI: { implies: "es:rDI" },
  seg_rDI: { implies: "rDI" },
  seg_rBX_al: { implies: "rBX" },
};
