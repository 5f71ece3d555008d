/** The check that runs without arktype against arktype itself. */
import fc from "fast-check";
import { code64 } from "guestwright";
import { expect, test } from "vitest";
import { isAllowedForm } from "../../src/layout/description/allowed-form.ts";
import { formErrors } from "../../src/layout/description/form-schema.ts";
import type { Loose } from "./descriptions.ts";

/** A description with every key that there is, in some form or other. */
function everything(): Loose {
  const placement = { at: 0x1000, in: "ram", offset: 0 };
  const segment = {
    base: 0,
    limit: 0xfffff,
    dpl: 0,
    present: true,
    accessed: true,
    available: false,
    granularity: "page",
  };
  return {
    mode: "long64",
    memory: {
      ram: { at: 0, size: "32KiB", align: 4096, below: "1MiB" },
      mirror: { kind: "alias", of: "ram", at: 0x100000, offset: 0, size: 4096 },
      device: { kind: "mmio", at: 0x200000, size: 4096 },
    },
    paging: {
      mode: "4-level",
      tables: 0,
      map: {
        text: {
          virt: 0,
          phys: 0,
          size: "4KiB",
          access: "rx",
          user: true,
          global: false,
          key: 1,
          software: 2,
          override: false,
          cache: { pat: 3 },
          pageSize: "4KiB",
          backing: "ram",
        },
        data: { virt: 0x1000, in: "ram", size: "4KiB", access: "rw", cache: { pwt: true, pcd: false } },
      },
    },
    stacks: { main: { size: 4096, virt: 0, phys: 0, in: "ram", user: false, guard: true } },
    gdt: {
      segments: {
        code: { type: "code", bits: 64, readable: true, conforming: false, ...segment },
        data: { type: "data", bits: 32, writable: true, expandDown: false, ...segment },
        gate: { type: "call-gate", target: "kernel", segment: "code", parameters: 1, dpl: 3 },
        tss: {
          type: "tss",
          bits: 64,
          stacks: { 0: "main" },
          ist: { 1: 0x1000 },
          ports: [0x80, [1, 2]],
          dpl: 0,
          ...placement,
        },
        ldt: { type: "ldt", segments: { own: { type: "data" } }, ...placement },
        task: { type: "task-gate", task: "tss", dpl: 0 },
      },
      ...placement,
    },
    idt: {
      vectors: {
        3: "handler",
        8: { task: "tss" },
        14: { handler: "handler", type: "trap", segment: "code", ist: 1, dpl: 0 },
      },
      stubs: { in: "ram", offset: 0 },
      ...placement,
    },
    e820: placement,
    cpu: { segments: { cs: "code", ds: 0 }, tr: null, ldtr: "ldt", rax: 1n, cr0: 1 },
    place: { guest: { code: code64().hlt(), in: "ram", offset: 0, sections: { ".data": { in: "ram", offset: 0 } } } },
    entry: "start",
    stack: "main",
  };
}

/** The paths of all values in a value. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || "nodes" in value) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

const paths = pathsOf(everything());

/** What stands in the place of a value, or of one more key: of every kind that the schema tells apart, and of none. */
const replacement = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    "",
    "ram",
    "4KiB",
    "32-bit",
    "rom",
    "tss",
    "trap",
    [],
    [1],
    [2, 1],
    {},
    [[]],
  ),
  fc.constantFrom<unknown>(
    { pat: 1, pwt: true },
    { task: "tss", handler: "x" },
    { type: "data" },
    Symbol("key"),
    () => 0,
  ),
  fc.integer({ min: -2, max: 70_000 }),
  fc.bigInt({ min: -2n, max: 2n ** 65n }),
  fc.double(),
);

const mutation = fc.record({
  path: fc.constantFrom(...paths),
  key: fc.option(fc.constantFrom("toString", "__proto__", "at", "kind", "type", "task", "offset", "unknown"), {
    nil: undefined,
  }),
  value: replacement,
  remove: fc.boolean(),
});

function mutate(
  description: Loose,
  { path, key, value, remove }: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
): Loose {
  const keys = key === undefined ? path : [...path, key];
  if (keys.length === 0) return value;
  const owner = keys
    .slice(0, -1)
    .reduce((each: Loose, name) => (each === null || each === undefined ? each : each[name]), description);
  if (typeof owner !== "object" || owner === null) return description;
  if (remove) delete owner[keys.at(-1)!];
  else Object.defineProperty(owner, keys.at(-1)!, { value, enumerable: true, configurable: true, writable: true });
  return description;
}

test("a description with everything is allowed", () => {
  expect(formErrors(everything())).toBe(undefined);
  expect(isAllowedForm(everything())).toBe(true);
});

test("what is allowed without arktype is what arktype allows", () => {
  const verdicts = new Set<boolean>();
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
      const description = mutations.reduce(mutate, everything());
      const isAllowed = isAllowedForm(description);
      verdicts.add(isAllowed);
      expect(isAllowed).toBe(formErrors(description) === undefined);
    }),
    { numRuns: 3000 },
  );
  expect(verdicts).toEqual(new Set([true, false]));
});
