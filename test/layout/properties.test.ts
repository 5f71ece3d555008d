/** Random descriptions: each builds, always to the same image, without overlap and with tables that lead where it says; or it is refused. */
import { code64, GuestwrightError, imageHash, layout, type GuestDescription, type Image } from "guestwright";
import fc from "fast-check";
import { expect, test } from "vitest";
import { oracleWalk } from "../paging/oracle.ts";

const page = 0x1000;

/** A value, or none. */
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

/** An object without the keys that have no value. */
const sparse = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

/** Addresses and sizes of few pages, so that things collide now and then. */
const pages = (least: number, most: number): fc.Arbitrary<number> =>
  fc.integer({ min: least, max: most }).map((count) => count * page);

const named = <T>(prefix: string, value: fc.Arbitrary<T>, most: number): fc.Arbitrary<Readonly<Record<string, T>>> =>
  fc
    .array(value, { maxLength: most })
    .map((values) => Object.fromEntries(values.map((each, i) => [`${prefix}${i}`, each])));

const storage = fc
  .record({
    kind: maybe(fc.constantFrom("ram", "rom")),
    at: maybe(pages(0x20, 0x60)),
    size: pages(1, 8),
    align: maybe(fc.constantFrom("8KiB", "64KiB")),
  })
  .map(({ at, align, ...rest }) => sparse({ ...rest, at, align: at === undefined ? align : undefined }));

const window = fc.record({ kind: fc.constantFrom("mmio", "reserved"), at: pages(0x20, 0x60), size: pages(1, 4) });
const alias = fc.record({
  kind: fc.constant("alias"),
  of: fc.constant("ram"),
  at: pages(0x40, 0x60),
  size: pages(1, 2),
});

/** Where a virtual range begins: in a part of its own of the address space, or a little before. */
const virtual = (part: number): fc.Arbitrary<number> => pages(-2, 8).map((from) => 0x40_0000 + part * 0x1_0000 + from);

const mapping = (part: number): fc.Arbitrary<object> =>
  fc
    .record({
      virt: virtual(part),
      phys: maybe(pages(0, 0x1f)),
      size: pages(1, 4),
      access: fc.constantFrom("r", "rw", "rx", "rwx"),
      user: fc.boolean(),
    })
    .map(sparse);

const stack = (part: number): fc.Arbitrary<object> =>
  fc.record({ virt: virtual(part), size: pages(1, 3), user: fc.boolean(), guard: fc.boolean() });

const place = fc.oneof(
  fc.constant({ in: "tables" }),
  fc.integer({ min: 0, max: 0x1100 }).map((offset) => ({ in: "tables", offset })),
);

const descriptions = fc
  .record({
    memory: named("memory", fc.oneof(storage, window, alias), 3),
    mappings: fc.tuple(maybe(mapping(1)), maybe(mapping(2)), maybe(mapping(3)), maybe(mapping(4))),
    stacks: fc.tuple(maybe(stack(5)), maybe(stack(6))),
    gdt: place,
    task: place,
    idt: maybe(place),
    e820: maybe(place),
    vectors: fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { maxLength: 3 }),
    stubs: fc.boolean(),
  })
  .map(({ memory, mappings, stacks, gdt, task, idt, e820, vectors, stubs }) => {
    const numbered = (prefix: string, values: readonly (object | undefined)[]): object =>
      Object.fromEntries(values.flatMap((each, i) => (each === undefined ? [] : [[`${prefix}${i}`, each]])));
    return sparse({
      mode: "long64",
      memory: { ram: { at: 0x0, size: "128KiB" }, ...memory },
      paging: {
        map: {
          text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
          tables: { virt: 0x50_0000, size: "8KiB", access: "rw" },
          ...numbered("map", mappings),
        },
      },
      stacks: numbered("stack", stacks),
      gdt: {
        ...gdt,
        segments: { code: { type: "code", bits: 64 }, data: { type: "data" }, task: { type: "tss", ...task } },
      },
      idt: idt && {
        ...idt,
        vectors: Object.fromEntries(vectors.map((vector) => [vector, "place.guest.handler"])),
        ...(stubs ? { stubs: { in: "text" } } : {}),
      },
      e820,
      place: { guest: { code: code64().hlt().label("handler").ret(), in: "text" } },
    }) as unknown as GuestDescription;
  });

/** Ranges that have no address in common. */
function expectApart(ranges: readonly { readonly name: string; readonly at: bigint; readonly size: bigint }[]): void {
  const sorted = ranges.toSorted((a, b) => (a.at < b.at ? -1 : 1));
  for (const [i, { at, size, name }] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next !== undefined && at + size > next.at) expect.fail(`${name} and ${next.name} overlap`);
  }
}

/** The page tables' bytes: zeros at their end are no part of the chunk. */
function tablesOf({ chunks, paging }: Image): Uint8Array {
  const bytes = new Uint8Array(0x10_0000);
  const chunk = chunks.find(({ name }) => name === "page tables")!;
  expect(chunk.at).toBe(paging!.root);
  bytes.set(chunk.bytes);
  return bytes;
}

function expectSound(image: Image): void {
  expectApart(image.memory.map(({ name, at, size }) => ({ name, at: at.valueOf(), size })));
  expectApart([
    ...image.chunks.map(({ name, at, bytes }) => ({ name, at: at.valueOf(), size: BigInt(bytes.length) })),
    ...image.stacks.map(({ name, phys, size }) => ({ name, at: phys.valueOf(), size })),
  ]);
  const tables = tablesOf(image);
  const translate = (address: bigint) => oracleWalk("4-level", tables, image.paging!.root.valueOf(), address);
  for (const { virt, phys, size } of image.paging!.mappings) {
    for (let at = 0n; at < size; at += 0x1000n) expect(translate(virt + at)?.phys).toBe(phys + at);
  }
  for (const { virt, size, guard } of image.stacks) {
    if (guard) expect([translate(virt - 1n), translate(virt + size)]).toEqual([undefined, undefined]);
  }
  // What the registers hold leads to the tables' bytes.
  const task = image.cpu.segments.tr.base;
  expect(translate(image.cpu.gdt.base.valueOf())?.phys).toBe(image.gdt!.at);
  expect(translate(task)?.phys).toBe(image.tasks[0]!.at);
  if (image.idt !== undefined) expect(translate(image.cpu.idt.base.valueOf())?.phys).toBe(image.idt.at);
}

test("descriptions build the same sound image each time, or are refused", { timeout: 120_000 }, async () => {
  const outcomes = { built: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(descriptions, async (description) => {
      const build = (): Promise<Image | GuestwrightError> =>
        layout(description)
          .build()
          .catch((error: unknown) => {
            if (error instanceof GuestwrightError) return error;
            throw error;
          });
      const [first, second] = [await build(), await build()];
      if (first instanceof GuestwrightError) {
        outcomes.refused++;
        expect(second).toMatchObject({ message: first.message, code: first.code });
        return;
      }
      outcomes.built++;
      expectSound(first);
      expect(await imageHash(second as Image)).toBe(await imageHash(first));
    }),
    { numRuns: 150 },
  );
  // Neither outcome is rare.
  expect(outcomes.built).toBeGreaterThan(15);
  expect(outcomes.refused).toBeGreaterThan(15);
});
