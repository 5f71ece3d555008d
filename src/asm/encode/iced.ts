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

/** Loads iced-x86 on first use: 50 to 190 ms. */
export function loadIced(): Promise<typeof Iced> {
  // A CommonJS package: its exports are the default export, and no other way is the same under every bundler.
  loading ??= import("iced-x86").then((module) => (loaded = module.default as unknown as typeof Iced));
  return loading;
}

/** What {@link loadIced} has loaded; `undefined` before that. */
export function loadedIced(): typeof Iced | undefined {
  return loaded;
}
