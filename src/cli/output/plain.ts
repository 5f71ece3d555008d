/** Values as JSON has them, for programs: what it lacks becomes text. */
import { hex, hexBytes } from "../../core/hex.ts";

/** A bigint as `"0x1000"`, bytes as hexadecimal digits; what is `undefined` is left out. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === "bigint") return hex(each);
    return each instanceof Uint8Array ? hexBytes(each, "") : each;
  });
}
