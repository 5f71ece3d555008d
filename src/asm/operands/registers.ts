/** Every register that code can name, as a value: SDM vol. 1, 3.4 (general and segment), 2.5 of vol. 3A (control), 17.2 of vol. 3B (debug). */
import type { Mode } from "../mode.ts";
import type { Register, RegisterClass } from "./register.ts";

function register<Class extends RegisterClass, Name extends string, In extends Mode>(
  name: Name,
  of: Class,
): Register<Class, Name, In> {
  return Object.freeze({ kind: "register", class: of, name });
}

// 8 bits
/** `al`. */
export const al: Register<"r8", "al", Mode> = register("al", "r8");
/** `cl`. */
export const cl: Register<"r8", "cl", Mode> = register("cl", "r8");
/** `dl`. */
export const dl: Register<"r8", "dl", Mode> = register("dl", "r8");
/** `bl`. */
export const bl: Register<"r8", "bl", Mode> = register("bl", "r8");
/** `ah`. */
export const ah: Register<"r8", "ah", Mode> = register("ah", "r8");
/** `ch`. */
export const ch: Register<"r8", "ch", Mode> = register("ch", "r8");
/** `dh`. */
export const dh: Register<"r8", "dh", Mode> = register("dh", "r8");
/** `bh`. */
export const bh: Register<"r8", "bh", Mode> = register("bh", "r8");

// 8 bits, with REX
/** `spl`: 64-bit code only. */
export const spl: Register<"r8", "spl", 64> = register("spl", "r8");
/** `bpl`: 64-bit code only. */
export const bpl: Register<"r8", "bpl", 64> = register("bpl", "r8");
/** `sil`: 64-bit code only. */
export const sil: Register<"r8", "sil", 64> = register("sil", "r8");
/** `dil`: 64-bit code only. */
export const dil: Register<"r8", "dil", 64> = register("dil", "r8");
/** `r8b`: 64-bit code only. */
export const r8b: Register<"r8", "r8b", 64> = register("r8b", "r8");
/** `r9b`: 64-bit code only. */
export const r9b: Register<"r8", "r9b", 64> = register("r9b", "r8");
/** `r10b`: 64-bit code only. */
export const r10b: Register<"r8", "r10b", 64> = register("r10b", "r8");
/** `r11b`: 64-bit code only. */
export const r11b: Register<"r8", "r11b", 64> = register("r11b", "r8");
/** `r12b`: 64-bit code only. */
export const r12b: Register<"r8", "r12b", 64> = register("r12b", "r8");
/** `r13b`: 64-bit code only. */
export const r13b: Register<"r8", "r13b", 64> = register("r13b", "r8");
/** `r14b`: 64-bit code only. */
export const r14b: Register<"r8", "r14b", 64> = register("r14b", "r8");
/** `r15b`: 64-bit code only. */
export const r15b: Register<"r8", "r15b", 64> = register("r15b", "r8");

// 16 bits
/** `ax`. */
export const ax: Register<"r16", "ax", Mode> = register("ax", "r16");
/** `cx`. */
export const cx: Register<"r16", "cx", Mode> = register("cx", "r16");
/** `dx`. */
export const dx: Register<"r16", "dx", Mode> = register("dx", "r16");
/** `bx`. */
export const bx: Register<"r16", "bx", Mode> = register("bx", "r16");
/** `sp`. */
export const sp: Register<"r16", "sp", Mode> = register("sp", "r16");
/** `bp`. */
export const bp: Register<"r16", "bp", Mode> = register("bp", "r16");
/** `si`. */
export const si: Register<"r16", "si", Mode> = register("si", "r16");
/** `di`. */
export const di: Register<"r16", "di", Mode> = register("di", "r16");

