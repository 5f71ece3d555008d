/** `struct kvm_enable_cap`, for a VM and for a vCPU. Pure. */
import { newStruct, writeField } from "../abi/fields.ts";
import { kvmEnableCap } from "../abi/state-structs.ts";
import { badArgument } from "../kvm-error.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";

/** A `struct kvm_enable_cap`. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function encodeEnableCap(capability: CapabilityName | number, args: readonly bigint[]): Uint8Array {
  const { bytes, view } = newStruct(kvmEnableCap.size);
  writeField(view, kvmEnableCap.fields.cap, capabilityNumber(capability), "the capability");
  if (args.length > 4) throw badArgument(`a capability takes up to 4 numbers, not ${args.length}`, args);
  const [at] = kvmEnableCap.fields.args;
  for (const [index, value] of args.entries()) writeField(view, [at + 8 * index, 8], value, `args[${index}]`);
  return bytes;
}
