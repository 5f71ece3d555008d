/**
 * The form of a description, checked at run time by arktype: for authors without types, for values that are computed, and
 * for keys that are misspelt. arktype takes some 0.2 s to load, so it is loaded when the first guest is built.
 */
import { show } from "../../core/show.ts";
import { toBytes } from "../../core/units.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { MemoryRegion } from "../image.ts";
import type { GuestDescription } from "./description.ts";
import { LayoutError } from "../layout-error.ts";

/** What is wrong with a description. */
interface Problem {
  readonly message: string;
  readonly value: unknown;
  readonly hint?: string;
}

/** Finds what is wrong with a description's form. */
type Check = (description: unknown) => Problem | undefined;

let loading: Promise<Check> | undefined;

/**
 * Checks the form of a description.
 *
 * @throws LayoutError `BAD_DESCRIPTION` with the path of the first value that is wrong, what it is and what it should be
 */
export async function checkForm(description: unknown): Promise<GuestDescription> {
  const problem = (await loadFormCheck())(description);
  if (problem === undefined) return description as GuestDescription;
  const { message, ...details } = problem;
  throw new LayoutError(message, { code: "BAD_DESCRIPTION", ...details });
}

/** Loads what {@link checkForm} needs, for those who know that it will be called. */
export function loadFormCheck(): Promise<Check> {
  loading ??= makeCheck();
  return loading;
}

/** The keys under which an author chooses the names. */
const named = new Set([
  "memory",
  "paging.map",
  "stacks",
  "gdt.segments",
  "gdt.segments.*.segments",
  "idt.vectors",
  "place",
  "place.*.sections",
]);

/** What a key that is missing must be. */
const given = "given";

/** The keys of each kind of memory. */
const memoryKeys: Readonly<
  Record<MemoryRegion["kind"], { readonly needs: readonly string[]; readonly has: readonly string[] }>
> = {
  ram: { needs: ["size"], has: ["at", "align", "below"] },
  rom: { needs: ["size"], has: ["at", "align", "below"] },
  alias: { needs: ["of", "at"], has: ["offset", "size"] },
  mmio: { needs: ["at", "size"], has: [] },
  reserved: { needs: ["at", "size"], has: [] },
};

/** A path with `*` for the names that the author chose. */
function shapeOf(path: readonly string[]): string {
  const parts: string[] = [];
  for (const key of path) parts.push(named.has(parts.join(".")) ? "*" : key);
  return parts.join(".");
}

