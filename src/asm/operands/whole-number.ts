/** Numbers and names as authors give them. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { locate } from "../builder/call-site.ts";

/** Who was given a value; where that is known only once somebody asks. */
export interface Receiver {
  /** What it takes: `u8 takes numbers and expressions`. */
  readonly takes?: string;
  readonly site?: CallSite | (() => CallSite);
}

/** Throws unless `value` is a whole number that JavaScript holds exactly. */
export function wholeNumber(value: unknown, receiver: Receiver = {}): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value !== "number")
    throw badValue(`${receiver.takes ?? "expected a number"}, got ${show(value)}`, value, receiver, hintFor(value));
  if (Number.isSafeInteger(value)) return BigInt(value);
  const hint = Number.isInteger(value)
    ? `write it as a bigint: 0x…n; as a number it arrives as ${hex(BigInt(value))}`
    : undefined;
  throw badValue(`expected a whole number below 2^53, or a bigint, got ${value}`, value, receiver, hint);
}

function hintFor(value: unknown): string | undefined {
  return typeof value === "string" ? "ascii(text) writes text, offset(label) is the address of a label" : undefined;
}

/** Throws unless `name` can name a label or a section. */
export function checkName(what: string, name: unknown, site: CallSite | (() => CallSite)): string {
  if (typeof name === "string" && name !== "") return name;
  throw badValue(`${what} takes a name, a string that is not empty, got ${show(name)}`, name, { site });
}

function badValue(message: string, value: unknown, { site }: Receiver, hint?: string): AsmError {
  const found = typeof site === "function" ? site() : site;
  return new AsmError(message, {
    code: "BAD_VALUE",
    value,
    source: found && locate(found),
    ...(hint === undefined ? {} : { hint }),
  });
}
