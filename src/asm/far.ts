/** Far pointers: a selector with an offset, where far jumps and far calls go. */
import { AsmError } from "./asm-error.ts";
import type { Expression } from "./expression.ts";
import { isExpression, offset, wholeNumber } from "./expression.ts";

/** A selector and an offset into its segment. */
export interface Far<Labels extends string = string> {
  readonly kind: "far";
  /** 0 to 0xffff. */
  readonly selector: number;
  readonly offset: bigint | Expression<Labels>;
  /** The size of the offset in bits; 0 where the code's own size decides. */
  readonly bits: 0 | 16 | 32;
}

/**
 * A far pointer, for `ljmp` and `lcall`.
 *
 * @param selector 0 to 0xffff
 * @param target a label, or an offset into the segment
 * @param bits the size of the offset: 16-bit code needs 32 where the target lies above 64 KiB
 * @throws AsmError `BAD_VALUE` for a selector out of range
 * @example
 * ```ts
 * code16().ljmp(far(0x08, "protected", 32)).code32().label("protected"); // 66 ea 08 00 00 00 08 00
 * ```
 */
export function far<const L extends string = never>(
  selector: number,
  target: L | number | bigint | Expression<L>,
  bits: 0 | 16 | 32 = 0,
): Far<L> {
  if (!Number.isInteger(selector) || selector < 0 || selector > 0xffff) {
    throw new AsmError(`a selector is 0 to 0xffff, got ${selector}`, { code: "BAD_VALUE", value: selector });
  }
  const where = typeof target === "string" ? offset(target) : isExpression(target) ? target : wholeNumber(target);
  return { kind: "far", selector, offset: where, bits };
}
