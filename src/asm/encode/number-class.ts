/**
 * Numbers that fit the same fields, and so have the same forms and the same encodings but for themselves. An immediate or
 * a displacement has 8, 16, 32 or 64 bits, which the CPU sign-extends to its operand's or its address's size; signed and
 * unsigned readings are both accepted. So what fits changes at these numbers alone (see `fitsField`).
 */
const widths = [8n, 16n, 32n, 64n];

/** Numbers that have a class of their own: no displacement, the shift by one, and the breakpoint's number. */
const alone = [0n, 1n, 3n];

/** The least number of each class but the first. */
const bounds: readonly bigint[] = [
  ...new Set([
    ...alone.flatMap((value) => [value, value + 1n]),
    ...widths.flatMap((bits) => [-(1n << (bits - 1n)), 1n << (bits - 1n), 1n << bits]),
    ...widths.flatMap((bits) =>
      widths.filter((extendedTo) => extendedTo > bits).map((extendedTo) => (1n << extendedTo) - (1n << (bits - 1n))),
    ),
  ]),
].toSorted((a, b) => (a < b ? -1 : 1));

const safeBounds: readonly number[] = bounds.filter((bound) => Number.isSafeInteger(Number(bound))).map(Number);
const firstSafe = bounds.indexOf(BigInt(safeBounds[0]!));

/** The class of a number. */
export function numberClass(value: bigint): number {
  const near = Number(value);
  // Comparing bigints takes longer, and few numbers are so large.
  return Number.isSafeInteger(near) ? firstSafe + countUpTo(safeBounds, near) : countUpTo(bounds, value);
}

/** How many of some ascending numbers are no greater than a value. */
function countUpTo<T extends number | bigint>(ascending: readonly T[], value: T): number {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ascending[middle]! <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}
