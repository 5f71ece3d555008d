/** Differences between images as plain data, key by key: the last resort, where nothing better can be said. */
import { hex, hexBytes } from "../../../core/hex.ts";
import { keyPath } from "../../../core/tagged-json.ts";
import type { ImageChange } from "./image-change.ts";

/** Where statements were written, and who wrote their bytes, is no part of a guest. */
const ignored: ReadonlySet<string> = new Set(["source", "writer"]);

/** Every value that differs, by its path: `symbols.gdt: 0x1000 -> 0x2000`. */
export function diffLeaves(before: unknown, after: unknown, path = ""): readonly ImageChange[] {
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !ignored.has(key));
    return keys.flatMap((key) =>
      diffLeaves(before[key], after[key], keyPath(path, Array.isArray(before) ? Number(key) : key)),
    );
  }
  const [old, now] = [leafToText(before), leafToText(after)];
  if (old === now) return [];
  return [{ part: "image", kind: "changed", subject: path, before: old, after: now, fields: [] }];
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

function leafToText(value: unknown): string {
  if (typeof value === "bigint" || typeof value === "number") return hex(value);
  if (value instanceof Uint8Array) return value.length === 0 ? "no bytes" : hexBytes(value);
  return isTree(value) ? "an object" : value === undefined ? "nothing" : JSON.stringify(value);
}
