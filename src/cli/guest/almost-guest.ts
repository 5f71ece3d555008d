/** What authors export where a guest belongs. */
import { isCode } from "../../asm/builder/check-code.ts";
import { isImage, isLayout } from "../../layout/index.ts";

/** Something that could become a guest: what it is, and what to do with it. */
interface AlmostGuest {
  is(value: unknown): boolean;
  readonly what: string;
  readonly remedy: string;
}

const almostGuests: readonly AlmostGuest[] = [
  { is: isCode, what: "code", remedy: "export a layout that places it" },
  { is: (value) => typeof value === "function", what: "a function", remedy: "export what it returns" },
  { is: isDescription, what: "a description", remedy: "export what layout(...) makes of it" },
  { is: holdsGuests, what: "an array of guests", remedy: "export each guest by a name of its own" },
];

/** Whether a value has the keys that every description of a guest has. */
function isDescription(value: unknown): boolean {
  return typeof value === "object" && value !== null && "mode" in value && "memory" in value;
}

function holdsGuests(value: unknown): boolean {
  return Array.isArray(value) && value.some((each) => isImage(each) || isLayout(each));
}

/** What an export is that is no guest, and how it becomes one; `undefined` for what is nothing of the kind. */
export function almostGuest(name: string, value: unknown): string | undefined {
  const found = almostGuests.find(({ is }) => is(value));
  return found && `${name === "default" ? "the default export" : name} is ${found.what}: ${found.remedy}`;
}
