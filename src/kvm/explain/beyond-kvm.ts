/** What a KVM without virtualisation hardware does not execute, though a CPU does: no fault of the guest. */
import { noPagingHint } from "../machine/accepted-state.ts";
import type { GuestView } from "./guest-view.ts";
import { taskBitsOf } from "./push-frame.ts";
import type { AtRip } from "./raised-at-rip.ts";
import { startsShortPaging } from "./rules-control.ts";
import { descriptorOf } from "./selector.ts";

/** Instructions that such a KVM shuts guests down for, though their tables are right: as found by trying each in each mode. */
const interruptInstructions: Readonly<Record<string, (view: GuestView) => boolean>> = {
  int: () => true,
  int3: ({ bits }) => bits !== 64,
  iret: ({ bits }) => bits !== 64,
  iretd: ({ bits }) => bits !== 64,
};

/** What to do where an exception leads to a task; `undefined` on a KVM that has tasks. */
export function lacksTasks({ guest: { kind } }: GuestView): string | undefined {
  return kind === "pvm"
    ? `this KVM (${kind}) executes no task gates: the guest may be right; use a host with VT-x or SVM`
    : undefined;
}

/** The selector of a TSS in CS, which no CPU loads, but such a KVM does; `undefined` where CS holds none. */
export function tssInCs(view: GuestView): number | undefined {
  const { selector } = view.cpu.segments.cs;
  if (view.guest.kind !== "pvm" || view.isReal || view.isLong) return undefined;
  const found = descriptorOf(view, selector);
  return typeof found === "object" && found.type === "tss" ? selector : undefined;
}

/** What to do where the KVM that ran the guest, and not the guest, lacks something; `undefined` where it lacks nothing known. */
export function beyondKvm(view: GuestView, { instruction, raised }: AtRip): string | undefined {
  const { kind } = view.guest;
  if (kind !== "pvm" || instruction === undefined) return undefined;
  if (startsShortPaging(view, instruction)) return noPagingHint(kind);
  if (raised !== undefined && view.level > 0 && taskBitsOf(view) === 16)
    return `this KVM (${kind}) takes no stack from a 16-bit TSS: the guest may be right; give the TSS bits: 32, or use a host with VT-x or SVM`;
  return interruptInstructions[instruction.mnemonic]?.(view) === true
    ? `this KVM (${kind}) cannot execute int n, nor int3 and iret outside 64-bit code: the guest may be right; use a host with VT-x or SVM`
    : undefined;
}
