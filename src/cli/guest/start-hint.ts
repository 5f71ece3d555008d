/** Whether a file's guest has another place to start at than the one where it was started. */
import { hex } from "../../core/hex.ts";
import { readElf } from "../../layout/formats/elf/read-elf.ts";
import type { GuestOptions } from "./guest-options.ts";
import { isElf, readInput } from "./load-guest.ts";

/**
 * For a guest that failed: kernels with a PVH note expect another CPU at each of their two entries, and die early at the
 * wrong one. `undefined` for files that have one entry alone.
 */
export function startHint(file: string, { start }: Pick<GuestOptions, "start">): string | undefined {
  const bytes = readInput(file);
  if (!isElf(bytes)) return undefined;
  const { entry, pvhEntry } = readElf(bytes);
  if (pvhEntry === undefined) return undefined;
  return start === "pvh"
    ? `the guest was started at its PVH entry ${hex(pvhEntry)}; --start entry starts it at its ELF entry ${hex(entry)}`
    : `the file has a PVH note, and the guest was started at its ELF entry ${hex(entry)}: start it with --start pvh`;
}
