/**
 * The host's memory behind guest-physical addresses: an anonymous mapping, which one slot has or several share. Bytes are
 * copied in and out; no view of a mapping exists, so none can outlive it.
 */
import { constants as bufferConstants } from "node:buffer";
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { linuxConstants } from "../abi/linux.ts";
import { badArgument, closed, type KvmError } from "../kvm-error.ts";
import { callFailed } from "../host/host-error.ts";
import type { HostAddress, Libc } from "../host/libc.ts";

/** A page, the unit of slots, in bytes. */
export const PAGE_SIZE = 4096n;

/** Beyond it no x86 CPU has physical addresses: MAXPHYADDR is at most 52 (SDM vol. 3A, 4.1.4). */
export const PHYSICAL_LIMIT: bigint = 1n << 52n;

/** One anonymous mapping. */
export interface Backing {
  readonly host: HostAddress;
  /** In bytes. */
  readonly size: bigint;
}

/** One range of guest-physical memory and the mapping behind it. */
export interface Slot {
  readonly at: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
  /** The host's address of its first byte, within the backing. */
  readonly host: HostAddress;
  readonly backing: Backing;
  /** Those of `KVM_SET_USER_MEMORY_REGION`. */
  readonly flags: number;
}

/** All memory of one VM. It must be freed after the VM's last descriptor was closed, never before. */
export class GuestMemory {
  readonly #libc: Libc;
  readonly #slots = new Map<number, Slot>();
  /** The host's pages that {@link write} wrote to, by their addresses: a log like KVM's, which does not know of them. */
  readonly written: Set<number> = new Set();
  /** Whether {@link written} is kept. */
  isLogged = false;
  /** Another one after each change of the slots. */
  version = 0;
  #freed = false;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  get(slot: number): Slot | undefined {
    return this.#slots.get(slot);
  }

  set(slot: number, range: Slot): void {
    this.version++;
    this.#slots.set(slot, range);
  }

  /** Takes a slot away, and its memory where no other slot shares it. */
  delete(slot: number): void {
    const backing = this.#slots.get(slot)?.backing;
    this.version++;
    this.#slots.delete(slot);
    if (backing !== undefined && !this.backings.has(backing)) this.unmap(backing);
  }

  /** The slots by their numbers, as they came. */
  get entries(): readonly (readonly [number, Slot])[] {
    return [...this.#slots];
  }

  /** The mappings behind the slots, each once. */
  get backings(): ReadonlySet<Backing> {
    return new Set([...this.#slots.values()].map(({ backing }) => backing));
  }

  /** The slots in the order of their addresses. */
  get ranges(): readonly Slot[] {
    return [...this.#slots.values()].toSorted((a, b) => (a.at < b.at ? -1 : 1));
  }

  /** Zeroed memory, not yet in any slot. Throws {@link KvmError} `CALL_FAILED` where the host has none left. */
  map(size: bigint): Backing {
    const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE } = linuxConstants;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const host = this.#libc.mmap(Number(size), PROT_READ | PROT_WRITE, flags, -1);
    if (host === undefined) {
      throw callFailed(`mmap of ${size} bytes of guest memory`, this.#libc.errno(), "ask for less memory");
    }
    return { host, size };
  }

  unmap({ host, size }: Backing): void {
    this.#libc.munmap(host, Number(size));
  }

  /** A copy of `size` bytes from `at` on. Throws {@link KvmError} `BAD_ARGUMENT` where not all of them are memory. */
  read(at: PhysAddr, size: number): Uint8Array {
    if (!Number.isSafeInteger(size) || size < 0 || size > bufferConstants.MAX_LENGTH) {
      throw badArgument(`the size is no whole number from 0 to ${bufferConstants.MAX_LENGTH}: ${show(size)}`, size);
    }
    const pieces = this.#pieces(at, size);
    const bytes = new Uint8Array(size);
    for (const { host, offset, length } of pieces) {
      this.#libc.copyFrom(bytes.subarray(offset, offset + length), host, length);
    }
    return bytes;
  }

  /** Copies `bytes` to `at`. Throws {@link KvmError} `BAD_ARGUMENT`, and writes nothing, where not all of it is memory. */
  write(at: PhysAddr, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw badArgument("the bytes to write are no Uint8Array", bytes);
    for (const { host, offset, length } of this.#pieces(at, bytes.length)) {
      this.#libc.copyTo(host, bytes.subarray(offset, offset + length), length);
      if (this.isLogged && length > 0) this.#log(Number(host), length);
    }
  }

  /** Gives all memory back; nothing happens the second time. */
  free(): void {
    this.#freed = true;
    for (const backing of this.backings) this.unmap(backing);
    this.#slots.clear();
  }

  #log(host: number, length: number): void {
    const page = Number(PAGE_SIZE);
    for (let at = host - (host % page); at < host + length; at += page) this.written.add(at);
  }

  /** Where in the host the bytes lie: one piece for each slot that the range touches. */
  #pieces(at: PhysAddr, size: number): readonly { host: HostAddress; offset: number; length: number }[] {
    if (this.#freed) throw closed("the VM");
    if (typeof at !== "bigint" || at < 0n) throw noAddress(at);
    const pieces: { host: HostAddress; offset: number; length: number }[] = [];
    let offset = 0;
    for (const slot of this.ranges) {
      const next = at + BigInt(offset);
      if (offset === size || next < slot.at || next >= slot.at + slot.size) continue;
      const room = slot.at + slot.size - next;
      const length = BigInt(size - offset) < room ? size - offset : Number(room);
      pieces.push({ host: slot.host + (next - slot.at), offset, length });
      offset += length;
    }
    if (offset === size) return pieces;
    const memory = this.ranges.map((slot) => `${hex(slot.at)}-${hex(slot.at + slot.size - 1n)}`).join(", ");
    throw badArgument(
      `guest-physical ${hex(at + BigInt(offset))} is not memory (asked for ${size} bytes from ${hex(at)})`,
      at,
      memory === "" ? "the VM has no memory yet" : `memory lies at ${memory}`,
    );
  }
}

/** Throws {@link KvmError} `BAD_ARGUMENT` unless a number of bytes is one of whole pages, and not above the limit. */
export function requirePages(what: string, value: bigint, limit: bigint): void {
  if (typeof value !== "bigint" || value < 0n || value > limit) {
    throw badArgument(`${what} is no bigint from 0 to ${hex(limit)}: ${show(value)}`, value);
  }
  if (value % PAGE_SIZE !== 0n) throw badArgument(`${what} is no multiple of 4096: ${hex(value)}`, value);
}

function noAddress(at: unknown): KvmError {
  const isWritable = Number.isSafeInteger(at) && (at as number) >= 0;
  return badArgument(
    `the address is no bigint from 0 up: ${show(at)}`,
    at,
    isWritable ? `write ${hex(at as number)}n` : undefined,
  );
}
