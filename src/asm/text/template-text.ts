/** Text in a template literal, with values between its parts. */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { locate } from "../builder/call-site.ts";
import type { SourceText } from "./source-text.ts";
import { holeText, WrittenText } from "./source-text.ts";

/** The text of a template or of a string; of a template as it is written, so that `\\n` reaches the string it stands in. */
export function templateText(
  text: TemplateStringsArray | string,
  values: readonly unknown[],
  site: CallSite,
): SourceText {
  if (typeof text === "string") return new WrittenText(text, site);
  if (!Array.isArray(text) || !("raw" in text)) {
    const message = `asm takes text, got ${show(text)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: text, source: locate(site) });
  }
  let joined = text.raw[0]!;
  const holes = values.map((value, i) => {
    const at = joined.length;
    joined += `${holeText}${text.raw[i + 1]}`;
    return { at, value };
  });
  return new WrittenText(joined, site, holes);
}
