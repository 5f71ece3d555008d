/** What the names of the description stand for in guest code. */
import { hex } from "../../core/hex.ts";
import type { PageContents } from "../page/contents.ts";
import { code, link, table, type Section } from "../page/parts.ts";

/** Every name with its value; a label's leads to its line. */
export function namesSection({ image, anchors }: PageContents): Section {
  const rows = Object.entries(image.symbols).map(([name, value], index) => {
    const target = anchors.name(name);
    const id = `name-${index}`;
    return { id, cells: [code(link(target === id ? undefined : target, name)), code(hex(value))] };
  });
  return { id: "names", title: "Names", body: table("Names", ["Name", "Value"], rows) };
}
