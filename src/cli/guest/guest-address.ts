/** Addresses as users write them: numbers, or labels of the image. */
import type { VirtAddr } from "../../core/address.ts";
import { nearest } from "../../core/nearest.ts";
import { addressOf, imageSymbols, type Image } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { address } from "../command/reader.ts";

/** The address that a word stands for. Throws {@link CliError} `BAD_VALUE`. */
export function addressIn(image: Image, word: string): VirtAddr {
  const value = address.read(word);
  if (value !== undefined) return value;
  const names = [
    ...image.programs.map(({ name }) => name),
    ...imageSymbols(image).map(({ program, label }) => `${program}.${label}`),
  ];
  if (names.includes(word)) return addressOf(image, word);
  const near = nearest(word, names);
  throw new CliError(`ADDRESS must be ${address.expected}, or a label; got ${JSON.stringify(word)}`, {
    code: "BAD_VALUE",
    value: word,
    hint: near === undefined ? "guestwright inspect FILE symbols lists the labels" : `did you mean ${near}?`,
  });
}
