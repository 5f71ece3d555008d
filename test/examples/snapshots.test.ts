/** Each example's image as text, for review: these files show what a change to layout, paging or assembler does to them. */
import { imageToText } from "guestwright";
import { expect, test } from "vitest";
import { image as bootSector } from "../../examples/boot-sector.ts";
import { image as exceptions } from "../../examples/exceptions.ts";
import { image as longMode } from "../../examples/long-mode.ts";
import { image as swapgs } from "../../examples/msr-swapgs.ts";
import { image as realMode } from "../../examples/real-mode.ts";
import { image as ring3 } from "../../examples/ring3.ts";

const images = {
  "boot-sector": bootSector,
  exceptions,
  "long-mode": longMode,
  "msr-swapgs": swapgs,
  "real-mode": realMode,
  ring3,
};

test.each(Object.entries(images))("%s: the image is what was reviewed", async (name, image) => {
  await expect(`${imageToText(image)}\n`).toMatchFileSnapshot(`snapshots/${name}.txt`);
});
