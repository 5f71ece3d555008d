/** One number for what a guest is. */
import type { Image } from "../image.ts";
import { shownBy } from "./seen-chunks.ts";
import { smallestPage } from "../memory/extent.ts";
import { toTaggedJson } from "../../core/tagged-json.ts";

/** A page, in bytes. */
const pageBytes = Number(smallestPage);

/** What is hashed before the pages: another form of it would give other hashes. */
const formVersion = 1;

/**
 * SHA-256 over what the machine finds: the kinds and places of memory, the bytes in it, the CPU's state. Names, listings,
 * source files, warnings, and how the bytes are divided into chunks play no part. 64 hexadecimal digits, the same on
 * every machine.
 *
 * @example
 * ```ts
 * await imageHash(image); // "b1946ac9…"
 * ```
 */
export async function imageHash(image: Image): Promise<string> {
  const memory = image.memory.map((region) => ({
    kind: region.kind,
    at: region.at,
    size: region.size,
    shows: region.kind === "alias" ? shownBy(region, image.memory) : undefined,
  }));
  const head = new TextEncoder().encode(toTaggedJson(sorted({ formVersion, memory, cpu: image.cpu })));
  const pages = pagesOf(image);
  const data = new Uint8Array(8 + head.length + pages.length * (8 + pageBytes));
  const view = new DataView(data.buffer);
  view.setBigUint64(0, BigInt(head.length), true);
  data.set(head, 8);
  let at = 8 + head.length;
  for (const [number, bytes] of pages) {
    view.setBigUint64(at, number, true);
    data.set(bytes, at + 8);
    at += 8 + pageBytes;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The pages that are not all zero, by their numbers, in address order. */
function pagesOf({ chunks }: Image): readonly (readonly [bigint, Uint8Array])[] {
  const pages = new Map<bigint, Uint8Array>();
  for (const { at, bytes } of chunks) {
    for (let from = 0; from < bytes.length;) {
      const address = at + BigInt(from);
      const offset = Number(address % BigInt(pageBytes));
      const part = bytes.subarray(from, from + pageBytes - offset);
      const number = address / BigInt(pageBytes);
      const page = pages.get(number) ?? new Uint8Array(pageBytes);
      page.set(part, offset);
      pages.set(number, page);
      from += part.length;
    }
  }
  return Array.from(pages)
    .filter(([, page]) => page.some((byte) => byte !== 0))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Plain data whose keys are in alphabetical order, whatever the order in which they were written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
