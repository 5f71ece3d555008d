/** What guests' modules throw, as their authors need it. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GuestwrightError } from "../../core/error.ts";
import { CliError, plainMessage } from "../cli-error.ts";
import { packageRoot } from "../package-root.ts";

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
  return new CliError(`${file} ${what}: ${describe(error)}`, {
    code: "MODULE_FAILED",
    value: file,
    cause: error,
    ...hintFor(error),
  });
}

/**
 * `MODULE_FAILED` for what was thrown while nobody waited for it. `undefined` for what only this package's own code can have
 * thrown: it is no mistake of the author.
 */
export function strayFailure(error: unknown): CliError | undefined {
  const isOwn = error instanceof Error && !(error instanceof GuestwrightError) && placeOf(error) === undefined;
  return isOwn ? undefined : moduleFailure("the guest's module", "fails where nothing catches it", error);
}

/** What Node says of an import that no package has. */
const missingPackage = /^Cannot find package '((?:@[^/']+\/)?[^/']+)'/;

function hintFor(error: unknown): { readonly hint?: string } {
  if (!(error instanceof Error)) return {};
  const [, name] = missingPackage.exec(error.message) ?? [];
  const hint = error instanceof GuestwrightError ? error.hint : name && `npm install ${name}`;
  return hint === undefined ? {} : { hint };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
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
