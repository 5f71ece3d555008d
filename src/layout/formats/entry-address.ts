/** Where an image's first instruction is. */
import type { CpuState } from "../cpu-state.ts";
import { EFER_LMA } from "../../paging/index.ts";

/** The linear address of the first instruction: 64-bit code ignores the base of CS (SDM vol. 3A, 3.4.4). */
export function entryAddress({ regs, segments: { cs }, efer }: CpuState): bigint {
  const isLong = (efer & EFER_LMA) !== 0n && cs.l === 1;
  return isLong ? regs.rip : BigInt.asUintN(32, cs.base + regs.rip);
}