// 16 bits, with REX
/** `r8w`: 64-bit code only. */
export const r8w: Register<"r16", "r8w", 64> = register("r8w", "r16");
/** `r9w`: 64-bit code only. */
export const r9w: Register<"r16", "r9w", 64> = register("r9w", "r16");
/** `r10w`: 64-bit code only. */
export const r10w: Register<"r16", "r10w", 64> = register("r10w", "r16");
/** `r11w`: 64-bit code only. */
export const r11w: Register<"r16", "r11w", 64> = register("r11w", "r16");
/** `r12w`: 64-bit code only. */
export const r12w: Register<"r16", "r12w", 64> = register("r12w", "r16");
/** `r13w`: 64-bit code only. */
export const r13w: Register<"r16", "r13w", 64> = register("r13w", "r16");
/** `r14w`: 64-bit code only. */
export const r14w: Register<"r16", "r14w", 64> = register("r14w", "r16");
/** `r15w`: 64-bit code only. */
export const r15w: Register<"r16", "r15w", 64> = register("r15w", "r16");

// 32 bits
/** `eax`. */
export const eax: Register<"r32", "eax", Mode> = register("eax", "r32");
/** `ecx`. */
export const ecx: Register<"r32", "ecx", Mode> = register("ecx", "r32");
/** `edx`. */
export const edx: Register<"r32", "edx", Mode> = register("edx", "r32");
/** `ebx`. */
export const ebx: Register<"r32", "ebx", Mode> = register("ebx", "r32");
/** `esp`. */
export const esp: Register<"r32", "esp", Mode> = register("esp", "r32");
/** `ebp`. */
export const ebp: Register<"r32", "ebp", Mode> = register("ebp", "r32");
/** `esi`. */
export const esi: Register<"r32", "esi", Mode> = register("esi", "r32");
/** `edi`. */
export const edi: Register<"r32", "edi", Mode> = register("edi", "r32");

// 32 bits, with REX
/** `r8d`: 64-bit code only. */
export const r8d: Register<"r32", "r8d", 64> = register("r8d", "r32");
/** `r9d`: 64-bit code only. */
export const r9d: Register<"r32", "r9d", 64> = register("r9d", "r32");
/** `r10d`: 64-bit code only. */
export const r10d: Register<"r32", "r10d", 64> = register("r10d", "r32");
/** `r11d`: 64-bit code only. */
export const r11d: Register<"r32", "r11d", 64> = register("r11d", "r32");
/** `r12d`: 64-bit code only. */
export const r12d: Register<"r32", "r12d", 64> = register("r12d", "r32");
/** `r13d`: 64-bit code only. */
export const r13d: Register<"r32", "r13d", 64> = register("r13d", "r32");
/** `r14d`: 64-bit code only. */
export const r14d: Register<"r32", "r14d", 64> = register("r14d", "r32");
/** `r15d`: 64-bit code only. */
export const r15d: Register<"r32", "r15d", 64> = register("r15d", "r32");

// 64 bits
/** `rax`: 64-bit code only. */
export const rax: Register<"r64", "rax", 64> = register("rax", "r64");
/** `rcx`: 64-bit code only. */
export const rcx: Register<"r64", "rcx", 64> = register("rcx", "r64");
/** `rdx`: 64-bit code only. */
export const rdx: Register<"r64", "rdx", 64> = register("rdx", "r64");
/** `rbx`: 64-bit code only. */
export const rbx: Register<"r64", "rbx", 64> = register("rbx", "r64");
/** `rsp`: 64-bit code only. */
export const rsp: Register<"r64", "rsp", 64> = register("rsp", "r64");
/** `rbp`: 64-bit code only. */
export const rbp: Register<"r64", "rbp", 64> = register("rbp", "r64");
/** `rsi`: 64-bit code only. */
export const rsi: Register<"r64", "rsi", 64> = register("rsi", "r64");
/** `rdi`: 64-bit code only. */
export const rdi: Register<"r64", "rdi", 64> = register("rdi", "r64");
/** `r8`: 64-bit code only. */
export const r8: Register<"r64", "r8", 64> = register("r8", "r64");
/** `r9`: 64-bit code only. */
export const r9: Register<"r64", "r9", 64> = register("r9", "r64");
/** `r10`: 64-bit code only. */
export const r10: Register<"r64", "r10", 64> = register("r10", "r64");
/** `r11`: 64-bit code only. */
export const r11: Register<"r64", "r11", 64> = register("r11", "r64");
/** `r12`: 64-bit code only. */
export const r12: Register<"r64", "r12", 64> = register("r12", "r64");
/** `r13`: 64-bit code only. */
export const r13: Register<"r64", "r13", 64> = register("r13", "r64");
/** `r14`: 64-bit code only. */
export const r14: Register<"r64", "r14", 64> = register("r14", "r64");
/** `r15`: 64-bit code only. */
export const r15: Register<"r64", "r15", 64> = register("r15", "r64");

