/**
 * The one place that loads iced-x86, which reads back every instruction and writes those that Keystone cannot.
 * iced-x86's npm package wants Node; what a browser build would load instead goes here.
 */
import type * as Iced from "iced-x86";
import type { Mode } from "../mode.ts";

let loading: Promise<typeof Iced> | undefined;
let loaded: typeof Iced | undefined;

/** A decoder of everything that the instruction table has, the bounds-checking instructions included. */
export function decoderOf(iced: typeof Iced, mode: Mode, bytes: Uint8Array): Iced.Decoder {
  return new iced.Decoder(mode, bytes, iced.DecoderOptions.MPX);
}

/** Loads iced-x86 on first use: 30 to 100 ms. */
export function loadIced(): Promise<typeof Iced> {
  loading ??= importIced().then((iced) => (loaded = iced));
  return loading;
}

async function importIced(): Promise<typeof Iced> {
  const required = requireIced();
  if (required !== undefined) return required;
  // A CommonJS package: its exports are the default export, and no other way is the same under every bundler.
  return (await import("iced-x86")).default as unknown as typeof Iced;
}

/** What is needed of `node:module`; Node hands it out without an import, and a browser has none. */
interface NodeModule {
  createRequire(from: string): (name: "iced-x86") => typeof Iced;
}

/** The package as CommonJS has it: `import` would first search its 900 KB for the names that it exports, twice as long. */
function requireIced(): typeof Iced | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: "node:module"): NodeModule } };
  try {
    return process?.getBuiltinModule?.("node:module").createRequire(import.meta.url)("iced-x86");
  } catch {
    // It is part of a bundle, or is not there: what `import` says of that is clearer.
    return undefined;
  }
}

/** What {@link loadIced} has loaded; `undefined` before that. */
export function loadedIced(): typeof Iced | undefined {
  return loaded;
}
