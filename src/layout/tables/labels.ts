/** What gates lead to: labels of programs, and code segments. */
import type { PlannedEntry } from "./planned-entry.ts";
import { LayoutError } from "../layout-error.ts";

/** So many labels are listed. */
const mostListed = 12;

/** What a name stands for. `path` is where the description has it. */
export function valueOf(symbols: ReadonlyMap<string, bigint>, path: string, name: string): bigint {
  const value = symbols.get(name);
  if (value !== undefined) return value;
  const labels = Array.from(symbols.keys()).filter((each) => each.startsWith("place."));
  const more = labels.length > mostListed ? `, and ${labels.length - mostListed} more` : "";
  throw new LayoutError(`${path}: no label is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${labels.slice(0, mostListed).join(", ")}${more}`,
  });
}

/** The code segment that a gate leads to: the one of a name, or the first of privilege level 0 and these bits. */
export function gateSelector(
  entries: readonly PlannedEntry[],
  path: string,
  name: string | undefined,
  bits: 16 | 32 | 64,
): number {
  const code = entries.filter(({ description }) => description.type === "code");
  const found =
    name === undefined
      ? code.find(
          ({ description: each }) =>
            each.type === "code" && each.bits === bits && (each.dpl ?? 0) === 0 && each.present !== false,
        )
      : code.find((each) => each.name === name);
  if (found !== undefined) return found.selector;
  const hint = `the GDT has ${code.map((each) => each.name).join(", ") || "none"}`;
  if (name === undefined) {
    throw new LayoutError(`${path}: it needs a ${bits}-bit code segment of privilege level 0, and the GDT has none`, {
      code: "INCONSISTENT",
      value: code.map((each) => each.name),
    });
  }
  throw new LayoutError(`${path}.segment: no code segment is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint,
  });
}
