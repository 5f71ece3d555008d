/** What lies on the stack when a handler that {@link exceptionStubs} leads to is called: byte offsets from RDI or EDI. */

/**
 * The frame in 64-bit code. From `rip` on it is what the CPU pushed (SDM vol. 3A, figure 6-9); each field has 8 bytes.
 *
 * @example
 * ```ts
 * // A handler that goes on after a two-byte instruction.
 * code64().label("on_ud").add(qword(rdi, exceptionFrame64.rip), 2).ret();
 * ```
 */
export const exceptionFrame64 = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  r11: 32,
  r10: 40,
  r9: 48,
  r8: 56,
  rdi: 64,
  rsi: 72,
  rbp: 80,
  rbx: 88,
  rdx: 96,
  rcx: 104,
  rax: 112,
  /** The vector, 0 to 255. */
  vector: 120,
  /** What the CPU pushed as error code, or 0. */
  errorCode: 128,
  rip: 136,
  cs: 144,
  rflags: 152,
  rsp: 160,
  ss: 168,
} as const;

/**
 * The frame in 32-bit code. From `eip` on it is what the CPU pushed (SDM vol. 3A, figure 6-4); each field has 4 bytes.
 */
export const exceptionFrame32 = {
  edi: 0,
  esi: 4,
  ebp: 8,
  ebx: 12,
  edx: 16,
  ecx: 20,
  eax: 24,
  /** The vector, 0 to 255. */
  vector: 28,
  /** What the CPU pushed as error code, or 0. */
  errorCode: 32,
  eip: 36,
  cs: 40,
  eflags: 44,
  /** There only where the privilege level changed: else the interrupted stack begins here. */
  esp: 48,
  /** As `esp`. */
  ss: 52,
} as const;
