/** The numbers that a field of an instruction, or of data, can hold. */

/**
 * Whether a field of `bits`, which the CPU sign-extends to `extendedTo`, can hold a number; signed and unsigned readings
 * of the same bits are both accepted.
 */
export function fitsField(value: bigint, bits: number, extendedTo: number): boolean {
  if (value < -(1n << BigInt(extendedTo - 1)) || value >= 1n << BigInt(extendedTo)) return false;
  const signed = BigInt.asIntN(extendedTo, value);
  return bits === extendedTo || BigInt.asIntN(bits, signed) === signed;
}
