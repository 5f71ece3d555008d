/** The memory of a VM: slots, the logs of what was written to them, and zones whose writes KVM collects. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { memoryFlags } from "../abi/constants.ts";
import { newStruct, writeField } from "../abi/fields.ts";
import { kvmUserspaceMemoryRegion } from "../abi/structs.ts";
import { kvmClearDirtyLog } from "../abi/wiring-structs.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { withAddress } from "../host/scratch.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObject, requireUint8Array } from "../shapes.ts";
import { MemorySnapshot } from "../snapshot/memory-snapshot.ts";
import { encodeZone, type CoalescedZone } from "./coalesced.ts";
import { DirtyLog } from "./dirty-log.ts";
import { GuestMemory, PAGE_SIZE, PHYSICAL_LIMIT, requirePages, type Slot } from "./guest-memory.ts";
import { VmStateCalls } from "./vm-state.ts";

/** One memory slot for `KVM_SET_USER_MEMORY_REGION`. The VM finds and owns the host's memory behind it. */
export interface UserMemoryRegion {
  /** The slot's number: from 0 to `KVM_CAP_NR_MEMSLOTS` - 1. */
  readonly slot: number;
  /** Any of {@link memoryFlags}, joined with `|`; 0 unless given. */
  readonly flags?: number;
  /** Where the guest finds it; a multiple of 4096. */
  readonly guestPhysAddr: PhysAddr;
  /** In bytes, a multiple of 4096; 0 takes the slot, and what is in it, away. */
  readonly memorySize: bigint;
  /**
   * The memory of another slot that this one shows, too, for a new slot: what is written to one is read in the other. It
   * stays as long as either slot does. A slot has zeroed memory of its own unless this is given.
   */
  readonly shared?: SharedMemory;
}

/** A part of a slot's memory. */
export interface SharedMemory {
  /** The number of the slot. */
  readonly slot: number;
  /** From the start of the slot, in bytes; a multiple of 4096. */
  readonly offset: bigint;
}

/** The part of a VM that is about memory. */
export interface VmMemory {
  /**
   * `KVM_SET_USER_MEMORY_REGION`: gives the guest zeroed memory, or that of another slot. A slot that exists may be moved or
   * get other flags, and keeps what is in it; its size cannot change, and neither can `KVM_MEM_READONLY`.
   */
  setUserMemoryRegion(region: UserMemoryRegion): void;
  /**
   * `KVM_REGISTER_COALESCED_MMIO`: writes to these addresses or ports no longer stop the guest. A machine's run gives them as
   * exits, in order, before the exit that came after them; writes in a row to one port are one exit. Beyond 169 of them
   * the next one stops the guest as ever. Take it back with {@link unregisterCoalescedMmio}.
   */
  registerCoalescedMmio(zone: CoalescedZone): void;
  /** `KVM_UNREGISTER_COALESCED_MMIO`: all zones within this one are exits again. What was collected still comes. */
  unregisterCoalescedMmio(zone: CoalescedZone): void;
  /**
   * `KVM_GET_DIRTY_LOG`: a bit for each page of a slot that the guest wrote to since it was last asked for; of a slot with
   * `KVM_MEM_LOG_DIRTY_PAGES`. What the host writes is not in it. A machine with snapshots reads the logs itself.
   */
  getDirtyLog(slot: number): Uint8Array;
  /**
   * `KVM_CLEAR_DIRTY_LOG`: begins to watch pages anew whose bits are set, where `KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2` was enabled,
   * with which {@link getDirtyLog} does not. @param pages bits as {@link getDirtyLog} gives them, in words of 64
   * @param firstPage what the first bit stands for: a multiple of 64; 0 unless given
   */
  clearDirtyLog(slot: number, pages: Uint8Array, firstPage?: bigint): void;
  /**
   * `KVM_CAP_DIRTY_LOG_RING`: KVM notes written pages in a ring for each vCPU, and not in bitmaps; a ring that is almost full is an
   * exit, `dirty-ring-full`. Before the first vCPU. Snapshots need bitmaps: a VM with rings has none.
   * @param size of each ring, in bytes: 16 for each page, a power of two, from 16 KiB to what the capability says
   */
  enableDirtyRing(size: number): void;
  /** `KVM_RESET_DIRTY_RINGS`: gives the rings the room back that `Vcpu.reapDirtyRing` read. How many entries it was. */
  resetDirtyRings(): number;
  /** A copy of `size` bytes of guest memory; all of them must lie in slots. */
  readMemory(at: PhysAddr, size: number): Uint8Array;
  /** Copies bytes into guest memory, also where the guest may only read; all of them must lie in slots. */
  writeMemory(at: PhysAddr, bytes: Uint8Array): void;
}

