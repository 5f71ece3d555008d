/** The stacks of a guest, and the stack pointer at entry. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { sizeToText, toBytes } from "../../core/units.ts";
import type { SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import { typeBits } from "../descriptors/segment.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { ImageMapping, ImageStack, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { requireMemory } from "./chunks.ts";
import { smallestPage } from "./extent.ts";
import type { SharedRequest } from "./free-range.ts";
import { ramFor, roomHint, stackSize } from "./mappings.ts";
import type { PlaceKey } from "./place-key.ts";
import { findPlace, type Place } from "./places.ts";

/** The stacks of a description with paging: they are mappings. */
export function mappedStacks(
  { stacks = {} }: GuestDescription,
  mappings: readonly ImageMapping[],
): readonly ImageStack[] {
  return Object.entries(stacks).map(([name, { guard = true }]) => {
    const { virt, phys, size } = mappings.find((each) => each.name === name)!;
    return { name, virt, phys, size, guard };
  });
}

/** A stack without paging: a range of memory, and what it asks for where the description gives it no address. */
export interface PlainStack {
  readonly name: string;
  readonly size: bigint;
  readonly phys: bigint | undefined;
  readonly request: SharedRequest;
}

/** The stacks of a description without paging: as high as they can, since programs begin low. */
export function plainStacks({ stacks = {} }: GuestDescription, memory: readonly MemoryRegion[]): readonly PlainStack[] {
  return Object.entries(stacks).map(([name, stack]) => {
    const only = (["virt", "user", "guard"] as const).find((key) => stack[key] !== undefined);
    if (only !== undefined) {
      throw new LayoutError(`stacks.${name}.${only}: it needs paging`, { code: "INCONSISTENT", value: stack[only] });
    }
    const size = stackSize(name, stack);
    const phys = stack.phys === undefined ? undefined : toBytes(stack.phys)!;
    if (phys !== undefined) requireMemory(memory, { at: phys, size }, `stacks.${name}`);
    const within = ramFor(`stacks.${name}.in`, stack.in, memory);
    const refusal = (left: bigint): LayoutError =>
      new LayoutError(`stacks.${name}: no ${sizeToText(size)} of ${stack.in ?? "RAM"} are free`, {
        code: "DOES_NOT_FIT",
        value: size,
        hint: roomHint(within, left, `stacks.${name}.size smaller`),
      });
    return { name, size, phys, request: { within, size, align: smallestPage, highest: true, refusal } };
  });
}

/** The key that says where a stack lies in memory. */
export function stackKey(
  name: string,
  memory: readonly MemoryRegion[],
  mappings: readonly ImageMapping[] = [],
): PlaceKey {
  return {
    path: `stacks.${name}.phys`,
    from: 0n,
    within: memory.filter(({ kind }) => kind === "ram"),
    without: mappings
      .filter((each) => each.name !== name)
      .map(({ phys, size: length }) => ({ at: phys, size: length })),
    align: smallestPage,
  };
}

/** The stack that needs no naming; `undefined` where there is none. */
function onlyStack(stacks: readonly ImageStack[]): string | undefined {
  if (stacks.length <= 1) return stacks[0]?.name;
  throw new LayoutError(`stack: there are ${stacks.length} stacks, so it must name the one at entry`, {
    code: "INCONSISTENT",
    value: undefined,
    hint: `there is ${stacks.map((each) => each.name).join(", ")}`,
  });
}

/** A stack pointer: of which stack it is the end, as an offset into SS: 0 where that is the end of all offsets. */
export interface EntryStack {
  readonly name: string;
  readonly offset: VirtAddr;
}

/** Where RSP begins: at the end of a stack or place; `undefined` where the description names none. */
export function stackPointer(
  { mode, stack, cpu }: GuestDescription,
  stacks: readonly ImageStack[],
  places: readonly Place[],
  ss: SegmentState,
): EntryStack | undefined {
  const name = stack ?? (cpu?.rsp === undefined ? onlyStack(stacks) : undefined);
  if (name === undefined) return undefined;
  if (cpu?.rsp !== undefined) {
    throw new LayoutError("stack: cpu.rsp is given too; give one of them", { code: "INCONSISTENT", value: name });
  }
  const end = findPlace<ImageStack | Place>([...stacks, ...places], name, "stack");
  if ("writable" in end && !end.writable) {
    throw new LayoutError(`stack: ${name} is mapped without w`, { code: "INCONSISTENT", value: name });
  }
  const top = end.virt + end.size;
  if (entryModes[mode].bits === 64) return { name, offset: top };
  const pointer = top - ss.base;
  const [first, last] = offsetsOf(ss);
  if (pointer - 1n >= first && pointer - 1n <= last) return { name, offset: BigInt.asUintN(pointerBits(ss), pointer) };
  throw new LayoutError(
    `stack: ${name} ends at offset ${hex(pointer)} of SS, whose offsets are ${hex(first)}..${hex(last)}`,
    {
      code: "DOES_NOT_FIT",
      value: name,
      hint: `put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer`,
    },
  );
}

/** The size of the stack pointer outside 64-bit code: B of the stack segment (SDM vol. 3A, 3.4.5.1). */
export function pointerBits({ db }: SegmentState): 16 | 32 {
  return db === 1 ? 32 : 16;
}

/** The first and last offset of a stack segment (SDM vol. 3A, 3.4.5.1). */
function offsetsOf(state: SegmentState): readonly [bigint, bigint] {
  const { type, limit } = state;
  const most = (1n << BigInt(pointerBits(state))) - 1n;
  if ((type & typeBits.expandDownOrConforming) !== 0) return [BigInt(limit) + 1n, most];
  return [0n, BigInt(limit) < most ? BigInt(limit) : most];
}
