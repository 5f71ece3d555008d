/** Addresses as users write them: numbers, or names of the image, and bytes behind or before these. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { findName, LayoutError, type Image, type ImageNameKind, type NamedValue } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { address } from "../command/reader.ts";

/** An address that a user asks about. */
export interface AskedAddress {
  readonly address: VirtAddr;
  /** What it was written as, in full: `place.guest.msg+0x10`; `undefined` for a number. */
  readonly name: string | undefined;
  readonly kind: ImageNameKind | undefined;
}

/** What is no address, and what it is instead. */
const noAddresses: Partial<Readonly<Record<ImageNameKind, string>>> = { selector: "a selector", number: "a number" };

/** The address that a word stands for. Throws {@link CliError} `BAD_VALUE`. */
export function addressIn(image: Image, word: string): AskedAddress {
  const value = address.read(word);
  if (value !== undefined) return { address: value, name: undefined, kind: undefined };
  const { name, kind, value: start, distance } = place(image, word);
  const instead = noAddresses[kind];
  if (instead !== undefined) {
    throw badAddress(`an address; ${name} is ${instead}, ${hex(start)}`, word, `${listing}, and what each is`);
  }
  const at = start + distance;
  if (at < 0n || at >> 64n !== 0n) throw badAddress(`of 64 bits, which ${word} is not`, word);
  return { address: at, name: `${name}${distanceToText(distance)}`, kind };
}

/** What a word names, and how many bytes behind that it means. Names may have signs in them, so they are tried first. */
function place(image: Image, word: string): NamedValue & { readonly distance: bigint } {
  const [, base, sign, rest = ""] = /^(.+)([+-])([^+-]+)$/.exec(word) ?? [];
  const distance = address.read(rest);
  const whole = lookUp(image, word);
  const found =
    whole instanceof LayoutError && base !== undefined && distance !== undefined ? lookUp(image, base) : whole;
  if (!(found instanceof LayoutError))
    return { ...found, distance: found === whole ? 0n : (sign === "-" ? -1n : 1n) * distance! };
  if (found.code === "AMBIGUOUS_NAME") {
    const hint = found.hint === undefined ? {} : { hint: found.hint };
    throw new CliError(`ADDRESS: ${show(found.value)} has several places`, { code: "BAD_VALUE", value: word, ...hint });
  }
  const takes = `${address.expected}, or a name such as guest.msg, stacks.main or paging.map.data+0x10`;
  throw badAddress(`${takes}; got ${JSON.stringify(word)}`, word, found.hint ?? listing);
}

function lookUp(image: Image, name: string): NamedValue | LayoutError {
  try {
    return findName(image, name);
  } catch (error) {
    if (error instanceof LayoutError) return error;
    throw error;
  }
}

function distanceToText(distance: bigint): string {
  if (distance === 0n) return "";
  return distance < 0n ? `-${hex(-distance)}` : `+${hex(distance)}`;
}

const listing = "guestwright inspect FILE symbols lists the names";

function badAddress(must: string, value: string, hint?: string): CliError {
  return new CliError(`ADDRESS must be ${must}`, { code: "BAD_VALUE", value, ...(hint === undefined ? {} : { hint }) });
}
