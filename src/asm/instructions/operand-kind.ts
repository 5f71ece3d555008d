/**
 * What each operand of an instruction form accepts: one row for each of iced-x86's operand kinds that the instruction
 * table uses. The types of the builder's methods are generated from this table, and the same table is read when an
 * instruction is matched, so the compiler and the assembler accept the same.
 */
import type { RegisterClass } from "../operands/register.ts";

/** A row of the table of operand kinds. */
export interface OperandKind {
  /** The registers that it accepts: all of a class. */
  readonly register?: RegisterClass;
  /** The one register that it accepts. */
  readonly only?: string;
  readonly memory?: "modrm" | "offset";
  /** The class of the vector register that is the index of its address (VSIB: SDM vol. 2A, 2.3.12). */
  readonly index?: "xmm" | "ymm" | "zmm";
  /** A number: the bits it is encoded in, and the operand size in bits that the CPU extends it to. */
  readonly immediate?: { readonly bits: number; readonly extendedTo: number };
  /** The one number that it accepts; it is not encoded. */
  readonly constant?: bigint;
  /** A branch target, encoded as a distance of so many bits. */
  readonly branch?: number;
  /** A far pointer with an offset of so many bits. */
  readonly far?: 16 | 32;
  /** An address that the instruction's name implies; the author does not write it. */
  readonly implies?: "rSI" | "rDI" | "es:rDI" | "rBX";
}

/** An operand that the author writes, and which of the instruction's operands it is. */
export interface WrittenOperand extends OperandKind {
  readonly position: number;
}

/** The operands that the author writes: what a string instruction's name implies, registers included, is left out. */
export function writtenOperands(kinds: readonly OperandKind[]): readonly WrittenOperand[] {
  const implies = kinds.some((kind) => kind.implies !== undefined);
  return kinds
    .map((kind, position) => ({ ...kind, position }))
    .filter((kind) => !implies || (kind.implies === undefined && kind.only === undefined));
}

const immediate = (bits: number, extendedTo: number = bits): OperandKind => ({ immediate: { bits, extendedTo } });

/** Rows by the name of iced-x86's `OpCodeOperandKind`. */
export const operandKinds: Readonly<Record<string, OperandKind>> = {
  r8_or_mem: { register: "r8", memory: "modrm" },
  r16_or_mem: { register: "r16", memory: "modrm" },
  r32_or_mem: { register: "r32", memory: "modrm" },
  r64_or_mem: { register: "r64", memory: "modrm" },
  mem: { memory: "modrm" },
  mm_or_mem: { register: "mm", memory: "modrm" },
  xmm_or_mem: { register: "xmm", memory: "modrm" },
  ymm_or_mem: { register: "ymm", memory: "modrm" },
  zmm_or_mem: { register: "zmm", memory: "modrm" },
  k_or_mem: { register: "k", memory: "modrm" },
  bnd_or_mem_mpx: { register: "bnd", memory: "modrm" },
  r32_or_mem_mpx: { register: "r32", memory: "modrm" },
  r64_or_mem_mpx: { register: "r64", memory: "modrm" },
  mem_mpx: { memory: "modrm" },
  mem_mib: { memory: "modrm" },
  sibmem: { memory: "modrm" },
  mem_vsib32x: { memory: "modrm", index: "xmm" },
  mem_vsib64x: { memory: "modrm", index: "xmm" },
  mem_vsib32y: { memory: "modrm", index: "ymm" },
  mem_vsib64y: { memory: "modrm", index: "ymm" },
  mem_vsib32z: { memory: "modrm", index: "zmm" },
  mem_vsib64z: { memory: "modrm", index: "zmm" },
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
  r16_reg_mem: { register: "r16" },
  r32_vvvv: { register: "r32" },
  r32_reg_mem: { register: "r32" },
  r64_vvvv: { register: "r64" },
  r64_reg_mem: { register: "r64" },
  st0: { register: "st", only: "st0" },
  sti_opcode: { register: "st" },
  mm_reg: { register: "mm" },
  mm_rm: { register: "mm" },
  xmm_reg: { register: "xmm" },
  xmm_rm: { register: "xmm" },
  xmm_vvvv: { register: "xmm" },
  xmmp3_vvvv: { register: "xmm" },
  xmm_is4: { register: "xmm" },
  xmm_is5: { register: "xmm" },
  ymm_reg: { register: "ymm" },
  ymm_rm: { register: "ymm" },
  ymm_vvvv: { register: "ymm" },
  ymm_is4: { register: "ymm" },
  ymm_is5: { register: "ymm" },
  zmm_reg: { register: "zmm" },
  zmm_rm: { register: "zmm" },
  zmm_vvvv: { register: "zmm" },
  zmmp3_vvvv: { register: "zmm" },
  k_reg: { register: "k" },
  kp1_reg: { register: "k" },
  k_rm: { register: "k" },
  k_vvvv: { register: "k" },
  bnd_reg: { register: "bnd" },
  tmm_reg: { register: "tmm" },
  tmm_rm: { register: "tmm" },
  tmm_vvvv: { register: "tmm" },
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
  imm4_m2z: immediate(4),
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
  xbegin_2: { branch: 16 },
  xbegin_4: { branch: 32 },
  farbr2_2: { far: 16 },
  farbr4_2: { far: 32 },
  seg_rSI: { implies: "rSI" },
  es_rDI: { implies: "es:rDI" },
  seg_rDI: { implies: "rDI" },
  seg_rBX_al: { implies: "rBX" },
};
