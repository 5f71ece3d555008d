/** Why an access succeeds although the page's own rights forbid it: rules that spare the supervisor (SDM vol. 3A, 4.6). */
import type { VirtAddr } from "../core/address.ts";
import { accessToText, stepToText, type AddressOwner } from "./access-text.ts";
import { CR0_WP } from "./control-registers.ts";
import { examineRights, type MemoryAccess } from "./fault.ts";
import type { AddressSpace } from "./memory.ts";
import type { WalkedPage, WalkState, WalkStep } from "./walk-state.ts";

/** What spares an access. */
export type ExemptionReason =
  /** The page is read-only, by R/W or by its protection key, but CR0.WP is clear and the access is the supervisor's. */
  | "wp-clear"
  /** The page is for user mode and CR4.SMAP is set, but EFLAGS.AC is set, too. */
  | "ac-set";

/** Why an access succeeds that would fault under stricter registers. */
export interface Exemption {
  readonly reason: ExemptionReason;
  /** The entry that would decide, nearest to the root. */
  readonly step: WalkStep;
  /** The bits of that entry that would decide, from the lowest. */
  readonly bits: readonly number[];
  /** All of this in one sentence. */
  readonly message: string;
}

interface Rule {
  readonly reason: ExemptionReason;
  /** Whether the registers are such that the rule may spare the access. */
  readonly applies: (space: AddressSpace, access: MemoryAccess) => boolean;
  /** The same access where they are not. */
  readonly stricter: (space: AddressSpace, access: MemoryAccess) => readonly [AddressSpace, MemoryAccess];
  /** Why it succeeds, after what speaks against it. */
  readonly but: string;
}

const rules: readonly Rule[] = [
  {
    reason: "wp-clear",
    applies: ({ cpu }, { kind }) => kind === "write" && (cpu.cr0 & CR0_WP) === 0n,
    stricter: (space, access) => [{ ...space, cpu: { ...space.cpu, cr0: space.cpu.cr0 | CR0_WP } }, access],
    but: "but CR0.WP is clear and the access is the supervisor's",
  },
  {
    reason: "ac-set",
    applies: (_, { ac }) => ac === true,
    stricter: (space, access) => [space, { ...access, ac: false }],
    but: "but EFLAGS.AC lets the supervisor through",
  },
];

/** Why an access that succeeds does so, where the page's rights alone forbid it. */
export function exemptionOf(
  space: AddressSpace,
  address: VirtAddr,
  access: MemoryAccess,
  outcome: { readonly state: WalkState; readonly page: WalkedPage },
  owner: AddressOwner,
): Exemption | undefined {
  if (access.cpl === 3) return undefined;
  const { state, page } = outcome;
  for (const { reason, applies, stricter, but } of rules) {
    const found = applies(space, access) ? examineRights(...stricter(space, access), state, page) : undefined;
    if (found === undefined) continue;
    const step = state.steps[found.step]!;
    const { bits, why } = found;
    const message = `${accessToText(access, address, owner)} succeeds: ${why} in ${stepToText(step)}, ${but}`;
    return { reason, step, bits, message };
  }
  return undefined;
}
