/** The address space of an image. */
import { memoryOf, type AddressSpace } from "../../paging/index.ts";
import type { Image } from "../image.ts";
import { seenChunks } from "./seen-chunks.ts";

/**
 * The address space as the guest's first page walk finds it: read from the tables' bytes, with the names of the mappings
 * that the description gave. For `walk`, `ranges` and the rest of `guestwright/paging`.
 *
 * @example
 * ```ts
 * walk(imageAddressSpace(image), 0x1000n, "write").fault?.message;
 * ```
 */
export function imageAddressSpace({ memory, chunks, cpu, paging }: Image): AddressSpace {
  const backed = memory.filter(({ kind }) => kind !== "mmio" && kind !== "reserved");
  return { memory: memoryOf(seenChunks({ memory, chunks }), backed), cpu, mappings: paging?.mappings ?? [] };
}
