/** The numbers that a field of an instruction, or of data, can hold. */

const half = Array.from({ length: 65 }, (_, bits) => 1n << BigInt(Math.max(bits, 1) - 1));

/**
 * Whether a field of `bits`, which the CPU sign-extends to `extendedTo`, can hold a number; signed and unsigned readings
 * of the same bits are both accepted.
 */
export function fitsField(value: bigint, bits: number, extendedTo: number): boolean {
  // Most numbers are small ones.
  if (bits <= 64 && value < half[bits]! && value >= -half[bits]!) return true;
  if (value < -(1n << BigInt(extendedTo - 1)) || value >= 1n << BigInt(extendedTo)) return false;
  const signed = BigInt.asIntN(extendedTo, value);
  return bits === extendedTo || BigInt.asIntN(bits, signed) === signed;
}
