/** Which model-specific registers a guest may access: `struct kvm_msr_filter` (api.rst, 4.97). Pure. */
import { newStruct, writeField } from "../abi/fields.ts";
import { kvmMsrFilter, kvmMsrFilterRange } from "../abi/state-structs.ts";
import type { HostAddress } from "../host/libc.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireList, requireObjects } from "../shapes.ts";
import { msrIndexOf, type MsrName } from "../abi/msr-names.ts";

/** Model-specific registers in a row, for `setMsrFilter`. */
export interface MsrFilterRange {
  /** Which accesses it is about. */
  readonly access: "read" | "write" | "both";
  /** The first register. */
  readonly base: MsrName | number;
  /** For each register from `base` on, whether the access is allowed. Up to 12288. */
  readonly allowed: readonly boolean[];
}

/** `KVM_MSR_FILTER_READ` and `KVM_MSR_FILTER_WRITE` (asm/kvm.h). */
const filterAccess = { read: 1, write: 2, both: 3 } as const;
/** `KVM_MSR_FILTER_DEFAULT_ALLOW` and `KVM_MSR_FILTER_DEFAULT_DENY` (asm/kvm.h). */
const filterDefaults = { allow: 0, deny: 1 } as const;
/** `KVM_MSR_FILTER_MAX_RANGES`, and `KVM_MSR_FILTER_MAX_BITMAP_SIZE` in bits. */
const MAX_RANGES = 16;
const MAX_MSRS = 0x600 * 8;

/** The bitmaps of all ranges, one after the other. Throws {@link KvmError} `BAD_ARGUMENT` for ranges that are none. */
export function filterBitmaps(ranges: readonly MsrFilterRange[]): Uint8Array {
  requireObjects("ranges", ranges);
  if (ranges.length > MAX_RANGES) throw badArgument(`a filter has up to 16 ranges, not ${ranges.length}`, ranges);
  return Uint8Array.from(ranges.flatMap((range) => [...bitmapOf(range)]));
}

/** A filter whose bitmaps lie at an address. */
export function encodeFilter(
  otherwise: "allow" | "deny",
  ranges: readonly MsrFilterRange[],
  at: HostAddress,
): Uint8Array {
  const { bytes, view } = newStruct(kvmMsrFilter.size);
  const flags = entryOf(filterDefaults, otherwise);
  if (flags === undefined) throw badArgument(`no default of a filter: ${show(otherwise)}`, otherwise);
  writeField(view, kvmMsrFilter.fields.flags, flags, "flags");
  let bitmap = at;
  for (const [index, { access, base, allowed }] of ranges.entries()) {
    const start = kvmMsrFilter.fields.ranges[0] + index * kvmMsrFilterRange.size;
    writeField(view, kvmMsrFilterRange.fields.flags, filterAccess[access], "access", start);
    writeField(view, kvmMsrFilterRange.fields.nmsrs, allowed.length, "nmsrs", start);
    writeField(view, kvmMsrFilterRange.fields.base, msrIndexOf(base), "base", start);
    writeField(view, kvmMsrFilterRange.fields.bitmap, bitmap, "bitmap", start);
    bitmap += BigInt(bitmapSize(allowed.length));
  }
  return bytes;
}

/** A bit for each register, in words of 64 bits. */
const bitmapSize = (registers: number): number => Math.ceil(registers / 64) * 8;

function bitmapOf(range: MsrFilterRange): Uint8Array {
  const { allowed, access } = range;
  if (entryOf(filterAccess, access) === undefined) throw badArgument(`no access of a filter: ${show(access)}`, range);
  requireList("allowed", allowed);
  if (allowed.length === 0 || allowed.length > MAX_MSRS) {
    throw badArgument(`a range has 1 to ${MAX_MSRS} registers, not ${allowed.length}`, range);
  }
  const bitmap = new Uint8Array(bitmapSize(allowed.length));
  for (const [index, isAllowed] of allowed.entries()) if (isAllowed) bitmap[index >> 3]! |= 1 << (index & 7);
  return bitmap;
}
