/** Numbers and bytes as people read them in manuals. */

/**
 * A number in hexadecimal with `0x` in front, lower case, padded with zeros to `digits`.
 *
 * @example
 * ```ts
 * hex(0x1003n); // "0x1003"
 * hex(0x10, 4); // "0x0010"
 * ```
 */
export function hex(value: number | bigint, digits = 1): string {
  return value < 0
    ? `-0x${(-value).toString(16).padStart(digits, "0")}`
    : `0x${value.toString(16).padStart(digits, "0")}`;
}

/**
 * Bytes as two-digit hexadecimal numbers with `separator` between them.
 *
 * @example
 * ```ts
 * hexBytes(Uint8Array.of(0xaa, 0xb)); // "aa 0b"
 * ```
 */
export function hexBytes(bytes: Iterable<number>, separator = " "): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}
