/** Descriptions that build, for tests to break in one place. */
import { code16, code32, code64, layout, type LayoutError } from "guestwright";
import { expect, test } from "vitest";

/** A description as a program without types would have it: a test may put anything anywhere. */
// oxlint-disable-next-line typescript/no-explicit-any -- the point of these tests is what the compiler would refuse
export type Loose = any;

/** In long mode: a page of code, a page of stack, both mapped. */
export function longGuest(): Loose {
  return {
    mode: "long64",
    memory: { ram: { at: 0x0, size: "32KiB" } },
    paging: {
      tables: 0x0,
      map: {
        text: { virt: 0x0, phys: 0x5000, size: "4KiB", access: "rx" },
        stack: { virt: 0x1000, phys: 0x6000, size: "4KiB", access: "rwx" },
      },
    },
    place: { guest: { code: code64().hlt(), in: "text" } },
  };
}

/** What messages about missing memory say of it. */
export const ramHint = "\n  hint: there is memory at 0x0..0x7fff (ram)";

/** In protected mode, flat. */
export function protectedGuest(): Loose {
  return {
    mode: "protected32",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    place: { guest: { code: code32().hlt(), in: "ram" } },
  };
}

/** In real mode. */
export function realGuest(): Loose {
  return {
    mode: "real16",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    place: { guest: { code: code16().hlt(), in: "ram" } },
  };
}

/** Stands for a key that is taken away. */
export const gone = Symbol("gone");

/** A description with other values at some paths: `{ "memory.ram.size": 0 }`. */
export function edit(description: Loose, changes: Readonly<Record<string, unknown>>): Loose {
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(".");
    const last = keys.pop()!;
    const owner = keys.reduce((object, key) => (object[key] ??= {}), description);
    if (value === gone) delete owner[last];
    else owner[last] = value;
  }
  return description;
}

/** How building a description fails: the whole message, hint and all. */
async function failure(description: Loose): Promise<Record<"name" | "message" | "code" | "value", unknown>> {
  // Describing never throws: every mistake comes from building.
  const promise = layout(description).build();
  try {
    await promise;
  } catch (error) {
    const { name, message, code, value } = error as LayoutError;
    return { name, message, code, value };
  }
  throw new Error("it built, and should not have");
}

/** A broken description and what building it says. */
export type Case = readonly [name: string, description: Loose, message: string, code: string, value: unknown];

/** One test for each case. */
export function testFailures(errorName: string, cases: readonly Case[]): void {
  test.each(cases)("%s", async (_, description, message, code, value) => {
    expect(await failure(description)).toEqual({ name: errorName, message, code, value });
  });
}
