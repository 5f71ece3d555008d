/** Far pointers: a selector with an offset, where far jumps and far calls go. */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { captureCallSite, locate } from "../builder/call-site.ts";
import type { Expression } from "./expression.ts";
import { addressOf, isExpression } from "./expression.ts";
import { checkName, wholeNumber } from "./whole-number.ts";

/** A selector and an offset into its segment. */
export interface Far<Labels extends string = string> {
  readonly kind: "far";
  /** 0 to 0xffff; an expression has its value where labels have theirs. */
  readonly selector: number | Expression<Labels>;
  readonly offset: bigint | Expression<Labels>;
  /** The size of the offset in bits; 0 where the code's own size decides. */
  readonly bits: 0 | 16 | 32;
}

/**
 * A far pointer, for `ljmp` and `lcall`.
 *
 * @param selector 0 to 0xffff, or the name of a symbol whose value it is, such as `"gdt.segments.code"` of a layout
 * @param target a label, or an offset into the segment
 * @param bits the size of the offset: 16-bit code needs 32 where the target lies above 64 KiB
 * @throws AsmError `BAD_VALUE` for a selector out of range
 * @example
 * ```ts
 * code16().ljmp(far(0x08, "protected", 32)).code32().label("protected"); // 66 ea 08 00 00 00 08 00
 * ```
 */
export function far<const L extends string = never>(
  selector: L | number | Expression<L>,
  target: L | number | bigint | Expression<L>,
  bits: 0 | 16 | 32 = 0,
): Far<L> {
  const site = (): CallSite => captureCallSite(far);
  const badValue = (message: string, value: unknown): AsmError =>
    new AsmError(message, { code: "BAD_VALUE", value, source: locate(site()) });
  const isNumber = typeof selector === "number";
  if (isNumber ? !isSelector(selector) : typeof selector !== "string" && !isExpression(selector))
    throw badValue(`a selector is 0 to 0xffff, or the name of a symbol, got ${show(selector)}`, selector);
  if (![0, 16, 32].includes(bits)) throw badValue(`the offset of far has 16 or 32 bits, got ${show(bits)}`, bits);
  const named = <N extends string>(name: N): Expression<N> => addressOf(checkName("far", name, site) as N);
  const takes = "far takes a label, a number or an expression";
  return {
    kind: "far",
    selector: typeof selector === "string" ? named(selector) : selector,
    offset:
      typeof target === "string" ? named(target) : isExpression(target) ? target : wholeNumber(target, { takes, site }),
    bits,
  };
}

function isSelector(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}
