/** Task-state segments: what the description says of one, as what the segment holds. */
import { hex } from "../../core/hex.ts";
import { toBytes } from "../../core/units.ts";
import type { SegmentName, SegmentState } from "../cpu-state.ts";
import type { StackPointer, TssDescription } from "../description/table-descriptions.ts";
import type { PortRange, TaskState } from "../descriptors/index.ts";
import { LayoutError } from "../layout-error.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import type { PlannedEntry } from "./planned-entry.ts";
import { valueOf } from "./labels.ts";

/** What a TSS refers to. */
export interface TaskSurroundings {
  /** The entries of the GDT, where its stack segments are. */
  readonly entries: readonly PlannedEntry[];
  readonly space: GuestSpace;
}

/** What makes the segment's size: its form, and the ports. `path` is the segment's in the description. */
export function taskForm(path: string, { ist, ports }: TssDescription, bits: 16 | 32 | 64): TaskState {
  if (ist !== undefined && bits !== 64) throw lacks(path, "ist", bits, ist);
  if (ports === undefined) return { bits };
  if (bits === 16) throw lacks(path, "ports", bits, ports);
  return { bits, ports: ports.map(portRange) };
}

/** What the segment holds, but for where a switch to the task begins. `path` is the segment's in the description. */
export function taskState(
  path: string,
  task: TssDescription,
  bits: 16 | 32 | 64,
  { entries, space }: TaskSurroundings,
): TaskState {
  const { stacks = {}, ist } = task;
  const form = taskForm(path, task, bits);
  const pointer = (key: string, given: StackPointer): bigint => stackEnd(`${path}.${key}`, given, bits, space);
  const levels = ([0, 1, 2] as const).filter((level) => stacks[level] !== undefined);
  if (bits === 64) {
    const rsp = levels.map((level) => [`rsp${level}`, pointer(`stacks.${level}`, stacks[level]!)] as const);
    const table = Object.entries(ist ?? {}).map(([i, given]) => [`ist${i}`, pointer(`ist.${i}`, given)] as const);
    return { ...form, ...Object.fromEntries([...rsp, ...table]) };
  }
  const prefix = bits === 16 ? "" : "e";
  const fields = levels.flatMap((level) => [
    [`${prefix}sp${level}`, Number(pointer(`stacks.${level}`, stacks[level]!))] as const,
    [`ss${level}`, stackSelector(`${path}.stacks.${level}`, level, entries)] as const,
  ]);
  return { ...form, ...Object.fromEntries(fields) };
}

function portRange(port: number | readonly [number, number]): PortRange {
  return typeof port === "number" ? { first: port, last: port } : { first: port[0], last: port[1] };
}

function lacks(path: string, key: string, bits: 16 | 32 | 64, value: unknown): LayoutError {
  return new LayoutError(`${path}.${key}: a ${bits}-bit TSS has none`, { code: "INCONSISTENT", value });
}

/** A stack pointer: the end of a stack or place of the description, or an address. */
function stackEnd(path: string, given: StackPointer, bits: 16 | 32 | 64, { stacks, places }: GuestSpace): bigint {
  const end = typeof given === "string" ? endOf(path, given, [...stacks, ...places]) : toBytes(given)!;
  if (end >> BigInt(bits) === 0n) return end;
  throw new LayoutError(`${path}: ${hex(end)} is beyond the ${bits} bits of its stack pointer`, {
    code: "DOES_NOT_FIT",
    value: given,
  });
}

function endOf(
  path: string,
  name: string,
  known: readonly { readonly name: string; readonly virt: bigint; readonly size: bigint }[],
): bigint {
  const found = known.find((each) => each.name === name);
  if (found !== undefined) return found.virt + found.size;
  const size = toBytes(name);
  if (size !== undefined) return size;
  throw new LayoutError(`${path}: no stack is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${known.map((each) => each.name).join(", ") || "none"}`,
  });
}

/** SS of a privilege level must be a writable data segment of that level (SDM vol. 3A, 5.8.5). */
function stackSelector(path: string, level: 0 | 1 | 2, entries: readonly PlannedEntry[]): number {
  const found = entries.find(
    ({ description: each }) =>
      each.type === "data" && (each.dpl ?? 0) === level && each.writable !== false && each.present !== false,
  );
  if (found !== undefined) return found.selector;
  throw new LayoutError(`${path}: SS needs a writable data segment of privilege level ${level}, and the GDT has none`, {
    code: "INCONSISTENT",
    value: entries.map(({ name }) => name),
  });
}

/** The state that a switch to the task loads, where the description says where it begins (SDM vol. 3A, 7.3). */
export function withEntry(
  path: string,
  { entry, stack }: TssDescription,
  state: TaskState,
  {
    space,
    segments: { cs, ds, ss },
    symbols,
  }: {
    readonly space: GuestSpace;
    readonly segments: Readonly<Record<SegmentName, SegmentState>>;
    readonly symbols: ReadonlyMap<string, bigint>;
  },
): TaskState {
  if (entry === undefined && stack === undefined) return state;
  if (state.bits === 64) throw lacks(path, entry === undefined ? "stack" : "entry", 64, entry ?? stack);
  const ip = entry === undefined ? 0 : Number(valueOf(symbols, `${path}.entry`, entry));
  const sp = stack === undefined ? 0 : Number(stackEnd(`${path}.stack`, stack, state.bits, space));
  const selectors = { cs: cs.selector, ss: ss.selector, ds: ds.selector, es: ds.selector };
  // Bit 1 of EFLAGS reads as 1 always (SDM vol. 1, figure 3-8).
  return state.bits === 16
    ? { ...state, ip, sp, flags: 2, ...selectors }
    : { ...state, eip: ip, esp: sp, eflags: 2, cr3: Number(space.tables?.root ?? 0n), ...selectors };
}
