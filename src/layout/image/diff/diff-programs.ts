/** What changed in the programs of an image: where they lie, and statement by statement what they are. */
import { hex } from "../../../core/hex.ts";
import type { Image, ImageProgram } from "../../image.ts";
import { compareItems, type Item } from "./compare-items.ts";
import { diffStatements } from "./diff-statements.ts";
import type { ImageChange } from "./image-change.ts";

/** Programs by their names, and the statements of those that both images have. */
export function diffPrograms(before: Image, after: Image): readonly ImageChange[] {
  const items = ({ programs }: Image): readonly Item[] => programs.map(programItem);
  const inside = before.programs.flatMap((old) => {
    const now = after.programs.find(({ name }) => name === old.name);
    return now === undefined ? [] : [...diffSections(old, now), ...diffStatements(old, now)];
  });
  return [...compareItems("program", items(before), items(after)), ...inside];
}

function programItem({ name, mode, origin, phys, size }: ImageProgram): Item {
  return {
    subject: `program ${name}`,
    fields: { bits: String(mode), origin: hex(origin), phys: hex(phys) },
    text: `${size} bytes of ${mode}-bit code at ${hex(origin)}, physical ${hex(phys)}`,
  };
}

function diffSections(before: ImageProgram, after: ImageProgram): readonly ImageChange[] {
  const items = ({ name: program, sections }: ImageProgram): readonly Item[] =>
    sections.map(({ name, origin, phys, size }) => ({
      subject: `program ${program} ${name}`,
      fields: { origin: hex(origin), phys: hex(phys) },
      text: `${size} bytes at ${hex(origin)}, physical ${hex(phys)}`,
    }));
  return compareItems("program", items(before), items(after));
}
