/** A GDT or an LDT: descriptors one after another. SDM vol. 3A, 3.5.1. */
import { LayoutError } from "../layout-error.ts";
import { decodeDescriptor, descriptorSize, encodeDescriptor, type Descriptor, type TableMode } from "./descriptor.ts";

/** The most bytes that a table has: a selector's index has 13 bits (SDM vol. 3A, 3.4.2). */
const mostBytes = 0x1_0000;

/** A descriptor, and where a table has it. */
export interface DescriptorTableEntry {
  /** The offset in the table, in bytes, a multiple of 8: the selector but for its table indicator and RPL. */
  readonly offset: number;
  /** What lies there; `undefined` where it is no descriptor. */
  readonly descriptor: Descriptor | undefined;
  /** Why it is no descriptor; `undefined` where it is one. */
  readonly problem: string | undefined;
}

/** The offsets at which a table has its descriptors, in bytes: those of 16 bytes take the place of two. */
export function descriptorOffsets(descriptors: readonly Descriptor[]): number[] {
  let next = 0;
  return descriptors.map((each) => (next += descriptorSize(each)) - descriptorSize(each));
}

/**
 * The bytes of a GDT or an LDT.
 *
 * @param descriptors all of them: the first of a GDT is the null descriptor
 * @param pathOf what errors call the place of a descriptor, by its index: with a dot at its end
 * @throws LayoutError what {@link encodeDescriptor} throws, and `BAD_SEGMENT` beyond 64 KiB
 * @example
 * ```ts
 * encodeDescriptorTable([{ type: "null" }, { type: "code", bits: 64 }, { type: "tss", bits: 64, base: 0x7000n }]); // 32 bytes
 * ```
 */
export function encodeDescriptorTable(
  descriptors: readonly Descriptor[],
  pathOf: (index: number) => string = (index) => `${index}.`,
): Uint8Array {
  const size = descriptors.reduce((sum, each) => sum + descriptorSize(each), 0);
  if (size > mostBytes) {
    throw new LayoutError(`a table of descriptors has at most 8192 entries of 8 bytes, got ${size / 8}`, {
      code: "BAD_SEGMENT",
      value: descriptors,
    });
  }
  const bytes = new Uint8Array(size);
  const offsets = descriptorOffsets(descriptors);
  descriptors.forEach((each, i) => bytes.set(encodeDescriptor(each, pathOf(i)), offsets[i]));
  return bytes;
}

/**
 * What a GDT or an LDT holds, in order. Entries that are no descriptors say why; they take 8 bytes, as do those of zeros.
 *
 * @param bytes the table up to its limit; a rest of less than 8 bytes is ignored, as the CPU does
 */
export function decodeDescriptorTable(bytes: Uint8Array, mode: TableMode): DescriptorTableEntry[] {
  const entries: DescriptorTableEntry[] = [];
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const entry = tryDecode(bytes.subarray(offset), mode);
    entries.push({ offset, ...entry });
    offset += entry.descriptor === undefined ? 8 : descriptorSize(entry.descriptor);
  }
  return entries;
}

/** A descriptor, or why the bytes are none. */
export function tryDecode(bytes: Uint8Array, mode: TableMode): Omit<DescriptorTableEntry, "offset"> {
  try {
    return { descriptor: decodeDescriptor(bytes, mode), problem: undefined };
  } catch (error) {
    if (error instanceof LayoutError) return { descriptor: undefined, problem: error.message };
    throw error;
  }
}
