/** The log of the pages of one slot that the guest wrote to: a bitmap that KVM fills. */
import { kvmDirtyLog } from "../abi/state-structs.ts";
import { linuxConstants } from "../abi/linux.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { newStruct, writeField } from "../abi/fields.ts";
import { PAGE_SIZE } from "./guest-memory.ts";
import { callFailed } from "../host/host-error.ts";
import type { HostAddress } from "../host/libc.ts";

/** A bitmap for one slot, kept for reading it often. */
export class DirtyLog {
  readonly #vm: Descriptor;
  readonly #host: HostAddress;
  readonly #size: number;
  /** The address of the request, which lies behind the bitmap: a number is passed faster than a buffer. */
  readonly #request: number;
  #words: Uint32Array;

  /** Throws {@link KvmError} `CALL_FAILED` where the host has no memory left. @param size the slot's, in bytes */
  constructor(vm: Descriptor, slot: number, size: bigint) {
    const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS } = linuxConstants;
    this.#vm = vm;
    // A bit for each page, in words of 64 (api.rst, 4.8).
    const bitmapSize = Math.ceil(Number(size / PAGE_SIZE) / 64) * 8;
    this.#size = bitmapSize + kvmDirtyLog.size;
    const host = vm.libc.mmap(this.#size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (host === undefined) throw callFailed("mmap of a dirty bitmap", vm.libc.errno());
    this.#host = host;
    this.#words = new Uint32Array(vm.libc.view(host, bitmapSize));
    const { bytes, view } = newStruct(kvmDirtyLog.size);
    writeField(view, kvmDirtyLog.fields.slot, slot, "slot");
    writeField(view, kvmDirtyLog.fields.dirty_bitmap, host, "dirty_bitmap");
    vm.libc.copyTo(host + BigInt(bitmapSize), bytes, bytes.length);
    this.#request = Number(host) + bitmapSize;
  }

  /**
   * `KVM_GET_DIRTY_LOG`: a bit for each page that was written to since it was last called, and the log begins anew. The
   * words are overwritten by the next call, and gone after {@link close}.
   */
  read(): Uint32Array {
    this.#vm.ioctl("KVM_GET_DIRTY_LOG", this.#request);
    return this.#words;
  }

  /** Gives the bitmap back. To be called once. */
  close(): void {
    this.#words = new Uint32Array(0);
    this.#vm.libc.munmap(this.#host, this.#size);
  }
}
