/** Where a guest is, said in a way that does not depend on the kind of KVM. */
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import type { Exit } from "../exits/exits.ts";
import type { Machine } from "../machine/machine.ts";
import { locationToText, type GuestLocation } from "../machine/location.ts";

/** RFLAGS.RF (SDM vol. 1, 3.4.3): what a CPU saves in it at an exit is its own affair. */
const RFLAGS_RF = 1n << 16n;

/** After these, two hosts may have the guest in different places, or in none. */
const unsettled: ReadonlySet<Exit["kind"] | undefined> = new Set<Exit["kind"] | undefined>([
  undefined,
  "shutdown",
  "fail-entry",
  "timeout",
  "interrupted",
  "exit-limit",
  "hardware",
  "unknown",
]);

/** Whether all hosts have the guest in the same place after an exit of this kind. */
export function isSettled(last: Exit["kind"] | undefined): boolean {
  return !unsettled.has(last);
}

/** The registers after the last exit, which is completed; `undefined` where they are not the same everywhere. */
export function registersAtEnd(
  machine: Pick<Machine, "complete" | "registers">,
  last: Exit["kind"] | undefined,
): GeneralRegisters | undefined {
  if (!isSettled(last) || !machine.complete()) return undefined;
  const registers = machine.registers();
  return { ...registers, rflags: registers.rflags & ~RFLAGS_RF };
}

/** The place of the instruction that an exit came from; `undefined` where no program lies there. */
export function placeOfExit(machine: Pick<Machine, "where">, exit: Exit): string | undefined {
  return placeText(machine.where(exit));
}

/** A place without the line of the source, so that moving code changes no transcript; `undefined` where no program lies there. */
export function placeText(location: GuestLocation): string | undefined {
  return location.program === undefined ? undefined : locationToText({ ...location, source: undefined });
}
