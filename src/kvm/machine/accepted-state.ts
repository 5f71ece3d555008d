/**
 * Whether KVM took the state it was given. `KVM_SET_SREGS` may succeed and still change a register; a guest would then run in
 * another mode than its author wrote. Pure.
 */
import { hex } from "../../core/hex.ts";
import { bitNames } from "../../core/register-bits.ts";
import type { CpuState, SegmentName, SegmentState } from "../../layout/cpu-state.ts";
import { KvmError } from "../kvm-error.ts";
import type { KvmKind } from "../host/platform.ts";
import type { SpecialRegisters } from "../calls/registers.ts";

/** Bits that may come back other than they were given. */
const legalBits: Readonly<Partial<Record<ControlName, bigint>>> = {
  // ET reads as 1 on every CPU since the 486 (SDM vol. 3A, 2.5).
  cr0: 1n << 4n,
};

const controlNames = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer"] as const;
type ControlName = (typeof controlNames)[number];

const segmentNames = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"] as const satisfies readonly SegmentName[];

/** Compared where the segment can be used at all; G is not, since KVM on SVM makes it from the limit. */
const segmentFields = ["base", "limit", "type", "dpl", "db", "s", "l", "avl"] as const;

/** One register that came back other than it was given. */
export interface StateDifference {
  /** As manuals write it: `CR0`, `CS.limit`. */
  readonly register: string;
  readonly wanted: bigint;
  readonly got: bigint;
  /** The bits that were lost, by name: `PG`; their number where they have none. Empty for what is no set of bits. */
  readonly cleared: readonly string[];
  /** The bits that came in addition. */
  readonly set: readonly string[];
}

/** What KVM changed, but for what it may change. */
export function stateDifferences(wanted: CpuState, got: SpecialRegisters): readonly StateDifference[] {
  const controls = controlNames.map((name) => difference(name.toUpperCase(), wanted[name], got[name], name));
  const tables = (["gdt", "idt"] as const).flatMap((name) => [
    difference(`${name.toUpperCase()}R.base`, wanted[name].base, got[name].base),
    difference(`${name.toUpperCase()}R.limit`, BigInt(wanted[name].limit), BigInt(got[name].limit)),
  ]);
  const segments = segmentNames.flatMap((name) => segmentDifferences(name, wanted.segments[name], got.segments[name]));
  return [...controls, ...tables, ...segments].filter((each) => each !== undefined);
}

/** Throws {@link KvmError} `STATE_NOT_ACCEPTED`, which names every register that KVM changed. */
export function requireAccepted(wanted: CpuState, got: SpecialRegisters, kind: KvmKind): void {
  const differences = stateDifferences(wanted, got);
  if (differences.length === 0) return;
  throw new KvmError(`KVM took the CPU's state but changed it: ${differences.map(describe).join("; ")}`, {
    code: "STATE_NOT_ACCEPTED",
    value: differences,
    hint: hintFor(differences, kind),
  });
}

function segmentDifferences(
  name: SegmentName,
  wanted: SegmentState,
  got: SegmentState,
): (StateDifference | undefined)[] {
  const register = name === "ldt" ? "LDTR" : name.toUpperCase();
  const selector = difference(`${register}.selector`, BigInt(wanted.selector), BigInt(got.selector));
  // VT-x has an unusable bit, SVM only the present bit: KVM makes one from the other.
  const usable = (segment: SegmentState): bigint => (segment.present === 1 && segment.unusable === 0 ? 1n : 0n);
  if (usable(wanted) !== usable(got)) return [selector, difference(`${register}.present`, usable(wanted), usable(got))];
  if (usable(wanted) === 0n) return [selector];
  const fields = segmentFields.map((field) =>
    difference(`${register}.${field}`, comparable(name, wanted, field), comparable(name, got, field)),
  );
  return [selector, ...fields];
}

/** Loading a segment marks it accessed, loading TR marks it busy (SDM vol. 3A, 3.4.5.1 and 8.2.2): KVM on SVM shows it. */
function comparable(name: SegmentName, segment: SegmentState, field: (typeof segmentFields)[number]): bigint {
  if (field !== "type") return BigInt(segment[field]);
  return BigInt(segment.type | (name === "tr" ? 2 : segment.s));
}

function difference(register: string, wanted: bigint, got: bigint, name?: ControlName): StateDifference | undefined {
  const legal = name === undefined ? 0n : (legalBits[name] ?? 0n);
  if ((wanted | legal) === (got | legal)) return undefined;
  const names: Readonly<Record<number, string>> | undefined =
    name === "cr0" || name === "cr4" || name === "efer" ? bitNames[name] : undefined;
  const listed = (bits: bigint): readonly string[] => (names === undefined ? [] : bitList(bits & ~legal, names));
  return { register, wanted, got, cleared: listed(wanted & ~got), set: listed(got & ~wanted) };
}

function bitList(bits: bigint, names: Readonly<Record<number, string>>): readonly string[] {
  const numbers = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
  return numbers.map((bit) => names[bit] ?? `bit ${bit}`);
}

function describe({ register, wanted, got, cleared, set }: StateDifference): string {
  const changes = [
    ...(cleared.length === 0 ? [] : [`${cleared.join(", ")} cleared`]),
    ...(set.length === 0 ? [] : [`${set.join(", ")} set`]),
  ];
  const suffix = changes.length === 0 ? "" : ` (${changes.join("; ")})`;
  return `${register} wanted ${hex(wanted)}, got ${hex(got)}${suffix}`;
}

/** What to do where a KVM has no 32-bit and no PAE paging. */
export function noPagingHint(kind: KvmKind): string {
  return `this KVM (${kind}) has no paging outside long mode; use long mode, no paging, or a host with VT-x or SVM`;
}

function hintFor(differences: readonly StateDifference[], kind: KvmKind): string {
  const lostPaging = differences.some(({ register, cleared }) => register === "CR0" && cleared.includes("PG"));
  return lostPaging
    ? noPagingHint(kind)
    : `this KVM (${kind}) cannot run a guest in that state; give it one that the CPU can have, or use another host`;
}