// segment registers
/** `es`. */
export const es: Register<"seg", "es", Mode> = register("es", "seg");
/** `cs`. */
export const cs: Register<"seg", "cs", Mode> = register("cs", "seg");
/** `ss`. */
export const ss: Register<"seg", "ss", Mode> = register("ss", "seg");
/** `ds`. */
export const ds: Register<"seg", "ds", Mode> = register("ds", "seg");
/** `fs`. */
export const fs: Register<"seg", "fs", Mode> = register("fs", "seg");
/** `gs`. */
export const gs: Register<"seg", "gs", Mode> = register("gs", "seg");

// control registers
/** `cr0`. */
export const cr0: Register<"cr", "cr0", Mode> = register("cr0", "cr");
/** `cr2`. */
export const cr2: Register<"cr", "cr2", Mode> = register("cr2", "cr");
/** `cr3`. */
export const cr3: Register<"cr", "cr3", Mode> = register("cr3", "cr");
/** `cr4`. */
export const cr4: Register<"cr", "cr4", Mode> = register("cr4", "cr");

// the task priority register: REX
/** `cr8`: 64-bit code only. */
export const cr8: Register<"cr", "cr8", 64> = register("cr8", "cr");

// debug registers
/** `dr0`. */
export const dr0: Register<"dr", "dr0", Mode> = register("dr0", "dr");
/** `dr1`. */
export const dr1: Register<"dr", "dr1", Mode> = register("dr1", "dr");
/** `dr2`. */
export const dr2: Register<"dr", "dr2", Mode> = register("dr2", "dr");
/** `dr3`. */
export const dr3: Register<"dr", "dr3", Mode> = register("dr3", "dr");
/** `dr6`. */
export const dr6: Register<"dr", "dr6", Mode> = register("dr6", "dr");
/** `dr7`. */
export const dr7: Register<"dr", "dr7", Mode> = register("dr7", "dr");

// x87: SDM vol. 1, 8.1.2; `st0` is the top of the stack, which text writes `st` or `st(0)`
/** `st0`. */
export const st0: Register<"st", "st0", Mode> = register("st0", "st");
/** `st1`. */
export const st1: Register<"st", "st1", Mode> = register("st1", "st");
/** `st2`. */
export const st2: Register<"st", "st2", Mode> = register("st2", "st");
/** `st3`. */
export const st3: Register<"st", "st3", Mode> = register("st3", "st");
/** `st4`. */
export const st4: Register<"st", "st4", Mode> = register("st4", "st");
/** `st5`. */
export const st5: Register<"st", "st5", Mode> = register("st5", "st");
/** `st6`. */
export const st6: Register<"st", "st6", Mode> = register("st6", "st");
/** `st7`. */
export const st7: Register<"st", "st7", Mode> = register("st7", "st");

// MMX: SDM vol. 1, 9.2.2
/** `mm0`. */
export const mm0: Register<"mm", "mm0", Mode> = register("mm0", "mm");
/** `mm1`. */
export const mm1: Register<"mm", "mm1", Mode> = register("mm1", "mm");
/** `mm2`. */
export const mm2: Register<"mm", "mm2", Mode> = register("mm2", "mm");
/** `mm3`. */
export const mm3: Register<"mm", "mm3", Mode> = register("mm3", "mm");
/** `mm4`. */
export const mm4: Register<"mm", "mm4", Mode> = register("mm4", "mm");
/** `mm5`. */
export const mm5: Register<"mm", "mm5", Mode> = register("mm5", "mm");
/** `mm6`. */
export const mm6: Register<"mm", "mm6", Mode> = register("mm6", "mm");
/** `mm7`. */
export const mm7: Register<"mm", "mm7", Mode> = register("mm7", "mm");

