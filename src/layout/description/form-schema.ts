/**
 * The form of a description, as a schema of arktype's. Loading arktype and making the schema takes some 0.2 s, so only
 * those do who need it: the generator of `allowed-form.ts`, and who must say what is wrong with a form that is not allowed.
 */
import { type, type Type } from "arktype";
import { entryModes } from "../entry/entry-mode.ts";
import { formRules, memoryKeys, type FormRule } from "./form-rules.ts";

/** The rules as arktype's predicates take them. */
const predicates = new Map(
  (Object.keys(formRules) as FormRule[]).map((name) => {
    const predicate: Predicate = (value, context) => {
      const misfit = formRules[name](value);
      if (misfit === undefined) return true;
      if (misfit.key === undefined) return context.mustBe(misfit.expected);
      return context.reject({ path: [...context.path, misfit.key], expected: misfit.expected });
    };
    return [name, predicate] as const;
  }),
);

/** What arktype tells a predicate of where it is. */
interface Context {
  readonly path: readonly PropertyKey[];
  mustBe(expected: string): false;
  reject(problem: { readonly path: PropertyKey[]; readonly expected: string }): false;
}

type Predicate = (value: unknown, context: Context) => boolean;

/** The names of the rules, by what arktype calls. */
export const ruleNames: ReadonlyMap<unknown, FormRule> = new Map(
  Array.from(predicates, ([name, predicate]) => [predicate, name]),
);

/** The keys that there are, by the place of an object and by what tells its kinds apart. */
const keysByShape = new Map<string, readonly string[]>();

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

/** The keys that an object at a path can have. @param kind what its `type` or `kind` is, where it has one */
export function keysAt(path: readonly string[], kind: unknown): readonly string[] {
  const shape: string[] = [];
  for (const key of path) shape.push(named.has(shape.join(".")) ? "*" : key);
  return keysByShape.get(`${shape.join(".")} ${literalOf(kind)}`)!;
}

/** What tells the kinds of an object apart: a schema's `"'code'"`, or a value's `"code"`. */
function literalOf(type: unknown): string {
  return typeof type === "string" ? type.replaceAll("'", "") : "";
}

/** Any value that a rule takes. */
function ruled(rule: FormRule) {
  return type("unknown").narrow(predicates.get(rule)!);
}

/** An object with these keys and no others, at the place that `shape` says, which a rule takes. */
function object(shape: string, fields: Readonly<Record<string, unknown>>, rule?: FormRule) {
  const keys = Object.keys(fields).map((key) => key.replace("?", ""));
  keysByShape.set(`${shape} ${literalOf(fields["type"])}`, keys);
  const schema = type.raw({ "+": "reject", ...fields });
  return rule === undefined ? schema : schema.narrow(predicates.get(rule)!);
}

/** An object whose keys are the author's names. */
function names(value: unknown) {
  return type.raw({ "[string]": value }).narrow(predicates.get("names")!);
}

const size = ruled("size");
const stackPointer = ruled("stackPointer");
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
      "ports?": ruled("ports").array(),
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
  object(
    "idt.vectors.*",
    {
      "handler?": "string",
      "task?": "string",
      "type?": "'interrupt' | 'trap'",
      "segment?": "string",
      "ist?": "1 <= number.integer <= 7",
      ...dpl,
    },
    "vector",
  ),
);
for (const [kind, { needs, has }] of Object.entries(memoryKeys))
  keysByShape.set(`memory.* ${kind}`, ["kind", ...needs, ...has]);
const memory = object(
  "memory.*",
  {
    "kind?": type.enumerated(...Object.keys(memoryKeys)),
    ...Object.fromEntries(["at", "size", "align", "below", "offset"].map((key) => [`${key}?`, size])),
    "of?": "string",
  },
  "memory",
);
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
  "cache?": object(
    "paging.map.*.cache",
    { "pat?": "0 <= number.integer <= 7", "pwt?": "boolean", "pcd?": "boolean" },
    "cache",
  ),
  "pageSize?": "'4KiB' | '2MiB' | '4MiB' | '1GiB' | 'largest'",
  "backing?": "'ram' | 'none'",
});
const registers = [
  ..."rax rbx rcx rdx rsi rdi rbp rsp rflags cr0 cr4 efer".split(" "),
  ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
];
const registerFields = Object.fromEntries(registers.map((name) => [`${name}?`, size]));
const segmentRegisters = Object.fromEntries(
  ["cs", "ds", "es", "fs", "gs", "ss"].map((name) => [`${name}?`, ruled("selector")]),
);
/** The whole description. */
export const formSchema: Type = object(
  "",
  {
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
        code: ruled("code"),
        in: "string",
        "offset?": size,
        "sections?": names(object("place.*.sections.*", { in: "string", "offset?": size })),
      }),
    ),
    "entry?": "string",
    "stack?": "string",
  },
  "description",
);

/** What arktype finds wrong with a description. */
export function formErrors(description: unknown): type.errors | undefined {
  const result: unknown = formSchema(description);
  return result instanceof type.errors ? result : undefined;
}
