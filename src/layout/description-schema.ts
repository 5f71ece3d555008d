/**
 * The form of a description, checked at run time by arktype: for authors without types, for values that are computed, and
 * for keys that are misspelt. arktype takes some 0.2 s to load, so it is loaded when the first guest is built.
 */
import { toBytes } from "../core/units.ts";
import type { GuestDescription } from "./description.ts";
import { LayoutError } from "./layout-error.ts";

type Check = (description: unknown) => { readonly path: string; readonly expected: string; readonly value: unknown } | undefined;

let loading: Promise<Check> | undefined;

/**
 * Checks the form of a description.
 *
 * @throws LayoutError `BAD_DESCRIPTION` with the path of the first value that is wrong, what it is and what it should be
 */
export async function checkForm(description: unknown): Promise<GuestDescription> {
  loading ??= makeCheck();
  const problem = (await loading)(description);
  if (problem === undefined) return description as GuestDescription;
  const { path, expected, value } = problem;
  throw new LayoutError(`${path === "" ? "the description" : path}: expected ${expected}, got ${show(value)}`, {
    code: "BAD_DESCRIPTION",
    value,
  });
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "nothing" : String(value);
}

async function makeCheck(): Promise<Check> {
  const { type, ArkErrors } = await import("arktype");
  const size = type("unknown").narrow(
    (value, context) => toBytes(value) !== undefined || context.mustBe('a size or an address such as 0x1000 or "32KiB"'),
  );
  const code = type("unknown").narrow(
    (value, context) =>
      (typeof value === "object" && value !== null && "mode" in value && "nodes" in value) ||
      context.mustBe("code, from code16(), code32() or code64()"),
  );
  const memory = type({ "+": "reject", at: size, size });
  const mapping = type({
    "+": "reject",
    virt: size,
    phys: size,
    size,
    access: "'r' | 'rw' | 'rx' | 'rwx'",
    "user?": "boolean",
    "global?": "boolean",
    "cache?": { "+": "reject", "pat?": "0 <= number.integer <= 7", "pwt?": "boolean", "pcd?": "boolean" },
    "pageSize?": "'4KiB' | '2MiB' | '1GiB' | 'largest'",
    "backing?": "'ram' | 'none'",
  });
  const segmentFields = {
    "base?": "number",
    "limit?": "number",
    "dpl?": "0 | 1 | 2 | 3",
    "present?": "boolean",
    "accessed?": "boolean",
    "available?": "boolean",
    "granularity?": "'byte' | 'page'",
  } as const;
  const segment = type({
    "+": "reject",
    type: "'code'",
    bits: "16 | 32 | 64",
    "readable?": "boolean",
    "conforming?": "boolean",
    ...segmentFields,
  }).or({
    "+": "reject",
    type: "'data'",
    "bits?": "16 | 32",
    "writable?": "boolean",
    "expandDown?": "boolean",
    ...segmentFields,
  });
  const registerFields = Object.fromEntries(registers.map((name) => [`${name}?`, size]));
  const segmentRegisters = Object.fromEntries(
    ["cs", "ds", "es", "fs", "gs", "ss"].map((name) => [`${name}?`, "number.integer | string"]),
  );
  const cpu = type.raw({ "+": "reject", "segments?": { "+": "reject", ...segmentRegisters }, ...registerFields });
  const place = type({ "+": "reject", code, in: "string", "offset?": size });
  const schema = type({
    "+": "reject",
    mode: "'real16' | 'protected32' | 'long64'",
    memory: { "[string]": memory },
    "paging?": { "+": "reject", tables: size, map: { "[string]": mapping } },
    "gdt?": { "+": "reject", "at?": size, segments: { "[string]": segment } },
    "cpu?": cpu,
    place: { "[string]": place },
    "entry?": "string",
    "stack?": "string",
  });
  return (description) => {
    const result = schema(description);
    if (!(result instanceof ArkErrors)) return undefined;
    const [error] = result;
    return { path: error!.path.join("."), expected: error!.expected, value: error!.data };
  };
}

const registers = [
  ..."rax rbx rcx rdx rsi rdi rbp rsp rflags cr0 cr4 efer".split(" "),
  ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
];
