/** Whether an access to a page that a walk found is allowed, and if not, which fault it raises and why. */
import type { VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { accessToText, bitsToText, stepToText, type AddressOwner } from "./access-text.ts";
import { CR0_WP, CR4_PAE, CR4_PKE, CR4_SMAP, CR4_SMEP, EFER_NXE } from "./control-registers.ts";
import type { AddressSpace } from "./memory.ts";
import type { WalkedPage, WalkState, WalkStep } from "./walk-state.ts";

/** An access as the CPU makes it. */
export interface MemoryAccess {
  readonly kind: "read" | "write" | "fetch";
  /** The current privilege level: 3 is user mode, the others supervisor mode. 0 where not given. */
  readonly cpl?: 0 | 1 | 2 | 3;
  /** EFLAGS.AC: lets the supervisor through SMAP. False where not given. */
  readonly ac?: boolean;
}

/** Why an access faults. */
export type FaultReason =
  /** The address is not one that the mode has. */
  | "non-canonical"
  /** An entry has P clear. */
  | "not-present"
  /** An entry has a bit set that must be zero. */
  | "reserved"
  /** An entry lies where there is no memory. What the guest gets then is the host's choice; KVM raises a page fault. */
  | "no-memory"
  /** A write, and some entry has R/W clear. */
  | "read-only"
  /** User mode, and some entry has U/S clear. */
  | "supervisor-only"
  /** A fetch, and some entry has XD set. */
  | "no-execute"
  /** A supervisor fetch from a user page with CR4.SMEP set. */
  | "smep"
  /** A supervisor access to a user page with CR4.SMAP set and EFLAGS.AC clear. */
  | "smap"
  /** PKRU forbids the access under the page's protection key. */
  | "protection-key";

/** What the CPU does instead of an access. */
export interface Fault {
  /** #GP for an address that is not canonical, and for a PAE PDPTE, which MOV to CR3 refuses; #PF otherwise. */
  readonly exception: "#PF" | "#GP";
  /** What the CPU pushes: for #PF the bits of SDM vol. 3A, 4.7; 0 for #GP. */
  readonly errorCode: number;
  readonly reason: FaultReason;
  /** The entry that decides, nearest to the root. */
  readonly step: WalkStep | undefined;
  /** The bits of that entry that decide, from the lowest. */
  readonly bits: readonly number[];
  /** All of this in one sentence. */
  readonly message: string;
}

/** #PF error code: the fault is not one of a missing entry. */
export const PF_P = 0x1;
/** #PF error code: the access was a write. */
export const PF_W = 0x2;
/** #PF error code: the access was made in user mode. */
export const PF_U = 0x4;
/** #PF error code: a reserved bit is set. */
export const PF_RSVD = 0x8;
/** #PF error code: the access was a fetch; only with EFER.NXE or CR4.SMEP. */
export const PF_I = 0x10;
/** #PF error code: a protection key forbids the access. */
export const PF_PK = 0x20;

interface Finding {
  readonly reason: FaultReason;
  /** The index of the step that decides. */
  readonly step?: number;
  readonly bits?: readonly number[];
  readonly why: string;
}

/** A finding about a page that a walk found. */
interface RightsFinding extends Finding {
  readonly step: number;
  readonly bits: readonly number[];
}

interface Outcome {
  readonly state: WalkState;
  readonly page: WalkedPage | undefined;
}

/** The fault that an access raises after a walk; without an outcome, after an address that is not canonical. */
export function faultOf(
  space: AddressSpace,
  address: VirtAddr,
  access: MemoryAccess,
  outcome: Outcome | undefined,
  owner: AddressOwner,
): Fault | undefined {
  const found =
    outcome === undefined
      ? { reason: "non-canonical" as const, why: "the address is not canonical" }
      : examine(space, access, outcome);
  if (found === undefined) return undefined;
  const { reason, why, bits = [] } = found;
  const step = found.step === undefined ? undefined : outcome?.state.steps[found.step];
  const pdpte = reason === "reserved" && outcome?.state.levels.length === 3 && found.step === 0;
  const exception = reason === "non-canonical" || pdpte ? "#GP" : "#PF";
  const errorCode = exception === "#GP" ? 0 : errorCodeOf(space, access, reason, outcome?.page);
  const what = accessToText(access, address, owner);
  const raises = pdpte
    ? "does not come about, since MOV to CR3 raises #GP(0)"
    : `raises ${exception}(${hex(errorCode)})`;
  const where = step === undefined ? "" : ` in ${stepToText(step)}`;
  return { exception, errorCode, reason, step, bits, message: `${what} ${raises}: ${why}${where}` };
}

function examine(space: AddressSpace, access: MemoryAccess, { state, page }: Outcome): Finding | undefined {
  const last = state.steps.length - 1;
  if (page !== undefined) return examineRights(space, access, state, page);
  if (state.end === "no-memory") return { reason: "no-memory", step: last, why: "there is no memory" };
  if (state.end === "not-present") return { reason: "not-present", step: last, bits: [0], why: "P (bit 0) is clear" };
  const bits = reservedBits(state, last);
  return {
    reason: "reserved",
    step: last,
    bits,
    why: `${bits.length === 1 ? "a reserved bit is" : "reserved bits are"} set, ${bitsToText(bits)},`,
  };
}

function reservedBits({ levels, low, high }: WalkState, step: number): number[] {
  const rules = levels[step]!;
  const isPage = rules.maps === "always" || (rules.maps === "with PS" && (low[step]! & 0x80) !== 0);
  const words = isPage
    ? [low[step]! & rules.pageLow, high[step]! & rules.pageHigh]
    : [low[step]! & rules.tableLow, high[step]! & rules.tableHigh];
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (words[bit >> 5]! & (1 << (bit & 31))) !== 0);
}

