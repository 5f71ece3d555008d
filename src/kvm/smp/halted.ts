/** Whether a vCPU has anything left to do, where `hlt` is no exit: with an interrupt controller in the kernel. */
import type { Vcpu } from "../calls/vcpu.ts";

/** RFLAGS.IF (SDM vol. 1, 3.4.3). */
const RFLAGS_IF = 1n << 9n;

/** Whether nothing wakes a vCPU but an INIT or an NMI: it is halted with interrupts off, or was never started. */
export function isHaltedForGood(vcpu: Vcpu): boolean {
  const state = vcpu.getMpState();
  return state !== "runnable" && (state !== "halted" || (vcpu.getRegs().rflags & RFLAGS_IF) === 0n);
}
