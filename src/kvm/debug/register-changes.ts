/** Which registers an instruction changed. Pure. */
import type { CpuState, GeneralRegisters, SegmentName, SegmentState } from "../../layout/cpu-state.ts";

/** The registers that are compared: all that decide what the guest does next, but for RIP, x87 and vector registers. */
export interface ComparedState extends Omit<CpuState, "regs"> {
  readonly regs: GeneralRegisters;
}

/** A register, or a part of one, as manuals write it in lower case: `rax`, `cs` for its selector, `cs.base`, `gdtr.limit`. */
export type RegisterName =
  | Exclude<keyof GeneralRegisters, "rip">
  | (typeof controlNames)[number]
  | SegmentName
  | `${SegmentName}.${Exclude<keyof SegmentState, "selector">}`
  | `${"gdtr" | "idtr"}.${"base" | "limit"}`;

/** What a register was and what it is. */
export interface RegisterChange {
  readonly before: bigint;
  readonly after: bigint;
}

/** The registers that changed, and no others. */
export type RegisterChanges = Readonly<Partial<Record<RegisterName, RegisterChange>>>;

const controlNames = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer"] as const;

/** What changed from one state to the other. */
export function registerChanges(before: ComparedState, after: ComparedState): RegisterChanges {
  const old = flatten(before);
  const changes: Partial<Record<RegisterName, RegisterChange>> = {};
  for (const [name, value] of flatten(after)) {
    const was = old.get(name)!;
    if (was !== value) changes[name] = { before: was, after: value };
  }
  return changes;
}

function flatten({ regs, segments, gdt, idt, ...rest }: ComparedState): ReadonlyMap<RegisterName, bigint> {
  const { rip: _, ...general } = regs;
  const flat = new Map<RegisterName, bigint>(Object.entries(general) as [keyof typeof general, bigint][]);
  for (const [segment, state] of Object.entries(segments) as [SegmentName, SegmentState][]) {
    for (const [field, value] of Object.entries(state) as [keyof SegmentState, bigint | number][]) {
      flat.set(field === "selector" ? segment : `${segment}.${field}`, BigInt(value));
    }
  }
  for (const [name, { base, limit }] of [["gdtr", gdt] as const, ["idtr", idt] as const]) {
    flat.set(`${name}.base`, base).set(`${name}.limit`, BigInt(limit));
  }
  for (const name of controlNames) flat.set(name, rest[name]);
  return flat;
}
