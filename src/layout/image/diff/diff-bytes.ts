/** What changed in bytes that nothing describes. */
import { hex, hexBytes } from "../../../core/hex.ts";
import { hexdump } from "../../../core/hexdump.ts";
import type { ImageChange } from "./image-change.ts";

/** Bytes that differ and lie less than this apart are one change. */
const gap = 8;

/** What a change shows of each side, in bytes. */
const mostShown = 256;

/** Up to so many bytes stand in one line. */
const rowBytes = 16;

/** The ranges in which bytes differ; where one side is longer, its rest is a range. @param at the address of the first byte */
export function diffBytes(subject: string, at: bigint, before: Uint8Array, after: Uint8Array): readonly ImageChange[] {
  const ranges: { from: number; to: number }[] = [];
  const length = Math.max(before.length, after.length);
  for (let i = 0; i < length; i++) {
    if (before[i] === after[i]) continue;
    const last = ranges.at(-1);
    if (last !== undefined && i < last.to + gap) last.to = i + 1;
    else ranges.push({ from: i, to: i + 1 });
  }
  return ranges.map(({ from, to }) => {
    const old = bytesToText(before.subarray(from, to), at + BigInt(from));
    const now = bytesToText(after.subarray(from, to), at + BigInt(from));
    return {
      part: "data",
      kind: old === undefined ? "added" : now === undefined ? "removed" : "changed",
      subject: from === 0 ? subject : `${subject}+${hex(from)}`,
      before: old,
      after: now,
      fields: [],
    };
  });
}

function bytesToText(bytes: Uint8Array, at: bigint): string | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length <= rowBytes) return hexBytes(bytes);
  const rest = bytes.length - mostShown;
  const shown = hexdump(bytes.subarray(0, mostShown), at);
  return rest > 0 ? `${shown}\n${rest} bytes more` : shown;
}
