/** Whose errors are which. */
import type { GuestwrightError } from "../core/error.ts";

/** What KVM says about a guest's image or its devices; by its other errors the host says that it cannot. */
const guestCodes: ReadonlySet<string> = new Set(["BAD_ARGUMENT", "STATE_NOT_ACCEPTED"]);

/** Whether the host is to blame, and not the guest. */
export function isOfHost({ name, code }: GuestwrightError): boolean {
  return name === "KvmError" && !guestCodes.has(code);
}
