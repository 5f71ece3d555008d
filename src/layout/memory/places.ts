/** The places that programs and stacks can be put in: mappings, or memory where there is no paging. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { ImageMapping, MemoryRegion } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import type { Range } from "./extent.ts";
import { behindAlias, hasMemory } from "./regions.ts";

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
    return memory.filter(hasMemory).map(({ name, at, size, kind }) => ({
      name,
      virt: at as bigint,
      phys: at,
      size,
      writable: kind !== "rom",
      executable: true,
    }));
  }
  return mappings.map(({ name, virt, phys, size, access }) => ({
    ...{ name, virt, phys, size },
    writable: access.includes("w"),
    executable: access.includes("x"),
  }));
}

/** The place, or the stack, of a name; `path` is where the description names it. */
export function findPlace<P extends { readonly name: string }>(places: readonly P[], name: string, path: string): P {
  const place = places.find((each) => each.name === name);
  if (place !== undefined) return place;
  throw new LayoutError(`${path}: no place is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${places.map((each) => each.name).join(", ") || "none"}`,
  });
}

/** The memory of a place: elsewhere than its physical addresses, where these lie in an alias. */
export function memoryOfPlace({ phys, size }: Place, memory: readonly MemoryRegion[]): Range {
  return { at: behindAlias(memory, { at: phys, size }), size };
}
