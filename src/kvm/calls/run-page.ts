/** The bytes that KVM shares for a vCPU, and how parts of them are copied out. Pure. */
import type { Field } from "../abi/structs.ts";
import type { KvmKind } from "../host/platform.ts";

/** `struct kvm_run`, what its offsets lead to, and whose numbers for the hardware's reasons it holds. */
export interface RunPage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly kind: KvmKind;
}

/** Most exits carry a byte or a few, up to so many: a loop is then cheaper than a view to copy from. */
const FEW = 16;

/** A copy of `size` bytes. */
export function copy({ bytes }: RunPage, at: number, size: number): Uint8Array {
  const data = new Uint8Array(size);
  if (size <= FEW) for (let index = 0; index < size; index++) data[index] = bytes[at + index]!;
  else data.set(bytes.subarray(at, at + size));
  return data;
}

/** Copies bytes into the page. */
export function paste({ bytes }: RunPage, at: number, data: Uint8Array): void {
  if (data.length <= FEW) for (let index = 0; index < data.length; index++) bytes[at + index] = data[index]!;
  else bytes.set(data, at);
}

/** The first `count` numbers of 64 bits of a field; all that it has room for unless given. */
export function words(view: DataView, [at, size]: Field, count: number = Number.POSITIVE_INFINITY): readonly bigint[] {
  return Array.from({ length: Math.min(count, size / 8) }, (_, word) => view.getBigUint64(at + 8 * word, true));
}

/** The names of numbers, by number. */
export function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map((Object.entries(numbers) as [Name, number][]).map(([name, number]) => [number, name]));
}
