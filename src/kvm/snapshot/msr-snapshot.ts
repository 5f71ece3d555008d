/** The model-specific registers of a vCPU, as far as KVM lets them be read and set. */
import { newStruct } from "../abi/fields.ts";
import { kvmMsrEntry, kvmMsrs } from "../abi/structs.ts";
import type { Descriptor } from "../host/descriptor.ts";

/** IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST (SDM vol. 4, table 2-2): time goes on. */
const clocks: ReadonlySet<number> = new Set([0x10, 0x3b]);

const entryAt = (number: number): number => kvmMsrs.size + number * kvmMsrEntry.size;

/** The registers as they were. KVM stops at the first that it refuses: that one is left out from then on. */
export class MsrSnapshot {
  readonly #vcpu: Descriptor;
  #bytes: Uint8Array;

  /** @param indices the registers that KVM offers */
  constructor(vcpu: Descriptor, indices: readonly number[]) {
    this.#vcpu = vcpu;
    const wanted = indices.filter((index) => !clocks.has(index));
    const { bytes, view } = newStruct(entryAt(wanted.length));
    view.setUint32(kvmMsrs.fields.nmsrs[0], wanted.length, true);
    for (const [number, index] of wanted.entries()) {
      view.setUint32(entryAt(number) + kvmMsrEntry.fields.index[0], index, true);
    }
    this.#bytes = bytes;
    this.#call("KVM_GET_MSRS");
  }

  restore(): void {
    this.#call("KVM_SET_MSRS");
  }

  #call(name: "KVM_GET_MSRS" | "KVM_SET_MSRS"): void {
    for (;;) {
      const count = (this.#bytes.length - kvmMsrs.size) / kvmMsrEntry.size;
      const done = count === 0 ? 0 : this.#vcpu.ioctlBytes(name, this.#bytes);
      if (done >= count) return;
      this.#bytes = without(this.#bytes, done, count);
    }
  }
}

/** The struct without one of its entries. */
function without(msrs: Uint8Array, number: number, count: number): Uint8Array {
  const { bytes, view } = newStruct(entryAt(count - 1));
  bytes.set(msrs.subarray(0, entryAt(number)));
  bytes.set(msrs.subarray(entryAt(number + 1)), entryAt(number));
  view.setUint32(kvmMsrs.fields.nmsrs[0], count - 1, true);
  return bytes;
}
