/** What all calls on a vCPU have in common. */
import type { IoctlName } from "../abi/ioctls.ts";
import { newStruct, type StructBytes } from "../abi/fields.ts";
import type { Descriptor } from "../host/descriptor.ts";

/** A vCPU's descriptor, and the ways to read and write structs of it. */
export class VcpuCalls {
  protected readonly descriptor: Descriptor;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
  }

  /** Called before any ioctl that reads or writes the vCPU. */
  protected beforeCall(): void {
    // Nothing waits to be written here.
  }

  protected get(name: IoctlName, size: number): StructBytes {
    const struct = newStruct(size);
    this.beforeCall();
    this.descriptor.ioctlBytes(name, struct.bytes);
    return struct;
  }

  protected set(name: IoctlName, bytes: Uint8Array, value: unknown): number {
    this.beforeCall();
    return this.descriptor.ioctlBytes(name, bytes, value);
  }

  /** An ioctl that takes a number, or nothing. */
  protected call(name: IoctlName, argument = 0): number {
    this.beforeCall();
    return this.descriptor.ioctl(name, argument);
  }
}
