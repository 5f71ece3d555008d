/** Where a guest is, said in a way that does not depend on the kind of KVM. */
import type { Exit } from "../exits/exits.ts";
import type { Machine } from "../machine/machine.ts";
import { locationToText, type GuestLocation } from "../machine/location.ts";
import type { TranscriptEnd } from "./transcript.ts";

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

/** The guest's state after its last exit, which is completed; `undefined` where it is not the same everywhere. */
export function endOf(
  machine: Pick<Machine, "complete" | "registers" | "where">,
  last: Exit["kind"] | undefined,
): TranscriptEnd | undefined {
  if (unsettled.has(last) || !machine.complete()) return undefined;
  const registers = machine.registers();
  const location = machine.where();
  return {
    registers: { ...registers, rflags: registers.rflags & ~RFLAGS_RF },
    where: location.program === undefined ? undefined : textOf(location),
  };
}

/** The place of the instruction that an exit came from; `undefined` where no program lies there. */
export function placeOfExit(machine: Machine, exit: Exit): string | undefined {
  const location = machine.where(exit);
  return location.program === undefined ? undefined : textOf(location);
}

/** Without the line of the source: moving code changes no transcript. */
function textOf(location: GuestLocation): string {
  return locationToText({ ...location, source: undefined });
}
