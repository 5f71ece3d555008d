/** Why a guest ended badly, from the state that its last exit left. */
import { hexBytes } from "../../core/hex.ts";
import { entryViolations } from "../../layout/entry/entry-rules.ts";
import { linearAddress, placeOf, type GuestLocation } from "../machine/location.ts";
import { explainShutdown } from "./explain-shutdown.ts";
import type { Finding } from "./finding.ts";
import { GuestView, placeText, type StoppedGuest } from "./guest-view.ts";
import { findStray } from "./stray.ts";

/** The exits that a guest is explained after. */
export type BadEnd =
  | { readonly kind: "shutdown" | "fail-entry" }
  | { readonly kind: "internal-error"; readonly instruction?: Uint8Array | undefined; readonly text?: string };

/** What is found out about a guest: the most likely cause first. */
export function explainGuest(guest: StoppedGuest, exit: BadEnd): readonly Finding[] {
  const view = new GuestView(guest);
  const { rip } = guest.cpu.regs;
  const linear = linearAddress(rip, guest.cpu);
  const where = { rip, linear, ...placeOf(guest.image.programs ?? [], view.physical(linear)) };
  switch (exit.kind) {
    case "shutdown":
      return explainShutdown(view, where);
    case "internal-error":
      return explainInternalError(view, where, exit);
    case "fail-entry":
      return explainRefusal(view, where);
  }
}

function explainInternalError(
  view: GuestView,
  where: GuestLocation,
  exit: Extract<BadEnd, { readonly kind: "internal-error" }>,
): readonly Finding[] {
  const stray = findStray(view, where);
  const lead = stray === undefined ? [] : [stray];
  const bytes = exit.instruction;
  if (bytes === undefined) return lead.length > 0 ? lead : [unknown(where)];
  const { disassembler, cpu, kind } = view.guest;
  const instruction = disassembler?.first({ bytes, mode: view.bits, address: cpu.regs.rip });
  const what = instruction?.text ?? hexBytes(bytes);
  const emulates = kind === "pvm" && view.level === 0;
  return [
    ...lead,
    {
      ...{ kind: "emulation", where, instruction },
      text: `KVM cannot emulate ${what} at ${placeText(where)}`,
      hint: emulates
        ? "this KVM (pvm) emulates all of ring 0; one with VT-x or SVM leaves most instructions to the CPU"
        : undefined,
    },
  ];
}

function explainRefusal(view: GuestView, where: GuestLocation): readonly Finding[] {
  const violations = entryViolations(view.cpu);
  if (violations.length === 0) return [unknown(where)];
  return violations.map((violation) => ({
    ...{ kind: "entry-rule", violation, text: violation.message, hint: undefined },
  }));
}

function unknown(where: GuestLocation): Finding {
  return {
    ...{ kind: "unknown", where, hint: undefined },
    text: `the state that was left at ${placeText(where)} does not say why`,
  };
}
