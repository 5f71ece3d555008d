import type { PageTables } from "../../src/paging/index.ts";

/** Every entry that is not zero, as `offset: value`, both in hexadecimal. */
export function entriesOf({ bytes, mode }: Pick<PageTables, "bytes" | "mode">): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = mode === "32-bit" ? 4 : 8;
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const value = size === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
    if (value !== 0n) found.push(`${at.toString(16)}: ${value.toString(16)}`);
  }
  return found;
}
