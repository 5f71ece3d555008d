/** Every register that code can name, as a value: SDM vol. 1, 3.4 (general and segment), 2.5 of vol. 3A (control), 17.2 of vol. 3B (debug). */
import type { Mode } from "./mode.ts";
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
