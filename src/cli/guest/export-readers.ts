/** The formats and the targets of exports, as options take them. */
import { imageFormats, type ExportTarget, type ImageFormatName } from "../../layout/index.ts";
import { oneOf, type Reader } from "../command/reader.ts";

/** A file format of the library's table. */
export const formatReader: Reader<ImageFormatName> = oneOf("FORMAT", Object.keys(imageFormats) as ImageFormatName[]);

/** A machine monitor that the library knows. */
export const targetReader: Reader<ExportTarget> = oneOf(
  "TARGET",
  Object.keys(imageFormats.raw.targets) as ExportTarget[],
);