/** The rules of SDM vol. 3A, 4.6: which rights an access to a page that is there needs. */
export function examineRights(
  { cpu }: AddressSpace,
  access: MemoryAccess,
  state: WalkState,
  page: WalkedPage,
): RightsFinding | undefined {
  const byUser = access.cpl === 3;
  const cr4 = Number(BigInt.asUintN(32, cpu.cr4));
  if (byUser && !page.user) return clearIn(state, "supervisor-only", 2);
  if (access.kind === "fetch") {
    if (!byUser && page.user && (cr4 & Number(CR4_SMEP)) !== 0) {
      return { reason: "smep", step: state.steps.length - 1, bits: [2], why: "CR4.SMEP is set and so is U/S (bit 2)" };
    }
    if (page.access === "r" || page.access === "rw") {
      const step = state.high.findIndex((word, index) => state.levels[index]!.level.permissions && word >= 0x8000_0000);
      return { reason: "no-execute", step, bits: [63], why: "XD (bit 63) is set" };
    }
    return undefined;
  }
  if (!byUser && page.user && (cr4 & Number(CR4_SMAP)) !== 0 && access.ac !== true) {
    return {
      reason: "smap",
      step: state.steps.length - 1,
      bits: [2],
      why: "CR4.SMAP is set, EFLAGS.AC is clear, and U/S (bit 2) is set",
    };
  }
  const protects = byUser || (cpu.cr0 & CR0_WP) !== 0n;
  if (access.kind === "write" && protects && (page.access === "r" || page.access === "rx"))
    return clearIn(state, "read-only", 1);
  if (keyForbids(cr4, cpu.pkru, access, page, protects)) {
    return {
      reason: "protection-key",
      step: state.steps.length - 1,
      bits: [59, 60, 61, 62],
      why: `PKRU forbids it under key ${page.key}`,
    };
  }
  return undefined;
}

function clearIn(state: WalkState, reason: FaultReason, bit: 1 | 2): RightsFinding {
  const step = state.low.findIndex(
    (word, index) => state.levels[index]!.level.permissions && (word & (1 << bit)) === 0,
  );
  return { reason, step, bits: [bit], why: `${bitsToText([bit])} is clear` };
}

/** SDM vol. 3A, 4.6.2: keys govern data accesses to user pages, in both modes. */
function keyForbids(cr4: number, pkru: number = 0, access: MemoryAccess, page: WalkedPage, protects: boolean): boolean {
  if ((cr4 & Number(CR4_PKE)) === 0 || !page.user || access.kind === "fetch") return false;
  const rights = (pkru >>> (page.key * 2)) & 3;
  return (rights & 1) !== 0 || ((rights & 2) !== 0 && access.kind === "write" && protects);
}

function errorCodeOf(
  { cpu }: AddressSpace,
  access: MemoryAccess,
  reason: FaultReason,
  page: WalkedPage | undefined,
): number {
  const byUser = access.cpl === 3;
  const fetches =
    access.kind === "fetch" &&
    ((cpu.cr4 & CR4_SMEP) !== 0n || ((cpu.cr4 & CR4_PAE) !== 0n && (cpu.efer & EFER_NXE) !== 0n));
  const protects = byUser || (cpu.cr0 & CR0_WP) !== 0n;
  // The key's bit is set whatever else is wrong with the access.
  const key = page !== undefined && keyForbids(Number(BigInt.asUintN(32, cpu.cr4)), cpu.pkru, access, page, protects);
  return (
    (reason === "not-present" || reason === "no-memory" ? 0 : PF_P) |
    (access.kind === "write" ? PF_W : 0) |
    (byUser ? PF_U : 0) |
    (reason === "reserved" ? PF_RSVD : 0) |
    (fetches ? PF_I : 0) |
    (key ? PF_PK : 0)
  );
}
