/** An instruction whose every number is known: what is printed, encoded and compared. */
import type { Decorators, RoundingName } from "../operands/decorators.ts";
import type { Far } from "../operands/far.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { EncodingChoice, ImpliedAddress, Mnemonic, Prefix } from "../builder/node.ts";
import type { Register } from "../operands/register.ts";

/**
 * A memory operand whose displacement is a number, or `undefined` while the linker has yet to fill it in. With base `rip`
 * the displacement is the address that it names.
 */
export type ResolvedMemory = Omit<Memory, "displacement"> & { readonly displacement: bigint | undefined };

/** An operand without labels. */
export type ResolvedOperand = Register | ResolvedMemory | bigint | ResolvedFar;

/** A far pointer whose numbers are known. */
export type ResolvedFar = Omit<Far, "selector" | "offset"> & { readonly selector: number; readonly offset: bigint };

/** An instruction without labels. */
export interface ResolvedInstruction {
  readonly mode: Mode;
  readonly mnemonic: Mnemonic;
  readonly prefix: Prefix | undefined;
  readonly operands: readonly ResolvedOperand[];
  readonly decorators: Decorators;
  readonly implied?: ImpliedAddress | undefined;
  readonly encoding?: EncodingChoice | undefined;
  /** How many elements a broadcast makes of one; 0 where nothing is broadcast. */
  readonly broadcastTo: number;
}

/** iced-x86's names of the rounding modes; it says `{sae}` apart from them. */
export const roundingControls: Readonly<Record<RoundingName, RoundingControlName>> = {
  "rn-sae": "RoundToNearest",
  "rd-sae": "RoundDown",
  "ru-sae": "RoundUp",
  "rz-sae": "RoundTowardZero",
  sae: "None",
};

type RoundingControlName = "None" | "RoundToNearest" | "RoundDown" | "RoundUp" | "RoundTowardZero";

/** A number that needs all of `bits`, for what the linker fills in: no shorter encoding can hold it. */
export function placeholder(bits: number): bigint {
  return BigInt.asUintN(bits, 0x7172737475767778n >> BigInt(Math.max(64 - bits, 0)));
}

/** The address size of a memory operand in bits: that of its registers, else the mode's. */
export function addressBits(memory: Pick<Memory, "addressSize">, mode: Mode): number {
  return memory.addressSize === 0 ? mode : memory.addressSize;
}

/** The segment that an address uses unless another is named: SS with SP or BP as base, else DS (SDM vol. 1, table 3-5). */
function defaultSegment(memory: Pick<Memory, "base">): "ss" | "ds" {
  return /^[er]?[sb]p$/.test(memory.base ?? "") ? "ss" : "ds";
}

/** The segment override that a memory operand needs; naming the default segment needs none. */
export function neededSegment(memory: Pick<Memory, "base" | "segment">): string | undefined {
  return memory.segment === defaultSegment(memory) ? undefined : memory.segment;
}
