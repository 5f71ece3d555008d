/** Task-state segments: what the description says of them, as their bytes. */
import type { TssDescription } from "../description/description.ts";

/** The size in bytes of a TSS without an I/O bitmap (SDM vol. 3A, figures 7-2, 7-10 and 7-11). */
const sizes = { 16: 44, 32: 104, 64: 104 } as const;

/** The size of a TSS in bytes. */
export function taskSize(_path: string, _task: TssDescription, bits: 16 | 32 | 64): number {
  return sizes[bits];
}
