/** Expectations about images: what holds, what fails, and the words that a failure has. */
import "guestwright/testing/setup";
import { code64, layout, rax, type Image } from "guestwright";
import { addressSpaceOf, buildPageTables } from "guestwright/paging";
import { describe, expect, test } from "vitest";
import { longGuest, realGuest, type Loose } from "../layout/descriptions.ts";
import { failure } from "./failure.ts";

const buildHint = "\n  hint: build a layout with: await layout({ ... }).build()";
const build = (description: Loose): Promise<Image> => layout(description).build();
const image = await build(longGuest());

describe("toMap", () => {
  test("holds for what is mapped so, at any address in it", () => {
    expect(image).toMap(0x0, 0x5000, "rx");
    expect(image).toMap(0x123, 0x5123n, "rx");
    expect(image).toMap(0x1000n, 0x6000, "rwx", { size: "4KiB", user: false });
    expect(image).not.toMap(0x1000, 0x6000, "rw");
    expect(image).not.toMap(0x1000, 0x6000, "rwx", { size: "8KiB" });
    expect(image).not.toMap(0x1000, 0x6000, "rwx", { user: true });
  });

  test("goes over mappings that follow each other", async () => {
    const description = longGuest();
    description.paging.map.more = { virt: 0x2000, phys: 0x7000, size: "4KiB", access: "rwx" };
    expect(await build(description)).toMap(0x1000, 0x6000, "rwx", { size: "8KiB" });
  });

  test("reads page tables without an image", () => {
    const tables = buildPageTables({
      mode: "4-level",
      tables: 0x0n,
      mappings: [{ name: "text", virt: 0x1000n, phys: 0x8000n, size: 0x1000n, access: "rx", user: true }],
    });
    expect(addressSpaceOf(tables)).toMap(0x1000, 0x8000, "rx", { user: true });
  });

  test.each<[string, () => void, string]>([
    [
      "another access",
      () => expect(image).toMap(0x1000, 0x6000, "rw"),
      "expected 0x1000 to map to 0x6000 with rw, but 0x1000 maps to 0x6000 with rwx (mapping stack)",
    ],
    [
      "another address",
      () => expect(image).toMap(0x10, 0x6010, "rx", { size: 16 }),
      "expected 0x10..0x1f to map to 0x6010..0x601f with rx, but 0x10 maps to 0x5010 with rx (mapping text)",
    ],
    [
      "other rights of user mode",
      () => expect(image).toMap(0x0, 0x5000, "rx", { user: true }),
      "expected 0x0 to map to 0x5000 with rx for user mode, " +
        "but 0x0 maps to 0x5000 with rx for supervisor mode only (mapping text)",
    ],
    [
      "the end of a mapping",
      () => expect(image).toMap(0x1000, 0x6000, "rwx", { size: "8KiB" }),
      "expected 0x1000..0x2fff to map to 0x6000..0x7fff with rwx, but it is not mapped: " +
        'a supervisor read from 0x2000 (above "stack") raises #PF(0x0): P (bit 0) is clear in PTE 0x0 at 0x3010',
    ],
    [
      "what should not be",
      () => expect(image).not.toMap(0x0, 0x5000, "rx"),
      "expected 0x0 not to map to 0x5000 with rx, but it does",
    ],
    [
      "no image",
      () => expect(7).toMap(0x0, 0x5000, "rx"),
      "toMap takes an image or an address space, got 7\n  hint: of page tables: expect(addressSpaceOf(tables))",
    ],
    [
      "a page that only the supervisor can write to, since CR0.WP is clear",
      () => expect(image).toMap(0x0, 0x5000, "rwx"),
      "expected 0x0 to map to 0x5000 with rwx, but 0x0 maps to 0x5000 with rx (mapping text); " +
        "the supervisor can write to it all the same, since CR0.WP is clear",
    ],
    [
      "a layout that is not built",
      () => expect(layout(longGuest())).toMap(0x0, 0x5000, "rx"),
      `toMap takes an image or an address space, got an object${buildHint}`,
    ],
    [
      "an image that is on its way",
      () => expect(Promise.resolve(image)).toMap(0x0, 0x5000, "rx"),
      `toMap takes an image or an address space, got an object${buildHint}`,
    ],
    [
      "no address",
      () => expect(image).toMap(-1, 0x5000, "rx"),
      'toMap: virt: expected an address or a size such as 0x1000 or "4KiB", got -1',
    ],
  ])("fails for %s", async (_, expectation, message) => {
    expect(await failure(expectation)).toBe(message);
  });

  test("names no exemption where CR0.WP is set", async () => {
    const strict = await build({ ...longGuest(), cpu: { cr0: 0x8001_0001 } });
    expect(await failure(() => expect(strict).toMap(0x0, 0x5000, "rwx"))).toBe(
      "expected 0x0 to map to 0x5000 with rwx, but 0x0 maps to 0x5000 with rx (mapping text)",
    );
  });

  test("names the guard page of a stack", async () => {
    const guarded = await build({ ...longGuest(), stacks: { main: { virt: 0x8000, size: "4KiB" } } });
    expect(await failure(() => expect(guarded).toMap(0x7000, 0x5000, "rw"))).toMatch(
      /, but it is not mapped: a supervisor read from 0x7000 \(guard page below stack "main"\) raises #PF\(0x0\): /,
    );
  });

  test("fails without paging", async () => {
    const real = await build(realGuest());
    expect(await failure(() => expect(real).toMap(0x0, 0x0, "rwx"))).toBe(
      "expected 0x0 to map to 0x0 with rwx, but 0x0 is not mapped: paging is off",
    );
  });
});

describe("toBeSameImageAs", () => {
  test("holds for an image that was built again", async () => {
    expect(image).toBeSameImageAs(await build(longGuest()));
  });

  test("fails with what changed, in words", async () => {
    const description = longGuest();
    description.paging.map.text.phys = 0x7000;
    description.place.guest.code = code64().mov(rax, 1).hlt();
    const other = await build(description);
    expect(await failure(() => expect(other).toBeSameImageAs(image))).toBe(
      "expected the same image, but it changed:\n" +
        "  mapping text: phys 0x5000 -> 0x7000\n" +
        "  program guest: phys 0x5000 -> 0x7000\n" +
        "  guest: added mov rax, 0x1",
    );
    expect(image).not.toBeSameImageAs(other);
  });

  test("with not, fails for the same", async () => {
    expect(await failure(() => expect(image).not.toBeSameImageAs(image))).toBe(
      "expected another image, but nothing changed",
    );
  });

  test("fails for what is no image", async () => {
    const promised = layout(longGuest()).build();
    expect(await failure(() => expect(promised).toBeSameImageAs(image))).toBe(
      `toBeSameImageAs takes images, got an object${buildHint}`,
    );
    await promised;
  });
});
