/** Sizes and addresses as people write them, in bytes. */

/** A unit of size: bytes, or a binary multiple of them (IEC 80000-13). */
export type Unit = "B" | "KiB" | "MiB" | "GiB" | "TiB";

/** The units in bytes, smallest first. */
const unitBytes: Readonly<Record<Unit, bigint>> = {
  B: 1n,
  KiB: 1n << 10n,
  MiB: 1n << 20n,
  GiB: 1n << 30n,
  TiB: 1n << 40n,
};

/** A size in bytes: a number, a bigint, or a string with its unit such as `"32KiB"`. */
export type Size = number | bigint | `${number}${Unit}`;

const sizeText = /^(\d+)(B|KiB|MiB|GiB|TiB)$/;

/**
 * Reads a size or an address. `undefined` where the value is none: not a whole number, negative, beyond 2^53 as a
 * number, or a string without a unit.
 *
 * @example
 * ```ts
 * toBytes("32KiB"); // 32768n
 * toBytes("32 kilos"); // undefined
 * ```
 */
export function toBytes(size: unknown): bigint | undefined {
  if (typeof size === "bigint") return size >= 0n ? size : undefined;
  if (typeof size === "number") return Number.isSafeInteger(size) && size >= 0 ? BigInt(size) : undefined;
  const parts = typeof size === "string" ? sizeText.exec(size) : null;
  return parts === null ? undefined : BigInt(parts[1]!) * unitBytes[parts[2] as Unit];
}

/**
 * A size in the largest unit that divides it.
 *
 * @example
 * ```ts
 * sizeToText(32768n); // "32KiB"
 * sizeToText(0x1001n); // "4097B"
 * ```
 */
export function sizeToText(bytes: bigint): string {
  if (bytes === 0n) return "0B";
  const [unit, factor] = Object.entries(unitBytes).findLast(([, each]) => bytes % each === 0n)!;
  return `${bytes / factor}${unit}`;
}

/** A number rounded up to a multiple of another. */
export function roundUp(value: bigint, multiple: bigint): bigint {
  return ((value + multiple - 1n) / multiple) * multiple;
}
