/** Bytes in rows of sixteen, as `hexdump -C` shows them. */
import { hexBytes } from "./hex.ts";

const rowBytes = 16;

/**
 * A hexdump with addresses and printable ASCII; rows of zeros that follow a row of zeros are one `*`.
 *
 * @param at the address of the first byte
 * @example
 * ```ts
 * hexdump(new TextEncoder().encode("Hello"), 0x4000n); // "00004000  48 65 6c 6c 6f …  |Hello|"
 * ```
 */
export function hexdump(bytes: Uint8Array, at = 0n): string {
  const rows: string[] = [];
  let zeros = 0;
  for (let from = 0; from < bytes.length; from += rowBytes) {
    const row = bytes.subarray(from, from + rowBytes);
    zeros = row.every((byte) => byte === 0) ? zeros + 1 : 0;
    const isLast = from + rowBytes >= bytes.length;
    if (zeros > 1 && !isLast) {
      if (zeros === 2) rows.push("*");
      continue;
    }
    const address = (at + BigInt(from)).toString(16).padStart(8, "0");
    const halves = `${hexBytes(row.subarray(0, 8)).padEnd(23)}  ${hexBytes(row.subarray(8)).padEnd(23)}`;
    rows.push(`${address}  ${halves}  |${ascii(row)}|`);
  }
  return rows.join("\n");
}

function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
}
