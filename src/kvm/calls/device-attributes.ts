/** Attributes of KVM's device, of a VM and of a vCPU (api.rst, 4.80): numbers of 64 bits, by group and number. */
import { requireObject } from "../shapes.ts";
import type { IoctlName } from "../abi/ioctls.ts";
import { newStruct, readBigint, writeField, type StructBytes } from "../abi/fields.ts";
import { kvmDeviceAttr } from "../abi/wiring-structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { KvmError } from "../kvm-error.ts";
import { withAddress } from "../host/scratch.ts";

/** Which attribute: `KVM_VCPU_TSC_CTRL` and `KVM_VCPU_TSC_OFFSET` of asm/kvm.h, say, are group 0, attribute 0 of a vCPU. */
export interface DeviceAttribute {
  /** 32 bits. */
  readonly group: number;
  /** 64 bits. */
  readonly attr: bigint;
}

/** `KVM_HAS_DEVICE_ATTR`. */
export function hasAttribute(owner: Descriptor, attribute: DeviceAttribute): boolean {
  try {
    owner.ioctlBytes("KVM_HAS_DEVICE_ATTR", encode(attribute).bytes, attribute);
    return true;
  } catch (error) {
    if (error instanceof KvmError && error.code === "IOCTL_FAILED") return false;
    throw error;
  }
}

/** `KVM_GET_DEVICE_ATTR`. */
export function getAttribute(owner: Descriptor, attribute: DeviceAttribute): bigint {
  return readBigint(call(owner, "KVM_GET_DEVICE_ATTR", attribute, newStruct(8)).view, [0, 8]);
}

/** `KVM_SET_DEVICE_ATTR`. */
export function setAttribute(owner: Descriptor, attribute: DeviceAttribute, value: bigint): void {
  const struct = newStruct(8);
  writeField(struct.view, [0, 8], value, "the attribute's value");
  call(owner, "KVM_SET_DEVICE_ATTR", attribute, struct);
}

function call(owner: Descriptor, name: IoctlName, attribute: DeviceAttribute, value: StructBytes): StructBytes {
  const { bytes, view } = encode(attribute);
  withAddress(owner.libc, value.bytes, (at) => {
    writeField(view, kvmDeviceAttr.fields.addr, at, "the address");
    owner.ioctlBytes(name, bytes, attribute);
  });
  return value;
}

function encode(attribute: DeviceAttribute): StructBytes {
  const struct = newStruct(kvmDeviceAttr.size);
  const { group, attr } = requireObject("the attribute", attribute);
  writeField(struct.view, kvmDeviceAttr.fields.group, group, "the attribute's group");
  writeField(struct.view, kvmDeviceAttr.fields.attr, attr, "the attribute's number");
  return struct;
}
