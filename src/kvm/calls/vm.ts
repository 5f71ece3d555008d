/** A virtual machine: its memory and the way to its vCPUs. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { memoryFlags } from "../abi/constants.ts";
import { kvmUserspaceMemoryRegion } from "../abi/structs.ts";
import { encodeZone } from "./coalesced.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import type { CpuSnapshot, SnapshotPart } from "../snapshot/cpu-snapshot.ts";
import { Descriptor } from "../host/descriptor.ts";
import { DirtyLog } from "./dirty-log.ts";
import { newStruct, writeField } from "../abi/fields.ts";
import { GuestMemory, PAGE_SIZE, PHYSICAL_LIMIT } from "./guest-memory.ts";
import { badArgument } from "../kvm-error.ts";
import { MemorySnapshot } from "../snapshot/memory-snapshot.ts";
import type { KvmKind } from "../host/platform.ts";
import { VmStateCalls, type VmState } from "./vm-state.ts";
import { ALL_SYNC_REGS, createVcpu, type Vcpu, type VcpuHandle } from "./vcpu.ts";

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
}

/** Addresses, or ports, for `KVM_REGISTER_COALESCED_MMIO`. */
export interface CoalescedZone {
  /** The first address or port. */
  readonly addr: PhysAddr;
  /** In bytes, or ports; above 0. */
  readonly size: number;
  /** Ports, and not addresses (`KVM_CAP_COALESCED_PIO`); not unless given. */
  readonly pio?: boolean;
}

/**
 * A VM, by its file descriptor: one method an ioctl, named as the kernel names it. Every method throws {@link KvmError}
 * `IOCTL_FAILED` where the kernel refuses, `BAD_ARGUMENT` for what it need not be asked, and `CLOSED` after `close()`.
 */
export interface Vm extends VmState {
  /** `KVM_CHECK_EXTENSION` on the VM, which knows more than the device (`KVM_CAP_CHECK_EXTENSION_VM`). */
  checkExtension(capability: CapabilityName | number): number;
  /**
   * `KVM_SET_TSS_ADDR`: three pages below 4 GiB, with no memory there, which KVM on Intel CPUs takes for itself to run
   * real mode on CPUs that cannot.
   */
  setTssAddr(at: PhysAddr): void;
  /** `KVM_SET_IDENTITY_MAP_ADDR`: one page of the same kind; before the first vCPU. */
  setIdentityMapAddr(at: PhysAddr): void;
  /**
   * `KVM_SET_USER_MEMORY_REGION`: gives the guest zeroed memory. A slot that exists may be moved or get other flags, and
   * keeps what is in it; its size cannot change.
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
  /** `KVM_CREATE_VCPU`. @param id from 0 to `KVM_CAP_MAX_VCPU_ID` - 1 */
  createVcpu(id: number): Vcpu;
  /** A copy of `size` bytes of guest memory; all of them must lie in slots. */
  readMemory(at: PhysAddr, size: number): Uint8Array;
  /** Copies bytes into guest memory; all of them must lie in slots. */
  writeMemory(at: PhysAddr, bytes: Uint8Array): void;
  /** Closes the VM and its vCPUs, then gives its memory back. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Makes a VM of its descriptor, which the VM then owns. @param runSize the size of a vCPU's shared pages, in bytes */
export function createVm(descriptor: Descriptor, runSize: number, kind: KvmKind = "other"): VmHandle {
  return new VmHandle(descriptor, runSize, kind);
}

/** The largest slot number that the struct holds: 16 bits of slot, 16 of address space (api.rst, 4.35). */
const MAX_SLOT = 0xffff;

const allMemoryFlags = Object.values(memoryFlags).reduce((all, flag) => all | flag, 0);

/** A VM, with what a machine asks of it. */
export class VmHandle extends VmStateCalls implements Vm {
  readonly #runSize: number;
  readonly #kind: KvmKind;
  readonly #memory: GuestMemory;
  readonly #vcpus: VcpuHandle[] = [];
  #coalescedPage = 0;
  #coalesces = false;

  constructor(descriptor: Descriptor, runSize: number, kind: KvmKind) {
    super(descriptor);
    this.#runSize = runSize;
    this.#kind = kind;
    this.#memory = new GuestMemory(descriptor.libc);
  }

  checkExtension(capability: CapabilityName | number): number {
    return this.descriptor.ioctl("KVM_CHECK_EXTENSION", capabilityNumber(capability));
  }

  setTssAddr(at: PhysAddr): void {
    requirePage("the address of the TSS pages", at, 1n << 32n);
    this.descriptor.ioctl("KVM_SET_TSS_ADDR", Number(at));
  }

  setIdentityMapAddr(at: PhysAddr): void {
    requirePage("the address of the identity map", at, 1n << 32n);
    const { bytes, view } = newStruct(8);
    view.setBigUint64(0, at, true);
    this.descriptor.ioctlBytes("KVM_SET_IDENTITY_MAP_ADDR", bytes, at);
  }

