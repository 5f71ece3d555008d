/** Which chunks of an image say nothing that the rest of the image does not. */
import { tableChunks } from "../tables/tables.ts";
import type { Chunk, Image } from "../image.ts";

/** Whether the image's descriptors, gates, task states or listings tell all the bytes of a chunk. */
export function isTold(image: Image, { name, at, bytes }: Chunk): boolean {
  if (tableChunks(image).some((each) => each.name === name && each.at === at && equal(each.bytes, bytes))) return true;
  return image.programs.some(({ name: program, size, sections, listing }) => {
    // A listing's bytes are those of the program, then those of its sections that lie apart.
    const all = Uint8Array.from(listing.flatMap((line) => Array.from(line.bytes)));
    let from = 0;
    return [{ name: "", size }, ...sections].some((part) => {
      const listed = all.subarray(from, (from += part.size));
      return name === `code ${program} ${part.name}`.trimEnd() && equal(listed, bytes);
    });
  });
}

/** Whether a chunk holds these bytes; it may lack zeros at their end. */
function equal(told: Uint8Array, chunk: Uint8Array): boolean {
  return chunk.length <= told.length && told.every((byte, i) => byte === (chunk[i] ?? 0));
}
