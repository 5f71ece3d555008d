/** Which chunks of an image say nothing that the rest of the image does not. */
import type { Chunk, Image, ImageProgram } from "../image.ts";
import { tableChunks } from "../tables/tables.ts";

/** A test for chunks of an image: whether its descriptors, gates, task states or listings tell all their bytes. */
export function toldBy(image: Image): (chunk: Chunk) => boolean {
  const told = [...tableChunks(image), ...image.programs.flatMap(listedChunks)];
  return ({ name, at, bytes }) =>
    told.some((each) => each.name === name && each.at === at && isEqual(each.bytes, bytes));
}

/** The chunks of a program by its listing, whose bytes are those of the program, then those of its sections that lie apart. */
function listedChunks({ name, phys, size, sections, listing }: ImageProgram): readonly Chunk[] {
  const parts = [
    { name: `code ${name}`, phys, size },
    ...sections.map((each) => ({ ...each, name: `code ${name} ${each.name}` })),
  ];
  const listed = new Uint8Array(parts.reduce((sum, part) => sum + part.size, 0));
  let end = 0;
  for (const { bytes } of listing) {
    if (end + bytes.length > listed.length) break;
    listed.set(bytes, end);
    end += bytes.length;
  }
  let from = 0;
  return parts.map((part) => ({ name: part.name, at: part.phys, bytes: listed.subarray(from, (from += part.size)) }));
}

/** Whether a chunk holds these bytes; it may lack zeros at their end. */
function isEqual(told: Uint8Array, chunk: Uint8Array): boolean {
  return chunk.length <= told.length && told.every((byte, i) => byte === (chunk[i] ?? 0));
}
