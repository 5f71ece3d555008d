/** The GDT: selectors, the table's bytes, and GDTR. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { toBytes } from "../../core/units.ts";
import type { DescriptorTableRegister } from "../cpu-state.ts";
import type { GuestDescription } from "../description/description.ts";
import { segmentStateAt } from "../descriptors/segment-state.ts";
import { encodeSegmentState } from "../descriptors/segment.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { Chunk, ImageGdt, ImageMapping } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { extentToText } from "../memory/memory-map.ts";

/** The most entries that a GDT has: selectors hold a 13-bit index (SDM vol. 3A, 3.5.1). */
const mostEntries = 8192;

/** The GDT of a description; `undefined` in real mode, which has none at entry. */
export function gdtOf({ mode, gdt }: GuestDescription): ImageGdt | undefined {
  if (mode === "real16") {
    if (gdt === undefined) return undefined;
    throw new LayoutError("gdt: real16 has no GDT at entry", { code: "INCONSISTENT", value: gdt });
  }
  const segments = Object.entries(gdt?.segments ?? entryModes[mode].segments);
  if (segments.length >= mostEntries) {
    throw new LayoutError(
      `gdt.segments: a GDT holds ${mostEntries} entries with the null one, got ${segments.length + 1}`,
      {
        code: "BAD_DESCRIPTION",
        value: segments.length,
      },
    );
  }
  // JavaScript puts such keys first, whatever the order in which they are written.
  const number = segments.find(([name]) => /^\d+$/.test(name));
  if (number !== undefined) {
    throw new LayoutError(`gdt.segments.${number[0]}: a name that is a number would not keep its place in the table`, {
      code: "BAD_DESCRIPTION",
      value: number[0],
    });
  }
  return {
    at: gdt?.at === undefined ? undefined : toBytes(gdt.at)!,
    segments: segments.map(([name, segment], i) => ({
      name,
      state: segmentStateAt(`gdt.segments.${name}.`, segment, (i + 1) * 8 + (segment.dpl ?? 0)),
    })),
  };
}

/** The table as it lies in memory: the null descriptor, then the segments. No chunk where it has no place. */
export function gdtChunks(gdt: ImageGdt | undefined): Chunk[] {
  if (gdt?.at === undefined) return [];
  const bytes = new Uint8Array((gdt.segments.length + 1) * 8);
  const entries = new DataView(bytes.buffer);
  gdt.segments.forEach(({ state }, i) => entries.setBigUint64((i + 1) * 8, encodeSegmentState(state), true));
  return [{ name: "gdt", at: gdt.at, bytes }];
}

/**
 * GDTR at entry.
 *
 * @param mappings where there is paging: the table must lie in them without a break, since GDTR holds a linear address
 */
export function gdtRegister(
  { mode }: GuestDescription,
  gdt: ImageGdt | undefined,
  mappings: readonly ImageMapping[] | undefined,
): DescriptorTableRegister {
  if (gdt?.at === undefined) return { base: 0n, limit: 0 };
  const size = BigInt(gdt.segments.length + 1) * 8n;
  const base = mappings === undefined ? (gdt.at as bigint) : virtualOf(mappings, gdt.at, size);
  if (entryModes[mode].bits === 32 && base + size > 1n << 32n) {
    throw new LayoutError(`gdt.at: ${hex(gdt.at)} is beyond the 32 bits of GDTR's base in ${mode}`, {
      code: "BAD_DESCRIPTION",
      value: gdt.at,
    });
  }
  return { base, limit: Number(size) - 1 };
}

/** The linear address of a range of physical memory that mappings cover without a break. */
function virtualOf(mappings: readonly ImageMapping[], at: PhysAddr, size: bigint): VirtAddr {
  let mapped = at as bigint;
  for (const start of mappings.filter(({ phys, size: length }) => phys <= at && at < phys + length)) {
    const distance = start.virt - start.phys;
    let next: ImageMapping | undefined = start;
    let end = at as bigint;
    while (next !== undefined && end < at + size) {
      end = next.phys + next.size;
      next = mappings.find(({ virt, phys }) => phys === end && virt - phys === distance);
    }
    if (end >= at + size) return at + distance;
    if (end > mapped) mapped = end;
  }
  throw new LayoutError(
    `gdt.at: no mapping has the table at physical ${extentToText({ at, size })} from ${hex(mapped)} on: the guest could not reach it`,
    {
      code: "INCONSISTENT",
      value: at,
    },
  );
}
