/** The instructions that load CS, and so can change the size of code: the only ways from one mode to another. */
import type { Forms } from "./instructions.ts";

/** SDM vol. 3A, 5.8 (far jumps and returns), 5.8.7 (SYSENTER and SYSEXIT), 5.8.8 (SYSCALL and SYSRET); RSM: 33.7. */
export const farTransfers = [
  "iret",
  "iretd",
  "iretq",
  "ljmp",
  "retf",
  "retfq",
  "rsm",
  "sysexit",
  "sysexitq",
  "sysret",
  "sysretq",
] as const satisfies readonly (keyof Forms)[];

/** A far transfer that code does not come back from. */
export type FarTransfer = (typeof farTransfers)[number];

/** Whether what follows an instruction may be code of another mode. */
export function isFarTransfer(mnemonic: string): mnemonic is FarTransfer {
  return (farTransfers as readonly string[]).includes(mnemonic);
}
