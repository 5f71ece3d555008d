/**
 * The instructions that Keystone is not asked for, since it refuses them or gets them wrong: iced-x86 writes these. The
 * table of forms is made by giving every form to Keystone; a test makes it again, and so fails when a form on it comes out
 * right, or one that is not on it comes out wrong.
 */
import type { Form } from "../instructions/form.ts";
import type { Mode } from "../mode.ts";
import { faultyForms } from "./keystone-fault-forms.ts";
import { faultReasons, type FaultReasonName } from "./keystone-fault-reasons.ts";
import type { ResolvedInstruction, ResolvedOperand } from "./resolved.ts";
import { hasRexConflict } from "./rex.ts";

/** The reasons that concern each form, by its number. */
type Faults = ReadonlyMap<number, readonly FaultReasonName[]>;

/** Whether Keystone fails an instruction: in whichever of the forms that fit it would write it. */
export function isKeystoneFault(instruction: ResolvedInstruction, forms: readonly Form[]): boolean {
  // It aborts on what no encoding holds because of REX.
  if (hasRexConflict(instruction.operands)) return true;
  // It chooses among encodings by itself.
  if (instruction.encoding !== undefined) return true;
  // It has no word for this prefix.
  if (instruction.prefix === "notrack") return true;
  if (instruction.operands.some(hasNeedlessDisplacement)) return true;
  const faults = faultsOf(instruction.mode);
  return forms.every((form) =>
    (faults.get(form.code) ?? []).some((name) => faultReasons[name].applies(instruction, form)),
  );
}

const faultsByMode = new Map<Mode, Faults>();

function faultsOf(mode: Mode): Faults {
  let faults = faultsByMode.get(mode);
  if (faults === undefined) faultsByMode.set(mode, (faults = readFaults(mode)));
  return faults;
}

function readFaults(mode: Mode): Faults {
  const faults = new Map<number, FaultReasonName[]>();
  for (const [name, ranges] of Object.entries(faultyForms) as [FaultReasonName, Readonly<Record<Mode, string>>][]) {
    for (const [, first, last] of ranges[mode].matchAll(/(\d+)(?:-(\d+))?/g)) {
      for (let code = Number(first); code <= Number(last ?? first); code++)
        faults.set(code, [...(faults.get(code) ?? []), name]);
    }
  }
  return faults;
}

/** Whether Keystone would write a displacement of 0 for a 16-bit address, which only BP alone needs (SDM vol. 2A, table 2-1). */
function hasNeedlessDisplacement(operand: ResolvedOperand): boolean {
  if (typeof operand === "bigint" || operand.kind !== "memory") return false;
  return operand.base === "bp" && operand.index !== undefined && operand.displacement === 0n;
}