/** The largest slot number that the struct holds: 16 bits of slot, 16 of address space (api.rst, 4.35). */
const MAX_SLOT = 0xffff;

const { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY } = memoryFlags;
const allMemoryFlags = Object.values(memoryFlags).reduce((all, flag) => all | flag, 0);

/** The methods of {@link VmMemory}, on a descriptor. */
export class VmMemoryCalls extends VmStateCalls implements VmMemory {
  protected readonly memory: GuestMemory;
  /** The size of the ring of dirty pages that each new vCPU gets, in bytes; 0 for none. */
  protected dirtyRingSize = 0;
  #coalescedPage = 0;
  #coalesces = false;

  constructor(descriptor: Descriptor) {
    super(descriptor);
    this.memory = new GuestMemory(descriptor.libc);
  }

  setUserMemoryRegion(region: UserMemoryRegion): void {
    this.descriptor.requireOpen();
    requireRegion(region);
    const { slot, memorySize: size } = region;
    const old = this.memory.get(slot);
    if (size === 0n) this.#removeSlot(region, old);
    else if (old === undefined) this.#addSlot(region);
    else this.#changeSlot(region, old);
  }

  registerCoalescedMmio(zone: CoalescedZone): void {
    const encoded = encodeZone(zone);
    if (this.#coalescedPage === 0) this.#coalescedPage = this.checkExtension("KVM_CAP_COALESCED_MMIO");
    if (this.#coalescedPage === 0) throw badArgument("this KVM does not coalesce writes", zone);
    if (zone.pio === true && this.checkExtension("KVM_CAP_COALESCED_PIO") === 0) {
      throw badArgument("this KVM does not coalesce writes to ports", zone, "it has no KVM_CAP_COALESCED_PIO");
    }
    this.descriptor.ioctlBytes("KVM_REGISTER_COALESCED_MMIO", encoded, zone);
    this.#coalesces = true;
  }

  unregisterCoalescedMmio(zone: CoalescedZone): void {
    this.descriptor.ioctlBytes("KVM_UNREGISTER_COALESCED_MMIO", encodeZone(zone), zone);
  }

  /** The page of a vCPU's shared pages with the ring of coalesced writes; 0 where nothing was ever coalesced. */
  get ringPage(): number {
    return this.#coalesces ? this.#coalescedPage : 0;
  }

  getDirtyLog(slot: number): Uint8Array {
    const known = this.#requireSlot(slot);
    const log = new DirtyLog(this.descriptor, slot, known.size);
    try {
      return new Uint8Array(log.read().slice().buffer);
    } finally {
      log.close();
    }
  }

  clearDirtyLog(slot: number, pages: Uint8Array, firstPage = 0n): void {
    const { bytes, view } = newStruct(kvmClearDirtyLog.size);
    const { fields } = kvmClearDirtyLog;
    const known = this.#requireSlot(slot);
    requireUint8Array("pages", pages);
    writeField(view, fields.first_page, firstPage, "the first page");
    const left = known.size / PAGE_SIZE - firstPage;
    const room = BigInt(pages.length) * 8n;
    writeField(view, fields.slot, slot, "slot");
    writeField(view, fields.num_pages, Number(left < room ? left : room), "the number of pages");
    withAddress(this.descriptor.libc, pages.slice(), (at) => {
      writeField(view, fields.dirty_bitmap, at, "dirty_bitmap");
      this.descriptor.ioctlBytes("KVM_CLEAR_DIRTY_LOG", bytes, slot);
    });
  }

  enableDirtyRing(size: number): void {
    if (!Number.isInteger(size) || size < 1 || size > 0x7fff_ffff) throw badArgument(`no size: ${show(size)}`, size);
    this.enableCap("KVM_CAP_DIRTY_LOG_RING", [BigInt(size)]);
    this.dirtyRingSize = size;
  }

  resetDirtyRings(): number {
    return this.descriptor.ioctl("KVM_RESET_DIRTY_RINGS");
  }

  /** A copy of all memory, from which on KVM and this module log what changes. To be closed before the VM. */
  snapshotMemory(): MemorySnapshot {
    if (this.dirtyRingSize !== 0) {
      throw badArgument("a VM with dirty rings has no dirty log, which a snapshot needs", undefined);
    }
    for (const [slot, { at, size, flags }] of this.memory.entries) {
      // A guest cannot write to a read-only slot: there is nothing to log.
      if ((flags & (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)) !== 0) continue;
      this.setUserMemoryRegion({ slot, guestPhysAddr: at, memorySize: size, flags: flags | KVM_MEM_LOG_DIRTY_PAGES });
    }
    this.memory.isLogged = true;
    return new MemorySnapshot(this.descriptor, this.memory);
  }

  readMemory(at: PhysAddr, size: number): Uint8Array {
    return this.memory.read(at, size);
  }

  writeMemory(at: PhysAddr, bytes: Uint8Array): void {
    this.memory.write(at, bytes);
  }

  #requireSlot(slot: number): Slot {
    this.descriptor.requireOpen();
    const known = this.memory.get(slot);
    if (known === undefined) throw badArgument(`there is no slot ${show(slot)}`, slot);
    return known;
  }

  #addSlot(region: UserMemoryRegion): void {
    const { slot, flags = 0, guestPhysAddr: at, memorySize: size, shared } = region;
    const backing = shared === undefined ? this.memory.map(size) : undefined;
    const place = backing === undefined ? this.#shared(region) : { backing, host: backing.host };
    const added = { at, size, flags, ...place };
    try {
      this.#setSlot(slot, added, region);
    } catch (error) {
      if (backing !== undefined) this.memory.unmap(backing);
      throw error;
    }
    this.memory.set(slot, added);
  }

