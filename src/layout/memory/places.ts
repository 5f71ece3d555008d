/** The places that programs and stacks can be put in: mappings, or memory where there is no paging. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { SegmentState } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import { typeBits } from "../descriptors/segment.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { ImageMapping, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";

/** A place that programs and stacks can be put in. */
export interface Place {
  readonly name: string;
  /** As the guest's linear addresses have it. */
  readonly virt: VirtAddr;
  readonly phys: PhysAddr;
  readonly size: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** The places of a guest. */
export function placesOf(
  memory: readonly MemoryRegion[],
  mappings: readonly ImageMapping[] | undefined,
): readonly Place[] {
  if (mappings === undefined) {
    return memory.map(({ name, at, size }) => ({
      name,
      virt: at as bigint,
      phys: at,
      size,
      writable: true,
      executable: true,
    }));
  }
  return mappings.map(({ name, virt, phys, size, access }) => ({
    ...{ name, virt, phys, size },
    writable: access.includes("w"),
    executable: access.includes("x"),
  }));
}

/** The place of a name; `path` is where the description names it. */
export function findPlace(places: readonly Place[], name: string, path: string): Place {
  const place = places.find((each) => each.name === name);
  if (place !== undefined) return place;
  throw new LayoutError(`${path}: no place is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${places.map((each) => each.name).join(", ") || "none"}`,
  });
}

/** RSP at entry, as an offset into SS: the end of the place that the description names; `undefined` where it names none. */
export function stackPointer(
  { mode, stack, cpu }: GuestDescription,
  places: readonly Place[],
  ss: SegmentState,
): VirtAddr | undefined {
  if (stack === undefined) return undefined;
  if (cpu?.rsp !== undefined) {
    throw new LayoutError("stack: cpu.rsp is given too; give one of them", { code: "INCONSISTENT", value: stack });
  }
  const { virt, size, writable } = findPlace(places, stack, "stack");
  if (!writable) throw new LayoutError(`stack: ${stack} is mapped without w`, { code: "INCONSISTENT", value: stack });
  const end = virt + size;
  if (entryModes[mode].bits === 64) return end;
  const pointer = end - ss.base;
  const [first, last] = offsetsOf(ss);
  if (pointer - 1n >= first && pointer - 1n <= last) return pointer;
  throw new LayoutError(
    `stack: ${stack} ends at offset ${hex(pointer)} of SS, whose offsets are ${hex(first)}..${hex(last)}`,
    {
      code: "DOES_NOT_FIT",
      value: stack,
      hint: `put it lower, set cpu.segments.ss, or set cpu.rsp to the stack pointer`,
    },
  );
}

/** The first and last offset of a stack segment (SDM vol. 3A, 3.4.5.1); with B clear the stack pointer has 16 bits. */
function offsetsOf({ type, limit, db }: SegmentState): readonly [bigint, bigint] {
  const most = db === 1 ? 0xffff_ffffn : 0xffffn;
  if ((type & typeBits.expandDownOrConforming) !== 0) return [BigInt(limit) + 1n, most];
  return [0n, BigInt(limit) < most ? BigInt(limit) : most];
}
