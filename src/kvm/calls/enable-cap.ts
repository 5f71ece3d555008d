/** `struct kvm_enable_cap`, for a VM and for a vCPU. Pure. */
import { newStruct, writeField, writeWords } from "../abi/fields.ts";
import { kvmEnableCap } from "../abi/state-structs.ts";
import { badArgument } from "../kvm-error.ts";
import { requireList } from "../shapes.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";

/** A `struct kvm_enable_cap`. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function encodeEnableCap(capability: CapabilityName | number, args: readonly bigint[]): Uint8Array {
  const { bytes, view } = newStruct(kvmEnableCap.size);
  writeField(view, kvmEnableCap.fields.cap, capabilityNumber(capability), "the capability");
  const { length } = requireList("args", args);
  if (length > 4) throw badArgument(`a capability takes up to 4 numbers, not ${length}`, args);
  writeWords(view, kvmEnableCap.fields.args[0], args, "args");
  return bytes;
}
