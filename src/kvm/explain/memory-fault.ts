/** Whether an access to memory faults, and why in words. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { SegmentRegisterName } from "../../disasm/examined-instruction.ts";
import { exceptionVectors } from "../../layout/descriptors/exception-vectors.ts";
import { typeBits } from "../../layout/descriptors/segment.ts";
import type { SegmentState } from "../../layout/cpu-state.ts";
import type { Fault, FaultReason, MemoryAccess } from "../../paging/index.ts";
import { firstBytes, type GuestView } from "./guest-view.ts";

/** An access that the CPU does not make. */
export interface MemoryFault {
  readonly vector: number;
  readonly errorCode: number;
  readonly address: VirtAddr;
  /** What the page walk met; `undefined` where segmentation forbids it. */
  readonly fault: Fault | undefined;
  /** What is wrong with the address, to stand behind it: `is not mapped`. */
  readonly problem: string;
}

/** An access, before it is known to be allowed. */
export interface PlannedAccess {
  readonly kind: MemoryAccess["kind"];
  /** In bytes. */
  readonly size: number;
  /** The privilege level; that of the code unless given. */
  readonly level?: 0 | 1 | 2 | 3;
}

type ReasonText = (fault: Fault, named: string, byUser: boolean) => string;

const reasonTexts: Readonly<Record<FaultReason, ReasonText>> = {
  "non-canonical": () => "is not canonical",
  "not-present": (_, named) => (named === "" ? "is not mapped" : `is not mapped any more${named}`),
  reserved: (_, named) => `is mapped by an entry with a reserved bit set${named}`,
  "no-memory": () => "is reached through page tables that lie where there is no memory",
  "read-only": (_, named, byUser) => `is read-only${named}${byUser ? "" : " and CR0.WP is set"}`,
  "supervisor-only": (_, named) => `is not open to ring 3${named}`,
  "no-execute": (_, named) => `is not executable${named}`,
  smep: (_, named) => `is open to ring 3${named}, from where CR4.SMEP lets ring 0 execute nothing`,
  smap: (_, named) => `is open to ring 3${named}, which CR4.SMAP hides from ring 0`,
  "protection-key": (_, named) => `is forbidden by its protection key${named}`,
};

/** What is wrong with a linear address, to stand behind it. */
export function addressProblem(view: GuestView, address: VirtAddr, fault: Fault, level: number): string {
  const gap = view.space.gaps?.find(({ virt, size }) => address >= virt && address < virt + size);
  if (fault.reason === "not-present" && gap !== undefined) return `is in the ${gap.what}`;
  const { mapping } = view.walk(address, "read");
  return reasonTexts[fault.reason](fault, mapping === undefined ? "" : ` (mapping "${mapping}")`, level === 3);
}

/** What the CPU does instead of an access to linear addresses; `undefined` where the access succeeds. */
export function linearFault(view: GuestView, address: VirtAddr, access: PlannedAccess): MemoryFault | undefined {
  const { kind, size, level = view.level } = access;
  for (const at of firstBytes(address, size, view.isLong ? 64 : 32)) {
    const { fault } = view.walk(at, kind, level);
    if (fault === undefined) continue;
    const { exception, errorCode } = fault;
    const problem = addressProblem(view, at, fault, level);
    return { vector: exceptionVectors[exception].vector, errorCode, address: at, fault, problem };
  }
  return undefined;
}

/** The same for an offset into a segment, whose rules come first (SDM vol. 3A, 5.3 and 5.5; in 64-bit mode 5.3.1). */
export function segmentFault(
  view: GuestView,
  segment: SegmentRegisterName,
  offset: bigint,
  access: PlannedAccess,
): MemoryFault | undefined {
  const address = view.linear(segment, offset);
  const refusal = view.bits === 64 ? undefined : segmentProblem(view, segment, offset, access);
  const stackOrGeneral = exceptionVectors[segment === "ss" ? "#SS" : "#GP"].vector;
  if (refusal !== undefined) {
    return { vector: stackOrGeneral, errorCode: 0, address, fault: undefined, problem: refusal };
  }
  const found = linearFault(view, address, access);
  return found?.fault?.reason === "non-canonical" ? { ...found, vector: stackOrGeneral } : found;
}

function segmentProblem(
  { cpu, isReal }: GuestView,
  name: SegmentRegisterName,
  offset: bigint,
  { kind, size }: PlannedAccess,
): string | undefined {
  const state = cpu.segments[name];
  const register = name.toUpperCase();
  if (!isReal && state.unusable === 1) return `is in ${register}, which holds no segment`;
  const isCode = (state.type & typeBits.code) !== 0;
  const second = (state.type & typeBits.writableOrReadable) !== 0;
  if (!isReal && kind === "write" && (isCode || !second)) return `is in ${register}, which cannot be written`;
  if (!isReal && kind === "read" && isCode && !second) return `is in ${register}, which cannot be read`;
  return isWithin(state, isCode, offset, size) ? undefined : `is beyond the limit of ${register}, ${hex(state.limit)}`;
}

function isWithin(state: SegmentState, isCode: boolean, offset: bigint, size: number): boolean {
  const last = offset + BigInt(size - 1);
  const isDown = !isCode && (state.type & typeBits.expandDownOrConforming) !== 0;
  if (!isDown) return last <= BigInt(state.limit);
  return offset > BigInt(state.limit) && last <= (state.db === 1 ? 0xffff_ffffn : 0xffffn);
}
