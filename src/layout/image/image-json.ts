/** Images as JSON text. */
import { show } from "../../core/show.ts";
import type { Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { checkImage } from "./check-image.ts";
import { fromTaggedJson, TaggedJsonError, toTaggedJson } from "../../core/tagged-json.ts";

const format = "guestwright image";

/** The version of the text's form. A reader knows its own version only. */
const version = 1;

/**
 * An image as JSON, without loss: {@link imageFromJson} gives an equal image. The same image gives the same text. Numbers
 * that JSON lacks are strings such as `"$bigint:0x1000"`, bytes are base64.
 *
 * @throws LayoutError `BAD_IMAGE` for what is no plain data
 * @example
 * ```ts
 * await writeFile("guest.json", imageToJson(image));
 * ```
 */
export function imageToJson(image: Image): string {
  return tagged(() => toTaggedJson({ format, version, image }));
}

/**
 * An image from the text of {@link imageToJson}. The text is checked: what runners and file formats rely on is there.
 *
 * @throws LayoutError `BAD_IMAGE` with the path of what is wrong and what was expected there
 * @example
 * ```ts
 * using machine = await boot(imageFromJson(await readFile("guest.json", "utf8")));
 * ```
 */
export function imageFromJson(json: string): Image {
  if (typeof json !== "string") throw badJson("", "JSON", json);
  const read = tagged(() => fromTaggedJson(json));
  const file = (typeof read === "object" && read !== null ? read : {}) as Readonly<Record<string, unknown>>;
  if (file["format"] !== format) throw badJson("format", JSON.stringify(format), file["format"]);
  if (file["version"] !== version) throw badJson("version", String(version), file["version"]);
  return checkImage(file["image"]);
}

function tagged<T>(convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof TaggedJsonError) throw badJson(error.path, error.expected, error.value, error.cause);
    throw error;
  }
}

function badJson(path: string, expected: string, value: unknown, cause?: unknown): LayoutError {
  const got = typeof value === "string" && value.length > 40 ? `${show(value.slice(0, 40))}…` : show(value);
  return new LayoutError(`${path === "" ? "the text" : path}: expected ${expected}, got ${got}`, {
    code: "BAD_IMAGE",
    value,
    ...(cause === undefined ? {} : { cause }),
  });
}
