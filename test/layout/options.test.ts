/** What authors are told whom no types help: what is no image, and options that there are not. */
import {
  checkExport,
  imageFromElf,
  imageFromRaw,
  imageToBytes,
  imageToFile,
  imageToText,
  layout,
  type Image,
} from "guestwright/layout";
import { imageToHtml } from "guestwright";
import { beforeAll, expect, test } from "vitest";
import { thrown } from "../core/thrown.ts";
import { longGuest, type Loose } from "./descriptions.ts";

let image: Image;
beforeAll(async () => {
  image = await layout(longGuest()).build();
});

const takers: Readonly<Record<string, (given: Loose, options?: Loose) => unknown>> = {
  imageToText,
  imageToBytes,
  imageToHtml,
  imageToFile: (given, options) => imageToFile(given, "raw", options),
  checkExport: (given, options) => checkExport(given, "raw", "qemu", options),
};

const bad = (message: string): unknown => expect.objectContaining({ code: "BAD_DESCRIPTION", message });

test.each(Object.entries(takers))("%s takes an image", async (name, take) => {
  expect(await thrown(() => take(null))).toEqual(bad(`${name} takes an image, from layout(...).build(), got null`));
  expect(await thrown(() => take(Promise.resolve(image)))).toEqual(
    bad(`${name} takes an image, from layout(...).build(), got an object\n  hint: await layout(...).build()`),
  );
});

test.each([
  ["imageToText", { sources: true }, "did you mean source?"],
  ["imageToBytes", { length: 5 }, "it has at, size and fill"],
  ["imageToHtml", { titel: "guest" }, "did you mean title?"],
  ["imageToFile", { stubat: 5 }, "did you mean stubAt?"],
  ["checkExport", { entry: 5 }, "it has stub and stubAt"],
])("%s has no option %o", async (name, options, hint) => {
  const [unknown] = Object.keys(options);
  expect(await thrown(() => takers[name]!(image, options))).toEqual(
    bad(`${name} has no option "${unknown}"\n  hint: ${hint}`),
  );
});

test("nor have the ways into an image", async () => {
  const bytes = Uint8Array.of(0xf4);
  await expect(imageFromElf(bytes, { memory: 5 } as Loose)).rejects.toEqual(
    bad('imageFromElf has no option "memory"\n  hint: it has start, entry, name, ram, stack and memoryLimit'),
  );
  await expect(imageFromRaw(bytes, { mode: "real16", add: 5 } as Loose)).rejects.toEqual(
    bad('imageFromRaw has no option "add"\n  hint: it has mode, at, entry, name, ram, stack and memoryLimit'),
  );
});