// XMM: SDM vol. 1, 10.2.2
/** `xmm0`. */
export const xmm0: Register<"xmm", "xmm0", Mode> = register("xmm0", "xmm");
/** `xmm1`. */
export const xmm1: Register<"xmm", "xmm1", Mode> = register("xmm1", "xmm");
/** `xmm2`. */
export const xmm2: Register<"xmm", "xmm2", Mode> = register("xmm2", "xmm");
/** `xmm3`. */
export const xmm3: Register<"xmm", "xmm3", Mode> = register("xmm3", "xmm");
/** `xmm4`. */
export const xmm4: Register<"xmm", "xmm4", Mode> = register("xmm4", "xmm");
/** `xmm5`. */
export const xmm5: Register<"xmm", "xmm5", Mode> = register("xmm5", "xmm");
/** `xmm6`. */
export const xmm6: Register<"xmm", "xmm6", Mode> = register("xmm6", "xmm");
/** `xmm7`. */
export const xmm7: Register<"xmm", "xmm7", Mode> = register("xmm7", "xmm");
/** `xmm8`: 64-bit code only. */
export const xmm8: Register<"xmm", "xmm8", 64> = register("xmm8", "xmm");
/** `xmm9`: 64-bit code only. */
export const xmm9: Register<"xmm", "xmm9", 64> = register("xmm9", "xmm");
/** `xmm10`: 64-bit code only. */
export const xmm10: Register<"xmm", "xmm10", 64> = register("xmm10", "xmm");
/** `xmm11`: 64-bit code only. */
export const xmm11: Register<"xmm", "xmm11", 64> = register("xmm11", "xmm");
/** `xmm12`: 64-bit code only. */
export const xmm12: Register<"xmm", "xmm12", 64> = register("xmm12", "xmm");
/** `xmm13`: 64-bit code only. */
export const xmm13: Register<"xmm", "xmm13", 64> = register("xmm13", "xmm");
/** `xmm14`: 64-bit code only. */
export const xmm14: Register<"xmm", "xmm14", 64> = register("xmm14", "xmm");
/** `xmm15`: 64-bit code only. */
export const xmm15: Register<"xmm", "xmm15", 64> = register("xmm15", "xmm");
/** `xmm16`: 64-bit code only. */
export const xmm16: Register<"xmm", "xmm16", 64> = register("xmm16", "xmm");
/** `xmm17`: 64-bit code only. */
export const xmm17: Register<"xmm", "xmm17", 64> = register("xmm17", "xmm");
/** `xmm18`: 64-bit code only. */
export const xmm18: Register<"xmm", "xmm18", 64> = register("xmm18", "xmm");
/** `xmm19`: 64-bit code only. */
export const xmm19: Register<"xmm", "xmm19", 64> = register("xmm19", "xmm");
/** `xmm20`: 64-bit code only. */
export const xmm20: Register<"xmm", "xmm20", 64> = register("xmm20", "xmm");
/** `xmm21`: 64-bit code only. */
export const xmm21: Register<"xmm", "xmm21", 64> = register("xmm21", "xmm");
/** `xmm22`: 64-bit code only. */
export const xmm22: Register<"xmm", "xmm22", 64> = register("xmm22", "xmm");
/** `xmm23`: 64-bit code only. */
export const xmm23: Register<"xmm", "xmm23", 64> = register("xmm23", "xmm");
/** `xmm24`: 64-bit code only. */
export const xmm24: Register<"xmm", "xmm24", 64> = register("xmm24", "xmm");
/** `xmm25`: 64-bit code only. */
export const xmm25: Register<"xmm", "xmm25", 64> = register("xmm25", "xmm");
/** `xmm26`: 64-bit code only. */
export const xmm26: Register<"xmm", "xmm26", 64> = register("xmm26", "xmm");
/** `xmm27`: 64-bit code only. */
export const xmm27: Register<"xmm", "xmm27", 64> = register("xmm27", "xmm");
/** `xmm28`: 64-bit code only. */
export const xmm28: Register<"xmm", "xmm28", 64> = register("xmm28", "xmm");
/** `xmm29`: 64-bit code only. */
export const xmm29: Register<"xmm", "xmm29", 64> = register("xmm29", "xmm");
/** `xmm30`: 64-bit code only. */
export const xmm30: Register<"xmm", "xmm30", 64> = register("xmm30", "xmm");
/** `xmm31`: 64-bit code only. */
export const xmm31: Register<"xmm", "xmm31", 64> = register("xmm31", "xmm");

