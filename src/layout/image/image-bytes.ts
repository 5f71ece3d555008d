/** Guest memory as one piece of bytes. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { sizeToText, toBytes, type Size } from "../../core/units.ts";
import type { Image } from "../image.ts";
import { LayoutError, requireOptions } from "../layout-error.ts";
import { requireImage } from "./require-image.ts";
import { seenChunks } from "./seen-chunks.ts";

/** Which part of memory {@link imageToBytes} gives. */
export interface ImageBytesOptions {
  /** The first physical address, in bytes; that of the first chunk where not given. */
  readonly at?: Size;
  /** In bytes, at most 1 GiB; up to the last byte of the last chunk where not given. */
  readonly size?: Size;
  /** The value of bytes that no chunk has, 0 to 255. 0 where not given, which is what the guest finds there. */
  readonly fill?: number;
}

/** What one array of bytes may take: 1 GiB. */
const mostBytes = 1n << 30n;

/**
 * The bytes of a range of guest-physical memory before the first instruction; of all chunks, where no range is given.
 *
 * @throws LayoutError `BAD_DESCRIPTION` for what is no image and an option that is none, `DOES_NOT_FIT` for more than 1 GiB
 * @example
 * ```ts
 * imageToBytes(image, { at: 0x7c00, size: 512 });
 * ```
 */
export function imageToBytes(image: Image, options: ImageBytesOptions = {}): Uint8Array {
  requireImage("imageToBytes", image);
  requireOptions("imageToBytes", ["at", "size", "fill"], options);
  const { fill = 0 } = options;
  if (!Number.isInteger(fill) || fill < 0 || fill > 255) {
    throw new LayoutError(`fill: expected 0 to 255, got ${show(fill)}`, { code: "BAD_DESCRIPTION", value: fill });
  }
  const last = image.chunks.at(-1);
  const at = sizeOption("at", options.at ?? image.chunks[0]?.at ?? 0n);
  const end = last === undefined ? at : last.at + BigInt(last.bytes.length);
  const size = sizeOption("size", options.size ?? (end < at ? 0n : end - at));
  if (size > mostBytes) {
    throw new LayoutError(
      `the bytes from ${hex(at)} on are ${sizeToText(size)}, and one array has at most ${sizeToText(mostBytes)}`,
      { code: "DOES_NOT_FIT", value: size, hint: "give a range with at and size, or take the chunks one by one" },
    );
  }
  const bytes = new Uint8Array(Number(size)).fill(fill);
  for (const chunk of seenChunks(image)) {
    const from = Number(chunk.at - at);
    if (from >= bytes.length || from + chunk.bytes.length <= 0) continue;
    bytes.set(chunk.bytes.subarray(Math.max(0, -from), bytes.length - from), Math.max(0, from));
  }
  return bytes;
}

function sizeOption(name: string, given: unknown): bigint {
  const value = toBytes(given);
  if (value !== undefined) return value;
  throw new LayoutError(`${name}: expected a size or an address such as 0x1000 or "32KiB", got ${show(given)}`, {
    code: "BAD_DESCRIPTION",
    value: given,
  });
}