async function makeCheck(): Promise<Check> {
  const { type, ArkErrors } = await import("arktype");
  const knownKeys = new Map<string, readonly string[]>();
  const isPlain = (value: object): boolean => Object.prototype.toString.call(value) === "[object Object]";
  /** An object with these keys and no others, at the place that `shape` says. */
  const object = (shape: string, fields: Readonly<Record<string, unknown>>) => {
    const keys = Object.keys(fields).map((key) => key.replace("?", ""));
    knownKeys.set(`${shape} ${literalOf(fields["type"])}`, keys);
    return type.raw({ "+": "reject", ...fields });
  };
  /** An object whose keys are the author's names. */
  const names = (value: unknown) =>
    type
      .raw({ "[string]": value })
      .narrow((given, context) => isPlain(given as object) || context.mustBe("an object with a key for each name"));
  const size = type("unknown").narrow(
    (value, context) =>
      toBytes(value) !== undefined || context.mustBe('a size or an address such as 0x1000 or "32KiB"'),
  );
  const code = type("unknown").narrow(
    (value, context) => isCode(value) || context.mustBe("code, from code16(), code32() or code64()"),
  );
  const cacheBits = object("paging.map.*.cache", {
    "pat?": "0 <= number.integer <= 7",
    "pwt?": "boolean",
    "pcd?": "boolean",
  });
  const cache = cacheBits.narrow(
    (value, context) =>
      !("pat" in (value as object)) ||
      Object.keys(value as object).length === 1 ||
      context.mustBe("either pat, or pwt and pcd"),
  );
  const segmentFields = {
    "base?": "number",
    "limit?": "number",
    "dpl?": "0 | 1 | 2 | 3",
    "present?": "boolean",
    "accessed?": "boolean",
    "available?": "boolean",
    "granularity?": "'byte' | 'page'",
  } as const;
  const dpl = { "dpl?": "0 | 1 | 2 | 3" } as const;
  const placement = { "at?": size, "in?": "string", "offset?": size };
  const stackPointer = type("unknown").narrow(
    (value, context) =>
      typeof value === "string" || toBytes(value) !== undefined || context.mustBe("the name of a stack or an address"),
  );
  const isPort = (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 16;
  const port = type("unknown").narrow(
    (value, context) =>
      isPort(value) ||
      (Array.isArray(value) && value.length === 2 && value.every(isPort) && value[0] <= value[1]) ||
      context.mustBe("a port from 0 to 0xffff, or the first and the last port of a range"),
  );
  /** What a GDT and an LDT can hold. */
  const segmentIn = (shape: string) =>
    object(shape, {
      type: "'code'",
      bits: "16 | 32 | 64",
      "readable?": "boolean",
      "conforming?": "boolean",
      ...segmentFields,
    })
      .or(
        object(shape, {
          type: "'data'",
          "bits?": "16 | 32",
          "writable?": "boolean",
          "expandDown?": "boolean",
          ...segmentFields,
        }),
      )
      .or(
        object(shape, {
          type: "'call-gate'",
          target: "string",
          "segment?": "string",
          "parameters?": "0 <= number.integer <= 31",
          ...dpl,
        }),
      );
  const segment = segmentIn("gdt.segments.*")
    .or(
      object("gdt.segments.*", {
        type: "'tss'",
        "bits?": "16 | 32 | 64",
        "stacks?": object("gdt.segments.*.stacks", { "0?": stackPointer, "1?": stackPointer, "2?": stackPointer }),
        "ist?": object(
          "gdt.segments.*.ist",
          Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`${i + 1}?`, stackPointer])),
        ),
        "ports?": port.array(),
        "entry?": "string",
        "stack?": stackPointer,
        ...dpl,
        ...placement,
      }),
    )
    .or(
      object("gdt.segments.*", {
        type: "'ldt'",
        segments: names(segmentIn("gdt.segments.*.segments.*")),
        ...placement,
      }),
    )
    .or(object("gdt.segments.*", { type: "'task-gate'", task: "string", ...dpl }));
  const interrupt = type("string").or(
    object("idt.vectors.*", {
      "handler?": "string",
      "task?": "string",
      "type?": "'interrupt' | 'trap'",
      "segment?": "string",
      "ist?": "1 <= number.integer <= 7",
      ...dpl,
    }).narrow((vector, context) => {
      if (!("task" in vector)) {
        return "handler" in vector || context.reject({ path: [...context.path, "handler"], expected: given });
      }
      const other = Object.keys(vector).find((key) => key !== "task" && key !== "dpl");
      return (
        other === undefined ||
        context.reject({ path: [...context.path, other], expected: `nothing, since a task gate has no ${other}` })
      );
    }),
  );
  for (const [kind, { needs, has }] of Object.entries(memoryKeys))
    knownKeys.set(`memory.* ${kind}`, ["kind", ...needs, ...has]);
  const memory = object("memory.*", {
    "kind?": type.enumerated(...Object.keys(memoryKeys)),
    ...Object.fromEntries(["at", "size", "align", "below", "offset"].map((key) => [`${key}?`, size])),
    "of?": "string",
  }).narrow((region, context) => {
    const kind = (region as { readonly kind?: keyof typeof memoryKeys }).kind ?? "ram";
    const { needs, has } = memoryKeys[kind];
    const missing = needs.find((key) => !(key in region));
    if (missing !== undefined) return context.reject({ path: [...context.path, missing], expected: given });
    const other = Object.keys(region).find((key) => key !== "kind" && ![...needs, ...has].includes(key));
    return (
      other === undefined ||
      context.reject({ path: [...context.path, other], expected: `nothing, since ${kind} has no ${other}` })
    );
  });
  const stack = object("stacks.*", {
    size,
    "virt?": size,
    "phys?": size,
    "in?": "string",
    "user?": "boolean",
    "guard?": "boolean",
  });
  const mapping = object("paging.map.*", {
    virt: size,
    "phys?": size,
    "in?": "string",
    size,
    access: "'r' | 'rw' | 'rx' | 'rwx'",
    "user?": "boolean",
    "global?": "boolean",
    "key?": "0 <= number.integer <= 15",
    "software?": "0 <= number.integer <= 1023",
    "override?": "boolean",
    "cache?": cache,
    "pageSize?": "'4KiB' | '2MiB' | '4MiB' | '1GiB' | 'largest'",
    "backing?": "'ram' | 'none'",
  });
  const selector = type("unknown").narrow(
    (value, context) =>
      Number.isInteger(value) || typeof value === "string" || context.mustBe("a whole number or the name of a segment"),
  );
  const registerFields = Object.fromEntries(registers.map((name) => [`${name}?`, size]));
  const segmentRegisters = Object.fromEntries(
    ["cs", "ds", "es", "fs", "gs", "ss"].map((name) => [`${name}?`, selector]),
  );
  const schema = object("", {
    mode: type.enumerated(...Object.keys(entryModes)),
    memory: names(memory),
    "paging?": object("paging", {
      "mode?": "'32-bit' | 'pae' | '4-level' | '5-level'",
      "tables?": size,
      map: names(mapping),
    }),
    "stacks?": names(stack),
    "gdt?": object("gdt", { segments: names(segment), ...placement }),
    "idt?": object("idt", {
      vectors: names(interrupt),
      "stubs?": object("idt.stubs", { in: "string", "offset?": size }),
      ...placement,
    }),
    "e820?": object("e820", placement),
    "cpu?": object("cpu", {
      "segments?": object("cpu.segments", segmentRegisters),
      "tr?": "string | null",
      "ldtr?": "string | null",
      ...registerFields,
    }),
    place: names(
      object("place.*", {
        code,
        in: "string",
        "offset?": size,
        "sections?": names(object("place.*.sections.*", { in: "string", "offset?": size })),
      }),
    ),
    "entry?": "string",
    "stack?": "string",
  }).narrow((given, context) => isPlain(given as object) || context.mustBe("an object"));
  return (description) => {
    const result = schema(description);
    if (!(result instanceof ArkErrors)) return undefined;
    // A key that is misspelt is missing under its right name, too: say what was misspelt.
    const error = result.find(({ expected }) => expected === "removed") ?? result[0]!;
    const keys = Array.from(error.path, String);
    const path = keys.join(".");
    const value = valueAt(description, keys);
    if (error.expected === "removed") {
      const owner = valueAt(description, keys.slice(0, -1)) as { readonly type?: unknown; readonly kind?: unknown };
      const known = knownKeys.get(`${shapeOf(keys.slice(0, -1))} ${literalOf(owner.type ?? owner.kind)}`)!;
      return { message: `${path}: there is no such key`, value, hint: `there is ${known.join(", ")}` };
    }
    if (error.code === "required" || error.expected === given) return { message: `${path}: it is missing`, value };
    // Of a union with one branch left, arktype gives the whole sentence.
    const expected = error.expected.replace(/^.*? must be /s, "").replace(/ \(was .*\)$/s, "");
    return { message: `${path === "" ? "the description" : path}: expected ${expected}, got ${show(value)}`, value };
  };
}

/** What tells the kinds of an object apart: a schema's `"'code'"`, or a value's `"code"`. */
function literalOf(type: unknown): string {
  return typeof type === "string" ? type.replaceAll("'", "") : "";
}

function valueAt(description: unknown, path: readonly string[]): unknown {
  return path.reduce((value: unknown, key) => (value as Readonly<Record<string, unknown>>)[key], description);
}

function isCode(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("mode" in value && "nodes" in value)) return false;
  return [16, 32, 64].includes(value.mode as number) && Array.isArray(value.nodes);
}

const registers = [
  ..."rax rbx rcx rdx rsi rdi rbp rsp rflags cr0 cr4 efer".split(" "),
  ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
];
