/** The address space of an image. */
import { memoryOf, type AddressGap, type AddressSpace } from "../../paging/index.ts";
import type { Image, ImageStack } from "../image.ts";
import { smallestPage } from "../memory/extent.ts";
import { seenChunks } from "./seen-chunks.ts";

/**
 * The address space as the guest's first page walk finds it: read from the tables' bytes, with the names of the mappings
 * that the description gave, and of the guard pages of its stacks. For `walk`, `ranges` and the rest of `guestwright/paging`.
 *
 * @example
 * ```ts
 * walk(imageAddressSpace(image), 0x1000n, "write").fault?.message;
 * ```
 */
export function imageAddressSpace({ memory, chunks, cpu, paging, stacks }: Image): AddressSpace {
  const backed = memory.filter(({ kind }) => kind !== "mmio" && kind !== "reserved");
  return {
    memory: memoryOf(seenChunks({ memory, chunks }), backed),
    cpu,
    mappings: paging?.mappings ?? [],
    gaps: guardPages(stacks),
  };
}

/** The pages that are kept unmapped around stacks. */
export function guardPages(stacks: readonly ImageStack[]): readonly AddressGap[] {
  return stacks
    .filter(({ guard }) => guard)
    .flatMap(({ name, virt, size }) => {
      const stack = `stack ${JSON.stringify(name)}`;
      return [
        { what: `guard page below ${stack}`, virt: virt - smallestPage, size: smallestPage },
        { what: `guard page above ${stack}`, virt: virt + size, size: smallestPage },
      ];
    });
}
