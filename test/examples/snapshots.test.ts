/** Each example's image as text, for review: these files show what a change to layout, paging or assembler does to them. */
import { imageToText } from "guestwright";
import { expect, test } from "vitest";
import { image as longMode } from "../../examples/long-mode.ts";
import { image as swapgs } from "../../examples/msr-swapgs.ts";
import { image as realMode } from "../../examples/real-mode.ts";

test.each(Object.entries({ "long-mode": longMode, "msr-swapgs": swapgs, "real-mode": realMode }))(
  "%s: the image is what was reviewed",
  async (name, image) => {
    await expect(`${imageToText(image)}\n`).toMatchFileSnapshot(`snapshots/${name}.txt`);
  },
);
