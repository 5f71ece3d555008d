/** What guests' modules throw, as their authors need it. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { AsmError } from "../../asm/asm-error.ts";
import { GuestwrightError } from "../../core/error.ts";
import { sourceFiles } from "../../core/source.ts";
import { CliError, plainMessage } from "../cli-error.ts";
import { packageRoot } from "../package-root.ts";
import { placesFromHere } from "./places.ts";

/** Does something in the author's module. @throws CliError as {@link moduleFailure} */
export async function failingAs<T>(file: string, what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw moduleFailure(file, what, error);
  }
}

/** `MODULE_FAILED`: what the author's module throws is the author's mistake, and is told with its place. */
export function moduleFailure(file: string, what: string, error: unknown): CliError {
  return failure(`${file} ${what}: ${describe(error, file)}`, error);
}

/**
 * `MODULE_FAILED` for what was thrown while nobody waited for it. `undefined` for what only this package's own code can have
 * thrown: it is no mistake of the author.
 */
export function strayFailure(error: unknown): CliError | undefined {
  const isOwn = error instanceof Error && !(error instanceof GuestwrightError) && placeOf(error) === undefined;
  return isOwn ? undefined : failure(`the guest's module fails where nothing catches it: ${describe(error)}`, error);
}

function failure(message: string, cause: unknown): CliError {
  return new CliError(message, { code: "MODULE_FAILED", cause, ...hintFor(cause) });
}

/** What Node says of a package that is not there: of one that is imported, and of one that is required. */
const missingPackage = /^Cannot find (?:package|module) '((?:@[^/']+\/)?[^./':][^/':]*)/;

function hintFor(error: unknown): { readonly hint?: string } {
  if (!(error instanceof Error)) return {};
  const [, name] = missingPackage.exec(error.message) ?? [];
  const hint = error instanceof GuestwrightError ? error.hint : name && `npm install ${name}`;
  return hint === undefined ? {} : { hint };
}

/** @param module the file that threw it, where it is known */
function describe(error: unknown, module?: string): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  if (error instanceof AsmError && module !== undefined) {
    const places = placesFromHere(module, sourceFiles(error.source));
    return `${error.code}: ${places(plainMessage(error))}`;
  }
  if (error instanceof GuestwrightError) return `${error.code}: ${plainMessage(error)}`;
  const place = placeOf(error);
  return `${error.name}: ${error.message}${place === undefined ? "" : `\n  at ${place}`}`;
}

/** What runs guests' modules: places in it say nothing to their authors. */
const ownFolders = ["src", "dist"].map((name) => fileURLToPath(new URL(`${name}/`, packageRoot)));

/** A file's URL or path in a line of a stack, with its line and column. */
const framePlace = /(?<=^|[\s(])((?:file:\/\/)?\/[^\s()]+?)((?::\d+){1,2})(?=\)|$)/gm;

/** The first place of an error's stack that is neither in this package, nor in a dependency, nor in Node. */
function placeOf({ stack = "" }: Error): string | undefined {
  for (const [, location, place] of stack.matchAll(framePlace)) {
    const file = location!.startsWith("file:") ? fileURLToPath(location!) : location!;
    if (ownFolders.some((folder) => file.startsWith(folder)) || file.includes("/node_modules/")) continue;
    return `${path.relative(process.cwd(), file)}${place}`;
  }
  return undefined;
}
