/** Images from bytes without a format. */
import { hex } from "../../../core/hex.ts";
import { show } from "../../../core/show.ts";
import type { Size } from "../../../core/units.ts";
import type { Image } from "../../image.ts";
import { physicalEnd } from "../../memory/extent.ts";
import { requireOptions } from "../../layout-error.ts";
import { badFile } from "./bad-file.ts";
import { foreignImage, type ForeignMode } from "./foreign-image.ts";
import { badOption, importOptionNames, readImportOptions, sizeOption, type ImportOptions } from "./import-options.ts";

/** How bytes become an image. */
export interface RawImportOptions extends ImportOptions {
  /** The mode of the CPU at the first instruction. */
  readonly mode: "real16" | "protected32" | "long64";
  /** The physical address of the first byte. */
  readonly at: Size;
  /** The physical address of the first instruction; that of the first byte where not given. */
  readonly entry?: Size;
}

/** The addresses that each mode reaches. In real mode a segment's base is at most 0xf000 × 16 here. */
const modeEnds: Readonly<Record<ForeignMode, bigint>> = {
  real16: 0x10_0000n,
  protected32: 1n << 32n,
  long64: 1n << 47n,
};

/**
 * An image of bytes that are to lie in memory as they are: a boot sector, the output of `objcopy -O binary`. In real mode
 * the guest has the 640 KiB that every PC has; in 64-bit mode page tables map all its memory at its own address.
 *
 * @throws LayoutError `BAD_FILE` where the bytes do not fit what the mode reaches, `BAD_DESCRIPTION` for an option that is none
 * @example
 * ```ts
 * const image = await imageFromRaw(sector, { mode: "real16", at: 0x7c00 });
 * ```
 */
export async function imageFromRaw(bytes: Uint8Array, options: RawImportOptions): Promise<Image> {
  if (!(bytes instanceof Uint8Array)) throw badFile(`expected bytes, got ${show(bytes)}`, bytes);
  requireOptions("imageFromRaw", ["mode", "at", "entry", ...importOptionNames], options);
  const { mode } = options;
  if (!Object.hasOwn(modeEnds, mode)) {
    throw badOption(
      "mode",
      Object.keys(modeEnds)
        .map((each) => JSON.stringify(each))
        .join(" or "),
      mode,
    );
  }
  const imported = readImportOptions("raw", options);
  const at = sizeOption("at", options.at);
  const entry = sizeOption("entry", options.entry ?? at);
  const memorySize = BigInt(bytes.length);
  if (memorySize === 0n) throw badFile("there are no bytes", bytes);
  const end = modeEnds[mode] < physicalEnd ? modeEnds[mode] : physicalEnd;
  if (at + memorySize > end) {
    throw badFile(`the bytes would end at ${hex(at + memorySize - 1n)}, and ${mode} reaches ${hex(end - 1n)}`, at);
  }
  if (entry < at || entry >= at + memorySize) {
    throw badFile(
      `the guest would start at ${hex(entry)}, and the bytes are at ${hex(at)}..${hex(at + memorySize - 1n)}`,
      entry,
    );
  }
  const part = {
    name: "bytes",
    virt: at,
    phys: at,
    bytes: bytes.slice(),
    memorySize,
    writable: true,
    executable: true,
  };
  if (mode === "real16" && options.stack !== undefined && imported.stackSize > 0n) {
    throw badOption("stack", "0 or none in real16, where code sets up its own", options.stack);
  }
  const stackSize = mode === "real16" ? 0n : imported.stackSize;
  return foreignImage({ ...imported, stackSize, mode, entry, parts: [part], labels: {} });
}
