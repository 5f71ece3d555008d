/** Guests that a module exports. */
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GuestwrightError } from "../../core/error.ts";
import { nearest } from "../../core/nearest.ts";
import { isImage, isLayout, type Image, type Layout } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { packageRoot } from "../package-root.ts";

/** Something that is a guest, or becomes one. */
type Guest = Image | Layout;

/** Imports a module and builds the guest that it exports. @param name of the export, where there are several */
export async function imageOfModule(file: string, name: string | undefined): Promise<Image> {
  const exported = await importModule(file);
  const guests = new Map<string, Guest>();
  for (const [key, value] of Object.entries(exported)) {
    const awaited: unknown = await failingAs(file, "fails", async () => await value);
    if (isImage(awaited) || isLayout(awaited)) guests.set(key, awaited);
  }
  const guest = choose(file, guests, name);
  return isLayout(guest) ? await failingAs(file, "cannot be built", () => guest.build()) : guest;
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { registerHooks } = await import("./register-hooks.ts");
  // Modules that are loaded before the hooks are there need not go through them: on Node 20 that saves a tenth of the start.
  await import("../../index.ts");
  registerHooks();
  const url = pathToFileURL(path.resolve(file)).href;
  return await failingAs(file, "fails", async () => (await import(url)) as Readonly<Record<string, unknown>>);
}

function choose(file: string, guests: ReadonlyMap<string, Guest>, name: string | undefined): Guest {
  const names = [...guests.keys()];
  const listed = names.join(", ");
  if (name !== undefined) {
    const guest = guests.get(name);
    if (guest !== undefined) return guest;
    const near = nearest(name, names);
    throw noGuest(
      `${file} exports no guest named ${JSON.stringify(name)}`,
      name,
      near === undefined ? `it exports ${listed === "" ? "none" : listed}` : `did you mean ${near}?`,
    );
  }
  const guest = guests.get("default") ?? (guests.size === 1 ? guests.values().next().value : undefined);
  if (guest !== undefined) return guest;
  if (guests.size > 1)
    throw noGuest(`${file} exports ${guests.size} guests: ${listed}`, names, "choose one with --export NAME");
  throw noGuest(
    `${file} exports no guest`,
    file,
    "export what layout({ ... }) or await layout({ ... }).build() gives: export const image = ...",
  );
}

function noGuest(message: string, value: unknown, hint: string): CliError {
  return new CliError(message, { code: "NO_GUEST", value, hint });
}

/** Does something in the author's module; what it throws is the author's mistake, and is told with its place. */
async function failingAs<T>(file: string, what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new CliError(`${file} ${what}: ${describe(error)}`, {
      code: "MODULE_FAILED",
      value: file,
      cause: error,
    });
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  if (error instanceof GuestwrightError) return `${error.code}: ${error.message}`;
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
