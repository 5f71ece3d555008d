/**
 * What EVEX adds to operands: a mask, a broadcast, a rounding mode (SDM vol. 1, 15.4; vol. 2A, 2.7).
 */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import { captureCallSite, locate } from "../builder/call-site.ts";
import type { Memory } from "./memory.ts";
import type { Register } from "./register.ts";

/** A destination of which an opmask register selects the elements that are written. */
export interface Masked<T = Register | Memory> {
  readonly kind: "masked";
  readonly target: T;
  readonly mask: Register<"k">;
  /** Whether elements that are not written become zero instead of staying as they are. */
  readonly zeroing: boolean;
}

/** How many elements a broadcast makes of one. */
export type BroadcastCount = 2 | 4 | 8 | 16 | 32;

/** One element in memory that stands for all elements of a vector. */
export interface Broadcast<
  Size extends number = number,
  AddressSize extends number = number,
  Labels extends string = string,
> {
  readonly kind: "broadcast";
  readonly memory: Memory<Size, AddressSize, Labels>;
  /** How many elements it stands for, where the other operands do not tell. */
  readonly to: BroadcastCount | undefined;
}

/** How an instruction rounds; all of these suppress exceptions, and `sae` does nothing else. */
export type RoundingName = "rn-sae" | "rd-sae" | "ru-sae" | "rz-sae" | "sae";

/** A rounding mode as the last operand. */
export interface Rounding<Name extends RoundingName = RoundingName> {
  readonly kind: "rounding";
  readonly name: Name;
}

/**
 * Writes only the elements that `mask` selects; the others stay as they are.
 *
 * @example
 * ```ts
 * code64().vaddps(masked(zmm1, k1), zmm2, zmm3); // vaddps zmm1{k1}, zmm2, zmm3
 * ```
 */
export function masked<T extends Register | Memory>(target: T, mask: Register<"k">): Masked<T> {
  return { kind: "masked", target, mask: checkMask("masked", mask, masked), zeroing: false };
}

/**
 * Writes only the elements that `mask` selects; the others become zero.
 *
 * @example
 * ```ts
 * code64().vaddps(zeroed(zmm1, k1), zmm2, zmm3); // vaddps zmm1{k1}{z}, zmm2, zmm3
 * ```
 */
export function zeroed<T extends Register>(target: T, mask: Register<"k">): Masked<T> {
  return { kind: "masked", target, mask: checkMask("zeroed", mask, zeroed), zeroing: true };
}

function checkMask(name: string, mask: unknown, method: (...args: never[]) => unknown): Register<"k"> {
  const { class: kind } = (mask ?? {}) as Partial<Register>;
  if (kind === "k") return mask as Register<"k">;
  const what = kind === undefined ? show(mask) : (mask as Register).name;
  throw new AsmError(`${name} takes a mask register, k1 to k7, got ${what}`, {
    code: "BAD_OPERANDS",
    value: mask,
    source: locate(captureCallSite(method)),
  });
}

/**
 * One element in memory for every element of the vector; its size is that of one element. Where the instruction has forms
 * that only the number of elements tells apart, `to` is that number.
 *
 * @example
 * ```ts
 * code64().vaddps(zmm1, zmm2, broadcast(dword(rax))); // vaddps zmm1, zmm2, dword ptr [rax]{1to16}
 * ```
 */
export function broadcast<Size extends number, A extends number, L extends string>(
  memory: Memory<Size, A, L>,
  to?: BroadcastCount,
): Broadcast<Size, A, L> {
  return { kind: "broadcast", memory, to };
}

const rounding = <Name extends RoundingName>(name: Name): Rounding<Name> => Object.freeze({ kind: "rounding", name });

/** Rounds to the nearest, ties to even, and suppresses exceptions: `{rn-sae}`. */
export const rnSae: Rounding<"rn-sae"> = rounding("rn-sae");
/** Rounds down and suppresses exceptions: `{rd-sae}`. */
export const rdSae: Rounding<"rd-sae"> = rounding("rd-sae");
/** Rounds up and suppresses exceptions: `{ru-sae}`. */
export const ruSae: Rounding<"ru-sae"> = rounding("ru-sae");
/** Rounds towards zero and suppresses exceptions: `{rz-sae}`. */
export const rzSae: Rounding<"rz-sae"> = rounding("rz-sae");
/** Suppresses exceptions: `{sae}`. */
export const sae: Rounding<"sae"> = rounding("sae");

/** The decorations of one instruction, apart from its operands. */
export interface Decorators {
  /** The name of the opmask register. */
  readonly mask: string | undefined;
  readonly zeroing: boolean;
  /** Whether the memory operand is one element, broadcast, and to how many if the author says. */
  readonly broadcast: boolean | BroadcastCount;
  readonly rounding: RoundingName | undefined;
}

/** No decoration. */
const undecorated: Decorators = Object.freeze({
  mask: undefined,
  zeroing: false,
  broadcast: false,
  rounding: undefined,
});

/** Parts operands from their decorations. */
export function undecorate<T>(operands: readonly (T | Masked | Broadcast | Rounding)[]): {
  readonly operands: readonly (T | Register | Memory)[];
  readonly decorators: Decorators;
} {
  if (!operands.some(isDecorated)) return { operands: operands as readonly T[], decorators: undecorated };
  let { mask, zeroing, broadcast: to, rounding: name } = undecorated;
  const plain: (T | Register | Memory)[] = [];
  for (const operand of operands) {
    if (is(operand, "masked")) {
      mask = operand.mask.name;
      zeroing = operand.zeroing;
      plain.push(operand.target);
    } else if (is(operand, "broadcast")) {
      to = operand.to ?? true;
      plain.push(operand.memory);
    } else if (is(operand, "rounding")) name = operand.name;
    else plain.push(operand);
  }
  return { operands: plain, decorators: { mask, zeroing, broadcast: to, rounding: name } };
}

const decorations = new Set<unknown>(["masked", "broadcast", "rounding"] satisfies (
  | Masked
  | Broadcast
  | Rounding
)["kind"][]);

function isDecorated(operand: unknown): boolean {
  return typeof operand === "object" && operand !== null && decorations.has((operand as { kind?: unknown }).kind);
}

function is<K extends string>(
  operand: unknown,
  kind: K,
): operand is Extract<Masked | Broadcast | Rounding, { kind: K }> {
  return typeof operand === "object" && operand !== null && (operand as { kind?: unknown }).kind === kind;
}

/** The decorations as the manual writes them after the first operand: `{k1}{z}`. */
export function maskToText({ mask, zeroing }: Decorators): string {
  return mask === undefined ? "" : `{${mask}}${zeroing ? "{z}" : ""}`;
}
