/** The interrupt vector table of real mode: a far pointer for each vector. SDM vol. 3B, 20.1.4. */
import { LayoutError } from "../layout-error.ts";
import { checkRange } from "./check-range.ts";

/** Where an interrupt goes in real mode. */
export interface RealModeVector {
  /** What CS gets: 0 to 0xffff. */
  readonly segment: number;
  /** What IP gets: 0 to 0xffff. */
  readonly offset: number;
}

/** The number of vectors: the table has 1 KiB. */
const vectorCount = 256;

/**
 * The 1024 bytes of an interrupt vector table. What is missing is 0:0.
 *
 * @param vectors by number, 0 to 255
 * @param path what errors call the place of the table, such as `ivt.`: empty, or with a dot at its end
 * @throws LayoutError `BAD_GATE` for a vector beyond 255, and for numbers that do not fit
 * @example
 * ```ts
 * encodeIvt({ 0x10: { segment: 0xf000, offset: 0xff53 } }); // 53 ff 00 f0 at 0x40
 * ```
 */
export function encodeIvt(vectors: Readonly<Record<number, RealModeVector>>, path = ""): Uint8Array {
  const bytes = new Uint8Array(vectorCount * 4);
  const view = new DataView(bytes.buffer);
  for (const [vector, { segment, offset }] of Object.entries(vectors)) {
    if (!/^\d+$/.test(vector) || Number(vector) >= vectorCount) {
      throw new LayoutError(`${path}${vector}: a vector is 0 to 255`, { code: "BAD_GATE", value: vector });
    }
    checkRange(`${path}${vector}.segment`, segment, 0xffff, "BAD_GATE");
    checkRange(`${path}${vector}.offset`, offset, 0xffff, "BAD_GATE");
    view.setUint16(Number(vector) * 4, offset, true);
    view.setUint16(Number(vector) * 4 + 2, segment, true);
  }
  return bytes;
}

/** What an interrupt vector table holds; vectors that are 0:0 are left out. */
export function decodeIvt(bytes: Uint8Array): Record<number, RealModeVector> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const vectors: Record<number, RealModeVector> = {};
  const count = Math.min(bytes.length >> 2, vectorCount);
  for (let vector = 0; vector < count; vector += 1) {
    const entry = { segment: view.getUint16(vector * 4 + 2, true), offset: view.getUint16(vector * 4, true) };
    if (entry.segment !== 0 || entry.offset !== 0) vectors[vector] = entry;
  }
  return vectors;
}
