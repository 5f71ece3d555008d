/** What a description's values must be beyond what a schema's language says. */
import { toBytes } from "../../core/units.ts";
import type { MemoryRegion } from "../image.ts";

/** What is wrong with a value. */
export interface Misfit {
  /** The key of the value that it is about; none where it is about the value itself. */
  readonly key?: string;
  readonly expected: string;
}

/** What a key that is missing must be. */
export const given = "given";

/** The keys of each kind of memory. */
export const memoryKeys: Readonly<
  Record<MemoryRegion["kind"], { readonly needs: readonly string[]; readonly has: readonly string[] }>
> = {
  ram: { needs: ["size"], has: ["at", "align", "below"] },
  rom: { needs: ["size"], has: ["at", "align", "below"] },
  alias: { needs: ["of", "at"], has: ["offset", "size"] },
  mmio: { needs: ["at", "size"], has: [] },
  reserved: { needs: ["at", "size"], has: [] },
};

/** The name of a rule. */
export type FormRule =
  | "size"
  | "code"
  | "stackPointer"
  | "selector"
  | "ports"
  | "names"
  | "description"
  | "cache"
  | "memory"
  | "vector";

/** The rules: each gives what is wrong with a value, or nothing. Rules of objects are asked about objects only. */
export const formRules: Readonly<Record<FormRule, (value: unknown) => Misfit | undefined>> = {
  size: (value: unknown) => unless(toBytes(value) !== undefined, 'a size or an address such as 0x1000 or "32KiB"'),
  code: (value: unknown) => unless(isCode(value), "code, from code16(), code32() or code64()"),
  stackPointer: (value: unknown) =>
    unless(typeof value === "string" || toBytes(value) !== undefined, "the name of a stack or an address"),
  selector: (value: unknown) =>
    unless(Number.isInteger(value) || typeof value === "string", "a whole number or the name of a segment"),
  ports: (value: unknown) =>
    unless(
      isPort(value) ||
        (Array.isArray(value) && value.length === 2 && value.every(isPort) && Number(value[0]) <= Number(value[1])),
      "a port from 0 to 0xffff, or the first and the last port of a range",
    ),
  names: (value: unknown) => unless(isPlain(value), "an object with a key for each name"),
  description: (value: unknown) => unless(isPlain(value), "an object"),
  cache: (value: unknown) =>
    unless(!has(value, "pat") || Object.keys(value).length === 1, "either pat, or pwt and pcd"),
  memory(region: unknown): Misfit | undefined {
    const kind = (region as { readonly kind?: MemoryRegion["kind"] }).kind ?? "ram";
    const known = memoryKeys[kind];
    const missing = known.needs.find((key) => !has(region, key));
    if (missing !== undefined) return { key: missing, expected: given };
    const keys = Object.keys(region as object);
    const other = keys.find((key) => key !== "kind" && ![...known.needs, ...known.has].includes(key));
    return other === undefined ? undefined : { key: other, expected: `nothing, since ${kind} has no ${other}` };
  },
  vector(vector: unknown): Misfit | undefined {
    if (!has(vector, "task")) return has(vector, "handler") ? undefined : { key: "handler", expected: given };
    const other = Object.keys(vector).find((key) => key !== "task" && key !== "dpl");
    return other === undefined ? undefined : { key: other, expected: `nothing, since a task gate has no ${other}` };
  },
};

function unless(holds: boolean, expected: string): Misfit | undefined {
  return holds ? undefined : { expected };
}

function has<Key extends string>(value: unknown, key: Key): value is Record<Key, unknown> {
  return key in (value as object);
}

function isPlain(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 16;
}

function isCode(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("mode" in value && "nodes" in value)) return false;
  return [16, 32, 64].includes(value.mode as number) && Array.isArray(value.nodes);
}
