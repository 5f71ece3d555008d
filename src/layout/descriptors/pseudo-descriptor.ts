/** The operand of `lgdt`, `lidt`, `sgdt` and `sidt`: SDM vol. 3A, figure 3-11. */
import { show } from "../../core/show.ts";
import type { DescriptorTableRegister } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";
import { checkRange } from "./check-range.ts";

/**
 * The limit, then the base, as `lgdt` and `lidt` read them from memory.
 *
 * @param bits the size of the code that reads it: 10 bytes in 64-bit code, 6 in other code. In 16-bit code `lgdt` takes the
 *   low 24 bits of the base only, unless it has an operand-size prefix (SDM vol. 2A, LGDT/LIDT).
 * @throws LayoutError `BAD_SEGMENT` where the base or the limit does not fit
 * @example
 * ```ts
 * pseudoDescriptor({ base: 0x5800n, limit: 0x17 }, 32); // 17 00 00 58 00 00
 * ```
 */
export function pseudoDescriptor({ base, limit }: DescriptorTableRegister, bits: 16 | 32 | 64): Uint8Array {
  const size = sizeFor(bits);
  checkRange("base", base, size === 10 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn, "BAD_SEGMENT");
  checkRange("limit", limit, 0xffff, "BAD_SEGMENT");
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, limit, true);
  if (size === 10) view.setBigUint64(2, base, true);
  else view.setUint32(2, Number(base), true);
  return bytes;
}

/**
 * What `sgdt` or `sidt` stored.
 *
 * @param bits the size of the code that stored it
 * @throws LayoutError `NOT_DECODABLE` for fewer than 6 bytes, or 10 where `bits` is 64
 */
export function decodePseudoDescriptor(bytes: Uint8Array, bits: 16 | 32 | 64): DescriptorTableRegister {
  const size = sizeFor(bits);
  if (bytes.length < size) {
    throw new LayoutError(`expected ${size} bytes of a pseudo-descriptor, got ${bytes.length}`, {
      code: "NOT_DECODABLE",
      value: bytes,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const base = size === 10 ? view.getBigUint64(2, true) : BigInt(view.getUint32(2, true));
  return { base, limit: view.getUint16(0, true) };
}

function sizeFor(bits: 16 | 32 | 64): 6 | 10 {
  if (bits === 64) return 10;
  if (bits === 16 || bits === 32) return 6;
  throw new LayoutError(`bits: expected 16, 32 or 64, got ${show(bits)}`, { code: "BAD_SEGMENT", value: bits });
}
