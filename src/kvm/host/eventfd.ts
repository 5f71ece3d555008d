/** Event descriptors (eventfd(2)): what guests are interrupted by, and what they signal, without an exit. */
import { constants } from "node:os";
import { writeField } from "../abi/fields.ts";
import { linuxConstants } from "../abi/linux.ts";
import { badArgument } from "../kvm-error.ts";
import { Descriptor } from "./descriptor.ts";
import { callFailed } from "./host-error.ts";
import type { Libc } from "./libc.ts";

/**
 * A counter of events behind a file descriptor. It is closed with its VM, or before. Every method throws {@link KvmError}
 * `CLOSED` after `close()`.
 */
export interface EventFd {
  /** The file descriptor's number, for who waits for it by other means. */
  readonly fd: number;
  /** How many events there were since it was last asked, 0 where there were none; the counter is 0 then. It never waits. */
  read(): bigint;
  /** Adds events. @param count from 1 to 2^64 - 2; 1 unless given */
  write(count?: bigint): void;
  /** Closes it; nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The largest count that eventfd(2) takes. */
const MAX_COUNT = 0xffff_ffff_ffff_fffen;

/** An event descriptor, with what KVM's calls ask of it. */
export class EventFdHandle implements EventFd {
  readonly #descriptor: Descriptor;
  readonly #bytes = new Uint8Array(8);
  readonly #view = new DataView(this.#bytes.buffer);

  /** Throws {@link KvmError} `CALL_FAILED` where the host has no descriptor left. */
  constructor(libc: Libc) {
    const fd = libc.eventfd(0, linuxConstants.EFD_CLOEXEC | linuxConstants.EFD_NONBLOCK);
    if (fd < 0) throw callFailed("eventfd", libc.errno());
    this.#descriptor = new Descriptor(libc, fd, "the event descriptor");
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  read(): bigint {
    const { libc, fd } = this.#descriptor;
    if (libc.read(fd, this.#bytes, 8) === 8) return this.#view.getBigUint64(0, true);
    const errno = libc.errno();
    if (errno === constants.errno.EAGAIN) return 0n;
    throw callFailed("read of the event descriptor", errno);
  }

  write(count = 1n): void {
    const { libc, fd } = this.#descriptor;
    writeField(this.#view, [0, 8], count, "the number of events");
    if (count === 0n || count > MAX_COUNT) throw badArgument(`the number of events is not from 1 to 2^64 - 2`, count);
    if (libc.write(fd, this.#bytes, 8) === 8) return;
    throw callFailed("write to the event descriptor", libc.errno(), "it holds too many events: read it first");
  }

  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The descriptor's number. Throws {@link KvmError} `BAD_ARGUMENT` for what is none of this package's, `CLOSED` at its end. */
export function eventFdNumber(eventFd: unknown): number {
  if (eventFd instanceof EventFdHandle) return eventFd.fd;
  throw badArgument("no event descriptor", eventFd, "make one with vm.createEventFd()");
}
