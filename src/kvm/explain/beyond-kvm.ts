/** What a KVM without virtualisation hardware does not execute, though a CPU does: no fault of the guest. */
import type { ExaminedInstruction } from "../../disasm/examined-instruction.ts";
import { noPagingHint } from "../machine/accepted-state.ts";
import type { GuestView } from "./guest-view.ts";
import { startsShortPaging } from "./rules-control.ts";

/** Instructions that such a KVM shuts guests down for, though their tables are right: as found by trying each in each mode. */
const interruptInstructions: Readonly<Record<string, (view: GuestView) => boolean>> = {
  int: () => true,
  int3: ({ bits }) => bits !== 64,
  iret: ({ bits }) => bits !== 64,
  iretd: ({ bits }) => bits !== 64,
};

/** What to do where the KVM that ran the guest, and not the guest, lacks something; `undefined` where it lacks nothing known. */
export function beyondKvm(view: GuestView, instruction: ExaminedInstruction | undefined): string | undefined {
  const { kind } = view.guest;
  if (kind !== "pvm" || instruction === undefined) return undefined;
  if (startsShortPaging(view, instruction)) return noPagingHint(kind);
  return interruptInstructions[instruction.mnemonic]?.(view) === true
    ? `this KVM (${kind}) cannot execute int n, nor int3 and iret outside 64-bit code: the guest may be right; use a host with VT-x or SVM`
    : undefined;
}
