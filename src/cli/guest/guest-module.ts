/** Guests that a module exports. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { nearest } from "../../core/nearest.ts";
import { isImage, isLayout, type Image, type Layout } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { almostGuest } from "./almost-guest.ts";
import { failingAs } from "./module-failure.ts";
import { unlessIdle } from "./unless-idle.ts";

/** Something that is a guest, or becomes one. */
type Guest = Image | Layout;

/** What a module exports, by name; of promises, what they came to. */
export type ModuleExports = ReadonlyMap<string, unknown>;

/** Imports a module and builds the guest that it exports. @param name of the export, where there are several */
export async function guestOfModule(
  file: string,
  name: string | undefined,
): Promise<{ readonly image: Image; readonly exports: ModuleExports }> {
  const exports = await settled(file, await waitFor(file, () => importModule(file)));
  const guests = [...exports].filter((entry): entry is [string, Guest] => isImage(entry[1]) || isLayout(entry[1]));
  const guest = choose(file, exports, new Map(guests), name);
  const image = isLayout(guest) ? await failingAs(file, "cannot be built", () => guest.build()) : guest;
  return { image, exports };
}

/** What the exports come to, where they are promises. */
async function settled(file: string, exports: Readonly<Record<string, unknown>>): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(exports))
    values.set(key, await waitFor(file, () => failingAs(file, "fails", async () => await value)));
  return values;
}

async function waitFor<T>(file: string, action: () => Promise<T>): Promise<T> {
  const hint = "a promise that it awaits or exports is neither fulfilled nor rejected";
  return await unlessIdle(`${file} waits for what never comes`, hint, action);
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { registerHooks } = await import("./register-hooks.ts");
  // Modules that are loaded before the hooks are there need not go through them: on Node 20 that saves a tenth of the start.
  await import("../../index.ts");
  registerHooks();
  const url = pathToFileURL(path.resolve(file)).href;
  return await failingAs(file, "fails", async () => (await import(url)) as Readonly<Record<string, unknown>>);
}

function choose(
  file: string,
  exports: ModuleExports,
  guests: ReadonlyMap<string, Guest>,
  name: string | undefined,
): Guest {
  const names = [...guests.keys()];
  const listed = names.join(", ");
  if (name !== undefined) {
    const guest = guests.get(name);
    if (guest !== undefined) return guest;
    const near = nearest(name, names);
    throw noGuest(
      `${file} exports no guest named ${JSON.stringify(name)}`,
      name,
      almostGuest(name, exports.get(name)) ??
        (near === undefined ? `it exports ${listed === "" ? "none" : listed}` : `did you mean ${near}?`),
    );
  }
  const guest = guests.get("default") ?? (guests.size === 1 ? guests.values().next().value : undefined);
  if (guest !== undefined) return guest;
  if (guests.size > 1)
    throw noGuest(`${file} exports ${guests.size} guests: ${listed}`, names, "choose one with --export NAME");
  throw noGuest(`${file} exports no guest`, file, almostGuests(exports) ?? exportHint);
}

const exportHint = "export what layout({ ... }) or await layout({ ... }).build() gives: export const image = ...";

/** The first export that could become a guest. */
function almostGuests(exports: ModuleExports): string | undefined {
  for (const [name, value] of exports) {
    const hint = almostGuest(name, value);
    if (hint !== undefined) return hint;
  }
  return undefined;
}

function noGuest(message: string, value: unknown, hint: string): CliError {
  return new CliError(message, { code: "NO_GUEST", value, hint });
}
