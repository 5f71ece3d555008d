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
  readonly #slot: number;
  readonly #request: Uint8Array;
  readonly #host: HostAddress;
  readonly #size: number;
  #words: Uint32Array;

  /** Throws {@link KvmError} `CALL_FAILED` where the host has no memory left. @param size the slot's, in bytes */
  constructor(vm: Descriptor, slot: number, size: bigint) {
    const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS } = linuxConstants;
    this.#vm = vm;
    this.#slot = slot;
    // A bit for each page, in words of 64 (api.rst, 4.8).
    this.#size = Math.ceil(Number(size / PAGE_SIZE) / 64) * 8;
    const host = vm.libc.mmap(this.#size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (host === undefined) throw callFailed("mmap of a dirty bitmap", vm.libc.errno());
    this.#host = host;
    this.#words = new Uint32Array(vm.libc.view(host, this.#size));
    const { bytes, view } = newStruct(kvmDirtyLog.size);
    writeField(view, kvmDirtyLog.fields.slot, slot, "slot");
    writeField(view, kvmDirtyLog.fields.dirty_bitmap, host, "dirty_bitmap");
    this.#request = bytes;
  }

  /**
   * `KVM_GET_DIRTY_LOG`: a bit for each page that was written to since it was last called, and the log begins anew. The
   * words are overwritten by the next call, and gone after {@link close}.
   */
  read(): Uint32Array {
    this.#vm.ioctlBytes("KVM_GET_DIRTY_LOG", this.#request, this.#slot);
    return this.#words;
  }

  /** Gives the bitmap back. To be called once. */
  close(): void {
    this.#words = new Uint32Array(0);
    this.#vm.libc.munmap(this.#host, this.#size);
  }
}
