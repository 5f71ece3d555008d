/** What JavaScript without types may pass to `boot`. Needs no KVM: the argument is looked at first. */
import { boot, code16, KvmError, layout } from "guestwright";
import { expect, test } from "vitest";

const guest = layout({
  mode: "real16",
  memory: { ram: { at: 0, size: "4KiB" } },
  place: { guest: { code: code16().hlt(), in: "ram" } },
});

test.each([
  ["a layout that is not built", () => guest, "an object"],
  ["an image that is not awaited", () => guest.build(), "an object"],
  ["nothing", () => undefined, "nothing"],
  ["text", () => "guest.img", '"guest.img"'],
])("%s", async (_, image, shown) => {
  const error: unknown = await boot(image() as never).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(KvmError);
  expect(error).toMatchObject({
    code: "BAD_ARGUMENT",
    message: `boot takes an image, got ${shown}\n  hint: make one with: await layout({ ... }).build()`,
  });
});
