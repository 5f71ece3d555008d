/** From an address of assembled code back to what was written; `Program.labels` is the other way. */
import type { VirtAddr } from "../core/address.ts";
import { codeAtAddress, type CodePlace } from "../core/code-place.ts";
import type { Program } from "./assemble.ts";

/**
 * What of a program lies at an address: section, label and offset, the statement, and where it was written; `undefined`
 * outside of the program.
 *
 * @example
 * ```ts
 * const program = await assemble(code64().label("start").nop().hlt(), { origin: 0x1000 });
 * program.labels.get("start"); // 0x1000n
 * placeAt(program, 0x1001n); // { label: "start", offset: 1n, text: "hlt", source: { file, line, column }, … }
 * ```
 */
export function placeAt(program: Program, address: VirtAddr): Omit<CodePlace, "program"> | undefined {
  const part = ({ origin, bytes }: Pick<Program, "origin" | "bytes">) => ({ origin, phys: origin, size: bytes.length });
  const { labels, listing, sections } = program;
  const locatable = {
    name: "",
    ...part(program),
    sections: sections.map((section) => ({ name: section.name, ...part(section) })),
    labels: Object.fromEntries(labels),
    listing,
  };
  const place = codeAtAddress([locatable], address);
  if (place === undefined) return undefined;
  const { program: _, ...rest } = place;
  return rest;
}
