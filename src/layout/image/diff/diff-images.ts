/** The semantic difference of two images. */
import type { Image } from "../../image.ts";
import { requireImage } from "../require-image.ts";
import { diffChunks } from "./diff-chunks.ts";
import { diffCpu } from "./diff-cpu.ts";
import { diffGdt, diffIdt, diffLdts, diffTasks } from "./diff-descriptors.ts";
import { diffLeaves } from "./diff-leaves.ts";
import { diffMappings, diffPaging } from "./diff-mappings.ts";
import { diffE820, diffMemory, diffStacks, diffWarnings } from "./diff-memory.ts";
import { diffPrograms } from "./diff-programs.ts";
import { diffEncodings } from "./diff-statements.ts";
import type { ImageChange } from "./image-change.ts";

/** What looks for changes, in the order in which they are listed. */
const comparisons: readonly ((before: Image, after: Image) => readonly ImageChange[])[] = [
  diffMode,
  diffMemory,
  diffPaging,
  diffMappings,
  diffGdt,
  diffLdts,
  diffTasks,
  diffIdt,
  diffE820,
  diffStacks,
  diffPrograms,
  diffCpu,
  diffWarnings,
];

/**
 * What changed from one image to another, in the terms of a description: which region, which mapping, which field of which
 * descriptor, which statement, which register. What follows from a change is left out: the bytes of page tables whose
 * mappings changed, the addresses of statements behind one that was added, the numbers of labels. So are source lines.
 *
 * Equal images give no changes, and only they do.
 *
 * @throws LayoutError `BAD_DESCRIPTION` for what is no image
 * @example
 * ```ts
 * diffImages(before, after);
 * // [{ part: "mapping", kind: "changed", subject: "mapping data", fields: [{ name: "access", before: "rw", after: "rwx" }], … }]
 * ```
 */
export function diffImages(before: Image, after: Image): readonly ImageChange[] {
  requireImage("diffImages", before);
  requireImage("diffImages", after);
  const described = comparisons.flatMap((compare) => compare(before, after));
  const changes = [...described, ...diffChunks(before, after, described)];
  if (changes.length > 0) return changes;
  const encodings = before.programs.flatMap((old) => {
    const now = after.programs.find(({ name }) => name === old.name);
    return now === undefined ? [] : diffEncodings(old, now);
  });
  return encodings.length > 0 ? encodings : diffLeaves(before, after);
}

function diffMode(before: Image, after: Image): readonly ImageChange[] {
  if (before.mode === after.mode) return [];
  return [{ part: "mode", kind: "changed", subject: "mode", before: before.mode, after: after.mode, fields: [] }];
}
