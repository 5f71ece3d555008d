/** The CPU at the guest's first instruction. */
import { cpuLines } from "../../layout/image/text/cpu-lines.ts";
import { physicalNumbers } from "../../layout/image/text/physical-text.ts";
import type { PageContents } from "../page/contents.ts";
import { code, link, table, type Section } from "../page/parts.ts";

/** Every register that is not 0. */
export function entryStateSection({ image, anchors }: PageContents): Section {
  const rows = cpuLines(image, physicalNumbers).map((line) => {
    const [, name = "", value = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    return { cells: [code(name), link(name === "rip" ? anchors.codeAt(image.cpu.regs.rip) : undefined, code(value))] };
  });
  return { id: "entry", title: "Entry state", body: table("Entry state", ["Register", "Value"], rows) };
}