// YMM: SDM vol. 1, 14.1.1
/** `ymm0`. */
export const ymm0: Register<"ymm", "ymm0", Mode> = register("ymm0", "ymm");
/** `ymm1`. */
export const ymm1: Register<"ymm", "ymm1", Mode> = register("ymm1", "ymm");
/** `ymm2`. */
export const ymm2: Register<"ymm", "ymm2", Mode> = register("ymm2", "ymm");
/** `ymm3`. */
export const ymm3: Register<"ymm", "ymm3", Mode> = register("ymm3", "ymm");
/** `ymm4`. */
export const ymm4: Register<"ymm", "ymm4", Mode> = register("ymm4", "ymm");
/** `ymm5`. */
export const ymm5: Register<"ymm", "ymm5", Mode> = register("ymm5", "ymm");
/** `ymm6`. */
export const ymm6: Register<"ymm", "ymm6", Mode> = register("ymm6", "ymm");
/** `ymm7`. */
export const ymm7: Register<"ymm", "ymm7", Mode> = register("ymm7", "ymm");
/** `ymm8`: 64-bit code only. */
export const ymm8: Register<"ymm", "ymm8", 64> = register("ymm8", "ymm");
/** `ymm9`: 64-bit code only. */
export const ymm9: Register<"ymm", "ymm9", 64> = register("ymm9", "ymm");
/** `ymm10`: 64-bit code only. */
export const ymm10: Register<"ymm", "ymm10", 64> = register("ymm10", "ymm");
/** `ymm11`: 64-bit code only. */
export const ymm11: Register<"ymm", "ymm11", 64> = register("ymm11", "ymm");
/** `ymm12`: 64-bit code only. */
export const ymm12: Register<"ymm", "ymm12", 64> = register("ymm12", "ymm");
/** `ymm13`: 64-bit code only. */
export const ymm13: Register<"ymm", "ymm13", 64> = register("ymm13", "ymm");
/** `ymm14`: 64-bit code only. */
export const ymm14: Register<"ymm", "ymm14", 64> = register("ymm14", "ymm");
/** `ymm15`: 64-bit code only. */
export const ymm15: Register<"ymm", "ymm15", 64> = register("ymm15", "ymm");
/** `ymm16`: 64-bit code only. */
export const ymm16: Register<"ymm", "ymm16", 64> = register("ymm16", "ymm");
/** `ymm17`: 64-bit code only. */
export const ymm17: Register<"ymm", "ymm17", 64> = register("ymm17", "ymm");
/** `ymm18`: 64-bit code only. */
export const ymm18: Register<"ymm", "ymm18", 64> = register("ymm18", "ymm");
/** `ymm19`: 64-bit code only. */
export const ymm19: Register<"ymm", "ymm19", 64> = register("ymm19", "ymm");
/** `ymm20`: 64-bit code only. */
export const ymm20: Register<"ymm", "ymm20", 64> = register("ymm20", "ymm");
/** `ymm21`: 64-bit code only. */
export const ymm21: Register<"ymm", "ymm21", 64> = register("ymm21", "ymm");
/** `ymm22`: 64-bit code only. */
export const ymm22: Register<"ymm", "ymm22", 64> = register("ymm22", "ymm");
/** `ymm23`: 64-bit code only. */
export const ymm23: Register<"ymm", "ymm23", 64> = register("ymm23", "ymm");
/** `ymm24`: 64-bit code only. */
export const ymm24: Register<"ymm", "ymm24", 64> = register("ymm24", "ymm");
/** `ymm25`: 64-bit code only. */
export const ymm25: Register<"ymm", "ymm25", 64> = register("ymm25", "ymm");
/** `ymm26`: 64-bit code only. */
export const ymm26: Register<"ymm", "ymm26", 64> = register("ymm26", "ymm");
/** `ymm27`: 64-bit code only. */
export const ymm27: Register<"ymm", "ymm27", 64> = register("ymm27", "ymm");
/** `ymm28`: 64-bit code only. */
export const ymm28: Register<"ymm", "ymm28", 64> = register("ymm28", "ymm");
/** `ymm29`: 64-bit code only. */
export const ymm29: Register<"ymm", "ymm29", 64> = register("ymm29", "ymm");
/** `ymm30`: 64-bit code only. */
export const ymm30: Register<"ymm", "ymm30", 64> = register("ymm30", "ymm");
/** `ymm31`: 64-bit code only. */
export const ymm31: Register<"ymm", "ymm31", 64> = register("ymm31", "ymm");

