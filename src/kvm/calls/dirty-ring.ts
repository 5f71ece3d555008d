/** The ring in which KVM notes the pages that one vCPU wrote to (api.rst, 8.29), as an alternative to bitmaps. */
import { dirtyGfnFlags, KVM_DIRTY_LOG_PAGE_OFFSET } from "../abi/constants.ts";
import { linuxConstants } from "../abi/linux.ts";
import { kvmDirtyGfn } from "../abi/wiring-structs.ts";
import { callFailed } from "../host/host-error.ts";
import type { HostAddress, Libc } from "../host/libc.ts";

/** A page that a vCPU wrote to. */
export interface DirtyPage {
  /** The slot's number. */
  readonly slot: number;
  /** The page's number in its slot: its offset is 4096 times that. */
  readonly page: bigint;
}

const PAGE = 4096;
const { flags, slot, offset } = kvmDirtyGfn.fields;

/** The ring of one vCPU. */
export class DirtyRing {
  readonly #libc: Libc;
  readonly #host: HostAddress;
  readonly #size: number;
  #view: DataView;
  #next = 0;

  /** Throws {@link KvmError} `CALL_FAILED` where it cannot be mapped. @param fd the vCPU's @param size in bytes */
  constructor(libc: Libc, fd: number, size: number) {
    const { PROT_READ, PROT_WRITE, MAP_SHARED } = linuxConstants;
    const host = libc.mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, KVM_DIRTY_LOG_PAGE_OFFSET * PAGE);
    if (host === undefined) throw callFailed("mmap of the dirty ring", libc.errno());
    this.#libc = libc;
    this.#host = host;
    this.#size = size;
    this.#view = new DataView(libc.view(host, size));
  }

  /** The pages noted since it was last asked, each marked as taken; KVM may use their entries after `KVM_RESET_DIRTY_RINGS`. */
  reap(): readonly DirtyPage[] {
    const pages: DirtyPage[] = [];
    const view = this.#view;
    for (;;) {
      const at = this.#next;
      if (view.getUint32(at + flags[0], true) !== dirtyGfnFlags.KVM_DIRTY_GFN_F_DIRTY) return pages;
      pages.push({ slot: view.getUint32(at + slot[0], true), page: view.getBigUint64(at + offset[0], true) });
      view.setUint32(at + flags[0], dirtyGfnFlags.KVM_DIRTY_GFN_F_RESET, true);
      this.#next = (at + kvmDirtyGfn.size) % this.#size;
    }
  }

  /** Unmaps it. To be called once; the ring must not be used after that. */
  close(): void {
    this.#view = new DataView(new ArrayBuffer(0));
    this.#libc.munmap(this.#host, this.#size);
  }
}
