/** Whether a file's guest has another place to start at than the one where it was started. */
import { hex } from "../../core/hex.ts";
import { readElf } from "../../layout/formats/elf/read-elf.ts";
import type { GuestFile } from "./load-guest.ts";

/**
 * For a guest that failed: kernels with a PVH note expect another CPU at each of their two entries, and die early at the
 * wrong one. `undefined` for files that have one entry alone, and for guests that were started elsewhere.
 */
export function startHint({ kind, bytes, options }: GuestFile): string | undefined {
  const { start, entry: asked } = options;
  if (asked !== undefined || kind !== "elf") return undefined;
  const { entry, pvhEntry } = readElf(bytes);
  if (pvhEntry === undefined) return undefined;
  return start === "pvh"
    ? `the guest was started at its PVH entry ${hex(pvhEntry)}; --start entry starts it at its ELF entry ${hex(entry)}`
    : `the file has a PVH note, and the guest was started at its ELF entry ${hex(entry)}: start it with --start pvh`;
}
