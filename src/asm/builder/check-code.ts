/** What authors without types pass where code belongs. */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "./call-site.ts";
import { locate } from "./call-site.ts";
import type { AnyCode } from "./code-types.ts";
import { modes } from "../mode.ts";

/** Throws unless `value` is code; `takes` says who takes it, such as `use takes`. */
export function checkCode(takes: string, value: unknown, site: CallSite | (() => CallSite)): AnyCode {
  if (isCode(value)) return value;
  const hint = hintFor(takes, value);
  throw new AsmError(`${takes} code, from code16(), code32() or code64(), got ${show(value)}`, {
    code: "BAD_VALUE",
    value,
    source: locate(typeof site === "function" ? site() : site),
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintFor(takes: string, value: unknown): string | undefined {
  if (typeof value === "function") return "call the function, and give what it returns";
  if (typeof value !== "string") return undefined;
  return takes === "assemble takes" ? "assembleText(mode, text) assembles text" : "asm(text) appends text";
}

/** Whether a value is code, as far as its keys show. */
export function isCode(value: unknown): value is AnyCode {
  if (typeof value !== "object" || value === null || !("mode" in value && "nodes" in value)) return false;
  return modes.includes(value.mode as AnyCode["mode"]) && Array.isArray(value.nodes);
}
