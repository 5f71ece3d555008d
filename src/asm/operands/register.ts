/** What a register is, to the builder and to the compiler. */
import type { Mode } from "../mode.ts";

/** The kind of a register: a general register's width, or the name of its set. */
export type RegisterClass =
  | "r8"
  | "r16"
  | "r32"
  | "r64"
  | "seg"
  | "cr"
  | "dr"
  | "st"
  | "mm"
  | "xmm"
  | "ymm"
  | "zmm"
  | "k"
  | "bnd"
  | "tmm";

/**
 * A register, as an operand or as part of an address.
 *
 * `In` is the set of modes that have the register; it exists for the compiler only.
 */
export interface Register<
  Class extends RegisterClass = RegisterClass,
  Name extends string = string,
  In extends Mode = Mode,
> {
  readonly kind: "register";
  readonly class: Class;
  readonly name: Name;
  /** For the compiler: absent at run time. */
  readonly in?: In;
}

/** Registers that only 64-bit code has: those of 64 bits, and those whose number needs REX, VEX or EVEX (SDM vol. 2A, 2.2.1.2). */
const only64 = /^(r[a-d]x|r[sd]i|r[sb]p|rip|spl|bpl|sil|dil|cr8|r\d+[bwd]?|[xyz]mm(8|9|\d\d)|tmm\d)$/;

/** Whether code of `mode` can name this register. */
export function hasRegister(mode: Mode, name: string): boolean {
  return mode === 64 || !only64.test(name);
}
