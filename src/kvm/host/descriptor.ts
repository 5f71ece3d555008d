/** A file descriptor of KVM's: the ioctls on it, and its end. */
import { constants } from "node:os";
import { ioctlNumber, type IoctlName } from "../abi/ioctls.ts";
import { closed } from "../kvm-error.ts";
import { ioctlFailed } from "./host-error.ts";
import type { Libc } from "./libc.ts";

/** So often is a call made that signals cut short: enough for any signal that a handler takes. */
const mostTries = 1000;

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
    const { fd, libc } = this;
    const number = ioctlNumber(name);
    let result = libc.ioctl(fd, number, argument);
    for (let tries = 1; result < 0 && this.#isCutShort(tries); tries++) result = libc.ioctl(fd, number, argument);
    if (result < 0) throw ioctlFailed(name, libc.errno(), argument);
    return result;
  }

  /** An ioctl that takes a pointer. Throws {@link KvmError} `IOCTL_FAILED` or `CLOSED`. */
  ioctlBytes(name: IoctlName, argument: Uint8Array, value?: unknown): number {
    const { fd, libc } = this;
    const number = ioctlNumber(name);
    let result = libc.ioctlBytes(fd, number, argument);
    for (let tries = 1; result < 0 && this.#isCutShort(tries); tries++) result = libc.ioctlBytes(fd, number, argument);
    if (result < 0) throw ioctlFailed(name, libc.errno(), value);
    return result;
  }

  /**
   * Whether a call that failed is to be made again: `KVM_CREATE_VM` fails with EINTR where a signal arrives meanwhile, as a
   * profiler's do all the time, and has done nothing then (mm_take_all_locks in the kernel's mm/mmap.c).
   */
  #isCutShort(tries: number): boolean {
    return tries < mostTries && this.libc.errno() === constants.errno.EINTR;
  }

  /** Closes it; nothing happens the second time. */
  close(): void {
    if (this.#fd >= 0) this.libc.close(this.#fd);
    this.#fd = -1;
  }
}
