/** What all ways into an image take. */
import { show } from "../../../core/show.ts";
import { toBytes, type Size } from "../../../core/units.ts";
import { LayoutError } from "../../layout-error.ts";
import { physicalEnd, smallestPage, type Range } from "../../memory/extent.ts";

/** How foreign code becomes an image. */
export interface ImportOptions {
  /** What the image calls the program. */
  readonly name?: string;
  /** RAM that the guest is to have besides the pages that its bytes lie in. Addresses and sizes are multiples of 4096. */
  readonly ram?: readonly { readonly at: Size; readonly size: Size }[];
  /** The size of the stack in bytes, a multiple of 4096: 64 KiB where not given, `0` for none. Real mode gets none, and takes no other. */
  readonly stack?: Size;
  /** The most memory that the guest may take, in bytes: 1 GiB where not given. */
  readonly memoryLimit?: Size;
}

/** Their names. */
export const importOptionNames: readonly (keyof ImportOptions)[] = ["name", "ram", "stack", "memoryLimit"];

/** The options, checked. */
export interface ReadImportOptions {
  readonly name: string;
  readonly ram: readonly Range[];
  readonly stackSize: bigint;
  readonly memoryLimit: bigint;
}

const defaults = { stack: "64KiB", memoryLimit: "1GiB" } as const;

/**
 * Checks the options.
 *
 * @param name the program's, where they give none
 * @throws LayoutError `BAD_DESCRIPTION`
 */
export function readImportOptions(name: string, options: ImportOptions): ReadImportOptions {
  const { ram = [], stack = defaults.stack, memoryLimit = defaults.memoryLimit } = options;
  if (options.name !== undefined && (typeof options.name !== "string" || options.name === "")) {
    throw badOption("name", "a name", options.name);
  }
  return {
    name: options.name ?? name,
    ram: ram.map(({ at, size }, i) => {
      const range = { at: pagesOption(`ram[${i}].at`, at), size: pagesOption(`ram[${i}].size`, size) };
      if (range.at + range.size > physicalEnd) throw badOption(`ram[${i}].size`, "memory below 2^52", size);
      return range;
    }),
    stackSize: pagesOption("stack", stack),
    memoryLimit: sizeOption("memoryLimit", memoryLimit),
  };
}

/** An address or a size that an option gives. */
export function sizeOption(path: string, given: unknown): bigint {
  const value = toBytes(given);
  if (value === undefined) throw badOption(path, 'a size or an address such as 0x1000 or "32KiB"', given);
  return value;
}

function pagesOption(path: string, given: unknown): bigint {
  const value = sizeOption(path, given);
  if (value % smallestPage !== 0n) throw badOption(path, "a multiple of 4096", given);
  return value;
}

/** `BAD_DESCRIPTION`: an option's path, what was expected and what was given. */
export function badOption(path: string, expected: string, given: unknown): LayoutError {
  return new LayoutError(`${path}: expected ${expected}, got ${show(given)}`, {
    code: "BAD_DESCRIPTION",
    value: given,
  });
}
