/** Assembling text. */
import { show } from "../../core/show.ts";
import type { Program } from "../assemble.ts";
import { assemble } from "../assemble.ts";
import { checkOptions } from "../assemble-options.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { captureCallSite, locate, onBehalfOf } from "../builder/call-site.ts";
import type { AnyCode } from "../builder/code-types.ts";
import type { Mode } from "../mode.ts";
import { modes } from "../mode.ts";
import { readText } from "./read-text.ts";
import { WrittenText } from "./source-text.ts";

/** Options of {@link assembleText}. */
export interface AssembleTextOptions {
  /** The virtual address of the first byte. 0 unless given. */
  readonly origin?: number | bigint;
  /** What errors and the listing call the text; `source` unless given. */
  readonly file?: string;
}

/**
 * Assembles text in GNU's `.intel_syntax noprefix`, as people write it in `.S` files.
 *
 * Sections follow one another in the order in which they first appear, `.bss` last, each at its largest alignment. Text
 * goes the same way as the builder's code: every instruction is read back before it is handed out.
 *
 * @throws AsmSyntaxError for text that cannot be read, with line, column, token and what would be accepted; AsmError for
 * instructions that cannot be encoded, labels that are not defined, and numbers out of range.
 * @example
 * ```ts
 * const { bytes, labels } = await assembleText(64, "again: dec ecx; jnz again; hlt", { origin: 0x1000n });
 * bytes; // ff c9 75 fc f4
 * labels.get("again"); // 0x1000n
 * ```
 */
export async function assembleText(mode: Mode, source: string, options: AssembleTextOptions = {}): Promise<Program> {
  const site = (): CallSite => captureCallSite(assembleText);
  const badValue = (message: string, value: unknown): AsmError =>
    new AsmError(message, { code: "BAD_VALUE", value, source: locate(site()) });
  if (!modes.includes(mode)) throw badValue(`the mode is 16, 32 or 64, got ${show(mode)}`, mode);
  if (typeof source !== "string") throw badValue(`the source is a string, got ${show(source)}`, source);
  checkOptions("assembleText", ["origin", "file"], options, site);
  const { origin = 0n, file = "source" } = options;
  const code: AnyCode = { mode, nodes: readText(new WrittenText(source, file), mode, { isWhole: true }) };
  return await onBehalfOf(assembleText, () => assemble(code, { origin }));
}
