/** Parts of a machine's state, each one of the kernel's own structs: read once, set again and again. */
import { newStruct } from "../abi/fields.ts";
import type { IoctlName } from "../abi/ioctls.ts";
import type { Field } from "../abi/structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { KvmError } from "../kvm-error.ts";
import type { SnapshotPart } from "./snapshot-options.ts";

/** One struct that one ioctl reads and another sets, the same bytes. */
export interface StatePart {
  /** Where it may be left out. */
  readonly part?: SnapshotPart;
  readonly get: IoctlName;
  readonly set: IoctlName;
  /** In bytes. */
  readonly size: number;
  /** What the struct holds before it is read: which of several is asked for. */
  readonly header?: number;
  /** What the kernel tells, but takes as 0 only. */
  readonly told?: Field;
}

/** A part with the bytes to set. */
export interface SavedPart {
  readonly descriptor: Descriptor;
  readonly set: IoctlName;
  readonly bytes: Uint8Array;
}

/** Reads a part. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`. */
export function readPart({ get, set, size, header, told }: StatePart, descriptor: Descriptor): SavedPart {
  const { bytes, view } = newStruct(size);
  if (header !== undefined) view.setUint32(0, header, true);
  descriptor.ioctlBytes(get, bytes);
  if (told !== undefined) bytes.fill(0, told[0], told[0] + told[1]);
  return { descriptor, set, bytes };
}

/** The parts that are wanted, but for those that this KVM, or this VM, does not have: they are no part of its state. */
export function readParts(
  parts: readonly StatePart[],
  descriptor: Descriptor,
  omit: ReadonlySet<SnapshotPart>,
): readonly SavedPart[] {
  return parts.flatMap((part) => {
    if (part.part === undefined) return [readPart(part, descriptor)];
    if (omit.has(part.part)) return [];
    try {
      return [readPart(part, descriptor)];
    } catch (error) {
      if (error instanceof KvmError && error.code === "IOCTL_FAILED") return [];
      throw error;
    }
  });
}

/** Sets a part. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`. */
export function setPart({ descriptor, set, bytes }: SavedPart): void {
  descriptor.ioctlBytes(set, bytes);
}
