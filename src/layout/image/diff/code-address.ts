/** Addresses of code by the names that the code gives them. */
import type { VirtAddr } from "../../../core/address.ts";
import { codePlaceToText } from "../../../core/code-place.ts";
import { hex } from "../../../core/hex.ts";
import type { Image } from "../../image.ts";
import { symbolAt } from "../symbols.ts";
import type { FieldText } from "./compare-items.ts";

/**
 * An address of code as a field. A label keeps its name where the code before it grew, so an address that follows its
 * label has not changed; and one that stays has not, whatever the label is called now.
 */
export function codeAddress(image: Image, address: VirtAddr): FieldText {
  const place = symbolAt(image, address);
  const isNamed = place !== undefined && place.offset === 0n;
  return { text: isNamed ? codePlaceToText({ ...place, source: undefined }) : hex(address), value: address };
}
