/** Tells images from what JavaScript without types passes for one. */
import { show } from "../../core/show.ts";
import type { Image } from "../image.ts";
import type { Layout } from "../layout.ts";
import { LayoutError } from "../layout-error.ts";

/** What every image has. */
const keys: readonly (keyof Image)[] = ["memory", "chunks", "cpu", "programs", "warnings"];

/**
 * Whether a value is an image, as far as its keys show.
 *
 * @example
 * ```ts
 * isImage(await layout({ … }).build()); // true
 * ```
 */
export function isImage(value: unknown): value is Image {
  return typeof value === "object" && value !== null && keys.every((key) => key in value);
}

/**
 * Whether a value is what `layout({ … })` gives, which is no image before it is built.
 *
 * @example
 * ```ts
 * isLayout(layout({ … })); // true
 * ```
 */
export function isLayout(value: unknown): value is Layout {
  if (typeof value !== "object" || value === null) return false;
  const [key, ...others] = Object.keys(value);
  return key === "build" && others.length === 0 && typeof (value as Partial<Layout>).build === "function";
}

/** Throws unless a function got an image. @param taker the function's name */
export function requireImage(taker: string, image: unknown): void {
  if (isImage(image)) return;
  const isOnItsWay = typeof image === "object" && image !== null && ("then" in image || "build" in image);
  throw new LayoutError(`${taker} takes an image, from layout(...).build(), got ${show(image)}`, {
    code: "BAD_DESCRIPTION",
    value: image,
    ...(isOnItsWay ? { hint: "await layout(...).build()" } : {}),
  });
}
