/** How the text form of an image writes addresses. */
import { hex } from "../../../core/hex.ts";
import { sizeToText } from "../../../core/units.ts";

/** An address with eight digits at least, so that lines stand below each other. */
export function address(value: bigint): string {
  return hex(value, 8);
}

/** A range as its first and last address and its size. */
export function extent(at: bigint, size: bigint): string {
  return `${address(at)} - ${address(at + size - 1n)} (${sizeToText(size)})`;
}
