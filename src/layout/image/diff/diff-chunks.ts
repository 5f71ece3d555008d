/** What changed in the bytes of an image that its descriptors, mappings and listings do not tell. */
import { hex } from "../../../core/hex.ts";
import type { Chunk, Image } from "../../image.ts";
import { toldBy } from "../told-chunks.ts";
import { diffBytes } from "./diff-bytes.ts";
import type { ImageChange, ImagePart } from "./image-change.ts";

/** Changes in these come with other page tables. */
const pagingParts: ReadonlySet<ImagePart> = new Set<ImagePart>(["paging", "mapping"]);

/** Chunks by their names. @param known the changes that were found already */
export function diffChunks(before: Image, after: Image, known: readonly ImageChange[]): readonly ImageChange[] {
  const isKnown = known.some(({ part }) => pagingParts.has(part));
  const untold = (image: Image): ReadonlyMap<string, Chunk> => {
    const isTold = toldBy(image);
    const chunks = image.chunks.filter((chunk) => !(isKnown && chunk.name === "page tables") && !isTold(chunk));
    return new Map(chunks.map((chunk) => [chunk.name, chunk]));
  };
  const [old, now] = [untold(before), untold(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name) ?? chunkOf(before, name), now.get(name) ?? chunkOf(after, name)];
    const { at, bytes } = (was ?? is)!;
    return [
      ...(was === undefined || is === undefined || was.at === is.at ? [] : [moved(was, is)]),
      ...diffBytes(`data ${name} at ${hex(at)}`, at, was === undefined ? empty : bytes, is?.bytes ?? empty),
    ];
  });
}

const empty = new Uint8Array();

function chunkOf({ chunks }: Image, name: string): Chunk | undefined {
  return chunks.find((chunk) => chunk.name === name);
}

function moved(before: Chunk, after: Chunk): ImageChange {
  return {
    part: "data",
    kind: "changed",
    subject: `data ${before.name}`,
    before: undefined,
    after: undefined,
    fields: [{ name: "at", before: hex(before.at), after: hex(after.at) }],
  };
}
