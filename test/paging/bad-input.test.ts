import fc from "fast-check";
import { expect, test } from "vitest";
import { buildPageTables, PagingError, walk, type PagingDescription } from "../../src/paging/index.ts";
import { kernel, kernelSpace } from "./address-space.ts";

const fields = [
  "mode",
  "tables",
  "mappings",
  "absent",
  "pageSize",
  "largest",
  "parents",
  "recursive",
  "maxPhysAddr",
  "budget",
] as const;
const mappingFields = [
  ...["name", "virt", "phys", "size", "access", "user", "global", "accessed", "dirty", "cache", "key", "software"],
  ...["pageSize", "override"],
] as const;

/** Values that callers without types might give. */
const junk = fc.oneof(
  fc.anything({ withBigInt: true }),
  fc.bigInt(-(1n << 70n), 1n << 70n),
  fc.bigInt(0n, 0x10_0000n).map((page) => page << 12n),
  fc.constantFrom(
    null,
    undefined,
    NaN,
    Infinity,
    -1,
    "4KiB",
    "largest",
    [],
    {},
    { at: 0n },
    { slot: 1n },
    { pat: "1" },
    () => 1,
  ),
);

/** What comes of it: tables, or the code of a PagingError. Any other error is thrown on. */
function outcomeOf(description: object): string {
  try {
    buildPageTables(description as PagingDescription);
    return "tables";
  } catch (error) {
    if (!(error instanceof PagingError)) throw error;
    return error.code;
  }
}

test("a field of the wrong kind is a PagingError or builds", () => {
  fc.assert(
    fc.property(fc.constantFrom(...fields), junk, (field, value) => {
      expect(outcomeOf({ ...kernel, [field]: value })).toMatch(/^(tables|[A-Z_]+)$/);
    }),
    { numRuns: 2000 },
  );
});

test("a mapping's field of the wrong kind is a PagingError or builds", () => {
  fc.assert(
    fc.property(fc.constantFrom(...mappingFields), junk, fc.nat(5), (field, value, index) => {
      const mappings = kernel.mappings.map((each, at) => (at === index ? { ...each, [field]: value } : each));
      expect(outcomeOf({ ...kernel, mappings })).toMatch(/^(tables|[A-Z_]+)$/);
    }),
    { numRuns: 2000 },
  );
});

test("a mapping that is none is a PagingError", () => {
  for (const value of [null, undefined, 1, "text", []]) {
    expect(() => buildPageTables({ ...kernel, mappings: [value as never] })).toThrow(PagingError);
    expect(() => buildPageTables({ ...kernel, absent: [value as never] })).toThrow(PagingError);
  }
});

test("a walk to what is no address is a PagingError", () => {
  for (const value of [null, undefined, 1, "0x1000", -1n, 1n << 64n]) {
    expect(() => walk(kernelSpace(), value as never)).toThrow(PagingError);
  }
});