  #changeSlot(region: UserMemoryRegion, old: Slot): void {
    const { slot, flags = 0, guestPhysAddr: at, memorySize: size, shared } = region;
    if (old.size !== size || shared !== undefined) {
      const change = shared === undefined ? `get ${size}` : "begin to share others";
      throw badArgument(`slot ${slot} has ${old.size} bytes and cannot ${change}`, region, "take the slot away first");
    }
    if (((flags ^ old.flags) & KVM_MEM_READONLY) !== 0) {
      const change = (flags & KVM_MEM_READONLY) === 0 ? "is read-only and stays so" : "cannot become read-only";
      throw badArgument(`slot ${slot} ${change}`, region, "take the slot away first");
    }
    const changed = { ...old, at, flags };
    this.#setSlot(slot, changed, region);
    this.memory.set(slot, changed);
  }

  #removeSlot(region: UserMemoryRegion, old: Slot | undefined): void {
    if (old === undefined) throw badArgument(`there is no slot ${region.slot} to take away`, region);
    this.#setSlot(region.slot, { ...old, size: 0n }, region);
    this.memory.delete(region.slot);
  }

  /** Where the memory lies that a new slot is to share. */
  #shared({ memorySize: size, shared }: UserMemoryRegion): Pick<Slot, "backing" | "host"> {
    const { slot, offset } = requireObject("shared", shared!);
    const other = this.memory.get(slot);
    if (other === undefined) throw badArgument(`there is no slot ${show(slot)} to share`, shared);
    requirePages("the offset of shared memory", offset, PHYSICAL_LIMIT);
    if (offset + size > other.size) {
      throw badArgument(`slot ${slot} has ${other.size} bytes, not ${size} from ${hex(offset)} on`, shared);
    }
    return { backing: other.backing, host: other.host + offset };
  }

  #setSlot(slot: number, { flags, at, size, host }: Slot, region: UserMemoryRegion): void {
    const { bytes, view } = newStruct(kvmUserspaceMemoryRegion.size);
    const { fields } = kvmUserspaceMemoryRegion;
    writeField(view, fields.slot, slot, "slot");
    writeField(view, fields.flags, flags, "flags");
    writeField(view, fields.guest_phys_addr, at, "guest_phys_addr");
    writeField(view, fields.memory_size, size, "memory_size");
    writeField(view, fields.userspace_addr, host, "userspace_addr");
    this.descriptor.ioctlBytes("KVM_SET_USER_MEMORY_REGION", bytes, region);
  }
}

function requireRegion(region: UserMemoryRegion): void {
  const { slot, flags = 0, guestPhysAddr: at, memorySize: size } = requireObject("the region", region);
  if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT)
    throw badArgument(`no number of a slot: ${show(slot)}`, slot);
  if (!Number.isInteger(flags) || (flags & ~allMemoryFlags) !== 0) {
    throw badArgument(`no flags of a slot: ${show(flags)}`, flags, "join those of memoryFlags with |");
  }
  requirePages("a slot's address", at, PHYSICAL_LIMIT);
  requirePages("a slot's size", size, PHYSICAL_LIMIT);
  if (at + size > PHYSICAL_LIMIT) {
    throw badArgument(
      `a slot of ${size} bytes at ${hex(at)} runs past 2^52`,
      at,
      "x86 has at most 52 bits of physical address",
    );
  }
}