// ZMM: SDM vol. 1, 15.1.1
/** `zmm0`. */
export const zmm0: Register<"zmm", "zmm0", Mode> = register("zmm0", "zmm");
/** `zmm1`. */
export const zmm1: Register<"zmm", "zmm1", Mode> = register("zmm1", "zmm");
/** `zmm2`. */
export const zmm2: Register<"zmm", "zmm2", Mode> = register("zmm2", "zmm");
/** `zmm3`. */
export const zmm3: Register<"zmm", "zmm3", Mode> = register("zmm3", "zmm");
/** `zmm4`. */
export const zmm4: Register<"zmm", "zmm4", Mode> = register("zmm4", "zmm");
/** `zmm5`. */
export const zmm5: Register<"zmm", "zmm5", Mode> = register("zmm5", "zmm");
/** `zmm6`. */
export const zmm6: Register<"zmm", "zmm6", Mode> = register("zmm6", "zmm");
/** `zmm7`. */
export const zmm7: Register<"zmm", "zmm7", Mode> = register("zmm7", "zmm");
/** `zmm8`: 64-bit code only. */
export const zmm8: Register<"zmm", "zmm8", 64> = register("zmm8", "zmm");
/** `zmm9`: 64-bit code only. */
export const zmm9: Register<"zmm", "zmm9", 64> = register("zmm9", "zmm");
/** `zmm10`: 64-bit code only. */
export const zmm10: Register<"zmm", "zmm10", 64> = register("zmm10", "zmm");
/** `zmm11`: 64-bit code only. */
export const zmm11: Register<"zmm", "zmm11", 64> = register("zmm11", "zmm");
/** `zmm12`: 64-bit code only. */
export const zmm12: Register<"zmm", "zmm12", 64> = register("zmm12", "zmm");
/** `zmm13`: 64-bit code only. */
export const zmm13: Register<"zmm", "zmm13", 64> = register("zmm13", "zmm");
/** `zmm14`: 64-bit code only. */
export const zmm14: Register<"zmm", "zmm14", 64> = register("zmm14", "zmm");
/** `zmm15`: 64-bit code only. */
export const zmm15: Register<"zmm", "zmm15", 64> = register("zmm15", "zmm");
/** `zmm16`: 64-bit code only. */
export const zmm16: Register<"zmm", "zmm16", 64> = register("zmm16", "zmm");
/** `zmm17`: 64-bit code only. */
export const zmm17: Register<"zmm", "zmm17", 64> = register("zmm17", "zmm");
/** `zmm18`: 64-bit code only. */
export const zmm18: Register<"zmm", "zmm18", 64> = register("zmm18", "zmm");
/** `zmm19`: 64-bit code only. */
export const zmm19: Register<"zmm", "zmm19", 64> = register("zmm19", "zmm");
/** `zmm20`: 64-bit code only. */
export const zmm20: Register<"zmm", "zmm20", 64> = register("zmm20", "zmm");
/** `zmm21`: 64-bit code only. */
export const zmm21: Register<"zmm", "zmm21", 64> = register("zmm21", "zmm");
/** `zmm22`: 64-bit code only. */
export const zmm22: Register<"zmm", "zmm22", 64> = register("zmm22", "zmm");
/** `zmm23`: 64-bit code only. */
export const zmm23: Register<"zmm", "zmm23", 64> = register("zmm23", "zmm");
/** `zmm24`: 64-bit code only. */
export const zmm24: Register<"zmm", "zmm24", 64> = register("zmm24", "zmm");
/** `zmm25`: 64-bit code only. */
export const zmm25: Register<"zmm", "zmm25", 64> = register("zmm25", "zmm");
/** `zmm26`: 64-bit code only. */
export const zmm26: Register<"zmm", "zmm26", 64> = register("zmm26", "zmm");
/** `zmm27`: 64-bit code only. */
export const zmm27: Register<"zmm", "zmm27", 64> = register("zmm27", "zmm");
/** `zmm28`: 64-bit code only. */
export const zmm28: Register<"zmm", "zmm28", 64> = register("zmm28", "zmm");
/** `zmm29`: 64-bit code only. */
export const zmm29: Register<"zmm", "zmm29", 64> = register("zmm29", "zmm");
/** `zmm30`: 64-bit code only. */
export const zmm30: Register<"zmm", "zmm30", 64> = register("zmm30", "zmm");
/** `zmm31`: 64-bit code only. */
export const zmm31: Register<"zmm", "zmm31", 64> = register("zmm31", "zmm");