  setUserMemoryRegion(region: UserMemoryRegion): void {
    const { slot, flags = 0, guestPhysAddr: at, memorySize: size } = region;
    this.#requireRegion(slot, flags, at, size);
    const old = this.#memory.get(slot);
    if (size === 0n && old === undefined) throw badArgument(`there is no slot ${slot} to take away`, region);
    if (size !== 0n && old !== undefined && old.size !== size) {
      throw badArgument(
        `slot ${slot} has ${old.size} bytes and cannot get ${size}`,
        region,
        "take the slot away first",
      );
    }
    const host = old?.host ?? this.#memory.map(size);
    try {
      this.#setSlot({ slot, flags, guest_phys_addr: at, memory_size: size, userspace_addr: host }, region);
    } catch (error) {
      if (old === undefined) this.#memory.unmap(host, size);
      throw error;
    }
    if (size !== 0n) {
      this.#memory.set(slot, { at, size, host, flags });
    } else if (old !== undefined) {
      this.#memory.delete(slot);
      this.#memory.unmap(old.host, old.size);
    }
  }

  registerCoalescedMmio(zone: CoalescedZone): void {
    if (this.#coalescedPage === 0) this.#coalescedPage = this.checkExtension("KVM_CAP_COALESCED_MMIO");
    if (this.#coalescedPage === 0) throw badArgument("this KVM does not coalesce writes", zone);
    if (zone.pio === true && this.checkExtension("KVM_CAP_COALESCED_PIO") === 0) {
      throw badArgument("this KVM does not coalesce writes to ports", zone, "it has no KVM_CAP_COALESCED_PIO");
    }
    this.descriptor.ioctlBytes("KVM_REGISTER_COALESCED_MMIO", encodeZone(zone), zone);
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
    const known = this.#memory.get(slot);
    if (known === undefined) throw badArgument(`there is no slot ${String(slot)}`, slot);
    const log = new DirtyLog(this.descriptor, slot, known.size);
    try {
      return new Uint8Array(log.read().slice().buffer);
    } finally {
      log.close();
    }
  }

  /** A copy of all memory, from which on KVM and this module log what changes. To be closed before the VM. */
  snapshotMemory(): MemorySnapshot {
    const { KVM_MEM_LOG_DIRTY_PAGES } = memoryFlags;
    for (const [slot, { at, size, flags }] of this.#memory.entries) {
      if ((flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0) continue;
      const region = { slot, guestPhysAddr: at, memorySize: size, flags: flags | KVM_MEM_LOG_DIRTY_PAGES };
      this.setUserMemoryRegion(region);
    }
    this.#memory.isLogged = true;
    return new MemorySnapshot(this.descriptor, this.#memory);
  }

  /** A vCPU's state with that of the controllers around it. */
  snapshotCpu(vcpu: VcpuHandle, msrs: readonly number[], omit: ReadonlySet<SnapshotPart>): CpuSnapshot {
    return vcpu.snapshot({ vm: this.descriptor, msrs }, omit);
  }

  createVcpu(id: number): VcpuHandle {
    if (!Number.isInteger(id) || id < 0 || id > 0x7fff_ffff)
      throw badArgument(`no number of a vCPU: ${String(id)}`, id);
    const { libc } = this.descriptor;
    const hasSyncRegs = (this.checkExtension("KVM_CAP_SYNC_REGS") & ALL_SYNC_REGS) === ALL_SYNC_REGS;
    const descriptor = new Descriptor(libc, this.descriptor.ioctl("KVM_CREATE_VCPU", id), "the vCPU");
    const vcpu = createVcpu(descriptor, this.#runSize, this.#kind, hasSyncRegs);
    this.#vcpus.push(vcpu);
    return vcpu;
  }

  /** The ranges that are memory, in address order. */
  get memoryRanges(): readonly { readonly at: PhysAddr; readonly size: bigint }[] {
    return this.#memory.ranges;
  }

  readMemory(at: PhysAddr, size: number): Uint8Array {
    return this.#memory.read(at, size);
  }

  writeMemory(at: PhysAddr, bytes: Uint8Array): void {
    this.#memory.write(at, bytes);
  }

  close(): void {
    // A vCPU keeps its VM alive, and a living VM writes to its memory: so this order.
    for (const vcpu of this.#vcpus) vcpu.close();
    this.descriptor.close();
    this.#memory.free();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #setSlot(values: Record<keyof typeof kvmUserspaceMemoryRegion.fields, number | bigint>, region: unknown): void {
    const { bytes, view } = newStruct(kvmUserspaceMemoryRegion.size);
    for (const [name, field] of Object.entries(kvmUserspaceMemoryRegion.fields)) {
      writeField(view, field, values[name as keyof typeof values], name);
    }
    this.descriptor.ioctlBytes("KVM_SET_USER_MEMORY_REGION", bytes, region);
  }

  #requireRegion(slot: number, flags: number, at: PhysAddr, size: bigint): void {
    if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT)
      throw badArgument(`no number of a slot: ${String(slot)}`, slot);
    if (!Number.isInteger(flags) || (flags & ~allMemoryFlags) !== 0) {
      throw badArgument(`no flags of a slot: ${String(flags)}`, flags, "join those of memoryFlags with |");
    }
    requirePage("a slot's address", at, PHYSICAL_LIMIT);
    requirePage("a slot's size", size, PHYSICAL_LIMIT);
    if (at + size > PHYSICAL_LIMIT) {
      throw badArgument(
        `a slot of ${size} bytes at ${hex(at)} runs past 2^52`,
        at,
        "x86 has at most 52 bits of physical address",
      );
    }
  }
}

function requirePage(what: string, value: bigint, limit: bigint): void {
  if (typeof value !== "bigint" || value < 0n || value > limit) {
    throw badArgument(`${what} is no bigint from 0 to ${hex(limit)}: ${String(value)}`, value);
  }
  if (value % PAGE_SIZE !== 0n) throw badArgument(`${what} is no multiple of 4096: ${hex(value)}`, value);
}
