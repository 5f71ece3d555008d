/** A copy of guest memory, and the way back to it, page by page. */
import { closeSync, openSync, readSync } from "node:fs";
import { memoryFlags } from "../abi/constants.ts";
import { linuxConstants } from "../abi/linux.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { DirtyLog } from "../calls/dirty-log.ts";
import type { Backing, GuestMemory, Slot } from "../calls/guest-memory.ts";
import { callFailed } from "../host/host-error.ts";
import { badArgument } from "../kvm-error.ts";
import type { HostAddress, Libc } from "../host/libc.ts";

const PAGE = 4096;

/** A mapping behind slots, and its copy. Addresses are numbers here: user space ends below 2^47. */
interface Copy {
  readonly backing: Backing;
  readonly live: number;
  readonly saved: HostAddress;
  readonly size: number;
}

/** A slot, where its memory and the copy of it begin, and the log of what the guest wrote there. */
interface LoggedSlot {
  readonly live: number;
  readonly saved: number;
  readonly size: number;
  /** `undefined` for a slot that the guest cannot write to. */
  readonly log: DirtyLog | undefined;
}

/** All memory of a VM as it was. */
export class MemorySnapshot {
  readonly #libc: Libc;
  readonly #memory: GuestMemory;
  readonly #copies: Copy[] = [];
  readonly #slots: LoggedSlot[] = [];
  readonly #version: number;

  /** Throws {@link KvmError} `CALL_FAILED` where the host has no memory left; nothing is left behind then. */
  constructor(vm: Descriptor, memory: GuestMemory) {
    this.#libc = vm.libc;
    this.#memory = memory;
    this.#version = memory.version;
    try {
      for (const backing of memory.backings) this.#copies.push(copyOf(vm.libc, backing));
      for (const [number, slot] of memory.entries) this.#slots.push(logSlot(vm, number, slot, this.#copies));
    } catch (error) {
      this.close();
      throw error;
    }
    this.#forgetChanges();
  }

  /** How many bytes the guest's memory has. */
  get size(): number {
    return this.#copies.reduce((sum, { size }) => sum + size, 0);
  }

  /** Throws {@link KvmError} `BAD_ARGUMENT` where slots came, went or changed since. */
  requireSameSlots(): void {
    if (this.#memory.version === this.#version) return;
    throw badArgument(
      "the memory slots are not those of the snapshot",
      undefined,
      "take a snapshot after slots change",
    );
  }

  /** Puts back what changed. @param isBase whether the logs began with this snapshot; else all memory is put back */
  restore(isBase: boolean): void {
    if (isBase) {
      for (const slot of this.#slots) this.#restoreDirty(slot);
      this.#restoreWritten();
    } else {
      for (const copy of this.#copies) this.#restoreAll(copy);
      this.#forgetChanges();
    }
    this.#memory.written.clear();
  }

  /** Gives the copies back. To be called once. */
  close(): void {
    for (const { log } of this.#slots) log?.close();
    for (const { saved, size } of this.#copies) this.#libc.munmap(saved, size);
    this.#slots.length = 0;
    this.#copies.length = 0;
  }

  #forgetChanges(): void {
    for (const { log } of this.#slots) log?.read();
    this.#memory.written.clear();
  }

  #restoreDirty({ log, live, saved, size }: LoggedSlot): void {
    if (log === undefined) return;
    const words = log.read();
    for (let index = 0; index < words.length; index++) {
      let bits = words[index]!;
      while (bits !== 0) {
        // The lowest run of ones: pages side by side are one copy.
        const first = 31 - Math.clz32(bits & -bits);
        const rest = ~(bits >>> first);
        const count = rest === 0 ? 32 : 31 - Math.clz32(rest & -rest);
        const at = (index * 32 + first) * PAGE;
        this.#libc.copyMemory(live + at, saved + at, Math.min(count * PAGE, size - at));
        bits = first + count >= 32 ? 0 : bits & (-1 << (first + count));
      }
    }
  }

  /** What the host wrote is not in KVM's log. */
  #restoreWritten(): void {
    for (const page of this.#memory.written) {
      const copy = this.#copies.find(({ live, size }) => page >= live && page < live + size);
      if (copy !== undefined) this.#libc.copyMemory(page, Number(copy.saved) + (page - copy.live), PAGE);
    }
  }

  #restoreAll({ live, saved, size }: Copy): void {
    for (const [at, length] of [...touched(Number(saved), size), ...touched(live, size)]) {
      this.#libc.copyMemory(live + at, Number(saved) + at, length);
    }
  }
}

function copyOf(libc: Libc, backing: Backing): Copy {
  const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE } = linuxConstants;
  const size = Number(backing.size);
  const saved = libc.mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
  if (saved === undefined) throw callFailed(`mmap of ${size} bytes for a snapshot`, libc.errno());
  const live = Number(backing.host);
  for (const [at, length] of touched(live, size)) libc.copyMemory(Number(saved) + at, live + at, length);
  return { backing, live, saved, size };
}

function logSlot(vm: Descriptor, number: number, slot: Slot, copies: readonly Copy[]): LoggedSlot {
  const { backing, host, size, flags } = slot;
  const copy = copies.find((each) => each.backing === backing)!;
  const live = Number(host);
  const saved = Number(copy.saved) + (live - copy.live);
  const log = (flags & memoryFlags.KVM_MEM_LOG_DIRTY_PAGES) === 0 ? undefined : new DirtyLog(vm, number, size);
  return { live, saved, size: Number(size), log };
}

/** "Present" and "swapped" of a page (Documentation/admin-guide/mm/pagemap.rst), in the upper half of its 64 bits. */
const PAGE_EXISTS = 0xc000_0000;

/**
 * The parts of anonymous memory that were ever touched, as offsets and lengths in bytes; the rest is zero. All of it where the
 * kernel does not say.
 */
function touched(host: number, size: number): readonly (readonly [at: number, length: number])[] {
  const pages = size / PAGE;
  const entries = new Uint8Array(pages * 8);
  try {
    const file = openSync("/proc/self/pagemap", "r");
    try {
      let done = 0;
      while (done < entries.length) {
        const got = readSync(file, entries, done, entries.length - done, (host / PAGE) * 8 + done);
        if (got === 0) return [[0, size]];
        done += got;
      }
    } finally {
      closeSync(file);
    }
  } catch {
    return [[0, size]];
  }
  const view = new DataView(entries.buffer);
  const runs: [number, number][] = [];
  let open: [number, number] | undefined;
  for (let page = 0; page < pages; page++) {
    if ((view.getUint32(page * 8 + 4, true) & PAGE_EXISTS) === 0) {
      open = undefined;
    } else if (open === undefined) {
      open = [page * PAGE, PAGE];
      runs.push(open);
    } else {
      open[1] += PAGE;
    }
  }
  return runs;
}