// opmask: SDM vol. 1, 15.1.3
/** `k0`. */
export const k0: Register<"k", "k0", Mode> = register("k0", "k");
/** `k1`. */
export const k1: Register<"k", "k1", Mode> = register("k1", "k");
/** `k2`. */
export const k2: Register<"k", "k2", Mode> = register("k2", "k");
/** `k3`. */
export const k3: Register<"k", "k3", Mode> = register("k3", "k");
/** `k4`. */
export const k4: Register<"k", "k4", Mode> = register("k4", "k");
/** `k5`. */
export const k5: Register<"k", "k5", Mode> = register("k5", "k");
/** `k6`. */
export const k6: Register<"k", "k6", Mode> = register("k6", "k");
/** `k7`. */
export const k7: Register<"k", "k7", Mode> = register("k7", "k");

// bounds: SDM vol. 1, appendix E
/** `bnd0`. */
export const bnd0: Register<"bnd", "bnd0", Mode> = register("bnd0", "bnd");
/** `bnd1`. */
export const bnd1: Register<"bnd", "bnd1", Mode> = register("bnd1", "bnd");
/** `bnd2`. */
export const bnd2: Register<"bnd", "bnd2", Mode> = register("bnd2", "bnd");
/** `bnd3`. */
export const bnd3: Register<"bnd", "bnd3", Mode> = register("bnd3", "bnd");

// tiles: SDM vol. 1, 18.1
/** `tmm0`: 64-bit code only. */
export const tmm0: Register<"tmm", "tmm0", 64> = register("tmm0", "tmm");
/** `tmm1`: 64-bit code only. */
export const tmm1: Register<"tmm", "tmm1", 64> = register("tmm1", "tmm");
/** `tmm2`: 64-bit code only. */
export const tmm2: Register<"tmm", "tmm2", 64> = register("tmm2", "tmm");
/** `tmm3`: 64-bit code only. */
export const tmm3: Register<"tmm", "tmm3", 64> = register("tmm3", "tmm");
/** `tmm4`: 64-bit code only. */
export const tmm4: Register<"tmm", "tmm4", 64> = register("tmm4", "tmm");
/** `tmm5`: 64-bit code only. */
export const tmm5: Register<"tmm", "tmm5", 64> = register("tmm5", "tmm");
/** `tmm6`: 64-bit code only. */
export const tmm6: Register<"tmm", "tmm6", 64> = register("tmm6", "tmm");
/** `tmm7`: 64-bit code only. */
export const tmm7: Register<"tmm", "tmm7", 64> = register("tmm7", "tmm");
