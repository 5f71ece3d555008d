/** The instructions that load CS, and so can change the size of code: the only ways from one mode to another. */
import type { Forms } from "./instruction-types.d.ts";

/** A far transfer that code does not come back from. */
export type FarTransfer = Extract<
  keyof Forms,
  "iret" | "iretd" | "iretq" | "ljmp" | "retf" | "retfq" | "rsm" | "sysexit" | "sysexitq" | "sysret" | "sysretq"
>;

/** SDM vol. 3A, 5.8 (far jumps and returns), 5.8.7 (SYSEXIT), 5.8.8 (SYSRET), 6.12.1 (IRET); vol. 3C, 32.7 (RSM). */
const isTransfer: Readonly<Record<FarTransfer, true>> = {
  iret: true,
  iretd: true,
  iretq: true,
  ljmp: true,
  retf: true,
  retfq: true,
  rsm: true,
  sysexit: true,
  sysexitq: true,
  sysret: true,
  sysretq: true,
};

/** All of them. */
export const farTransfers: readonly string[] = Object.keys(isTransfer);

/** Whether what follows an instruction may be code of another mode. */
export function isFarTransfer(mnemonic: string): mnemonic is FarTransfer {
  return mnemonic in isTransfer;
}
