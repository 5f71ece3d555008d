/** A file descriptor of KVM's: the ioctls on it, and its end. */
import { ioctlNumber, type IoctlName } from "../abi/ioctls.ts";
import { closed } from "../kvm-error.ts";
import { ioctlFailed } from "./host-error.ts";
import type { Libc } from "./libc.ts";

/** A file descriptor that throws instead of being used after its end. */
export class Descriptor {
  readonly libc: Libc;
  readonly #what: string;
  #fd: number;

  /** @param what what it is, in the error for its use after the end: `the VM` */
  constructor(libc: Libc, fd: number, what: string) {
    this.libc = libc;
    this.#fd = fd;
    this.#what = what;
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** The number. Throws {@link KvmError} `CLOSED` after {@link close}. */
  get fd(): number {
    this.requireOpen();
    return this.#fd;
  }

  /** Throws {@link KvmError} `CLOSED` after {@link close}. */
  requireOpen(): void {
    if (this.#fd < 0) throw closed(this.#what);
  }

  /** An ioctl that takes a number. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`. */
  ioctl(name: IoctlName, argument = 0): number {
    const result = this.libc.ioctl(this.fd, ioctlNumber(name), argument);
    if (result < 0) throw ioctlFailed(name, this.libc.errno(), argument);
    return result;
  }

  /** An ioctl that takes a pointer. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`. */
  ioctlBytes(name: IoctlName, argument: Uint8Array, value?: unknown): number {
    const result = this.libc.ioctlBytes(this.fd, ioctlNumber(name), argument);
    if (result < 0) throw ioctlFailed(name, this.libc.errno(), value);
    return result;
  }

  /** Closes it; nothing happens the second time. */
  close(): void {
    if (this.#fd >= 0) this.libc.close(this.#fd);
    this.#fd = -1;
  }
}
