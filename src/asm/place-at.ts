/** From an address of assembled code back to what was written; `Program.labels` is the other way. */
import type { VirtAddr } from "../core/address.ts";
import { show } from "../core/show.ts";
import { AsmError } from "./asm-error.ts";
import { codeAtAddress, type CodePlace } from "../core/code-place.ts";
import type { Program } from "./assemble.ts";

/**
 * What of a program lies at an address: section, label and offset, the statement, and where it was written; `undefined`
 * outside of the program. Throws {@link AsmError} `BAD_VALUE` for what is no program and no address.
 *
 * @example
 * ```ts
 * const program = await assemble(code64().label("start").nop().hlt(), { origin: 0x1000 });
 * program.labels.get("start"); // 0x1000n
 * placeAt(program, 0x1001n); // { label: "start", offset: 1n, text: "hlt", source: { file, line, column }, … }
 * ```
 */
export function placeAt(program: Program, address: VirtAddr): Omit<CodePlace, "program"> | undefined {
  requireProgram(program);
  if (typeof address !== "bigint") {
    const message = `placeAt takes an address as a bigint, got ${show(address)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: address });
  }
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

function requireProgram(program: unknown): void {
  const { labels, sections } = (program ?? {}) as Partial<Program>;
  if (labels instanceof Map && Array.isArray(sections)) return;
  const message = `placeAt takes an assembled program, got ${show(program)}`;
  throw new AsmError(message, { code: "BAD_VALUE", value: program, hint: "await assemble(code) gives one" });
}
