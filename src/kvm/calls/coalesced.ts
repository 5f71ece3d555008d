/**
 * The ring in which KVM collects writes to coalesced ports and addresses (api.rst, 4.116): zones for it, and exits of it.
 * Pure over the shared pages.
 */
import { requireObject } from "../shapes.ts";
import type { PhysAddr } from "../../core/address.ts";
import { kvmCoalescedMmio, kvmCoalescedMmioRing, kvmCoalescedMmioZone } from "../abi/structs.ts";
import type { IoOutExit, MmioWriteExit } from "../exits/exit-access.ts";
import { newStruct, readBigint, readNumber, writeField } from "../abi/fields.ts";
import { badArgument } from "../kvm-error.ts";
import { copy, type RunPage } from "./run-page.ts";

/** Addresses, or ports, for `KVM_REGISTER_COALESCED_MMIO`. */
export interface CoalescedZone {
  /** The first address or port. */
  readonly addr: PhysAddr;
  /** In bytes, or ports; above 0. */
  readonly size: number;
  /** Ports, and not addresses (`KVM_CAP_COALESCED_PIO`); not unless given. */
  readonly pio?: boolean;
}

/** The ring has a page (`KVM_COALESCED_MMIO_MAX`, linux/kvm.h). */
const RING_BYTES = 4096;
const ENTRIES = Math.floor((RING_BYTES - kvmCoalescedMmioRing.size) / kvmCoalescedMmio.size);

/** A `struct kvm_coalesced_mmio_zone`. Throws {@link KvmError} `BAD_ARGUMENT` for a zone that is none. */
export function encodeZone(zone: CoalescedZone): Uint8Array {
  const { addr, size, pio = false } = requireObject("the zone", zone);
  const { bytes, view } = newStruct(kvmCoalescedMmioZone.size);
  const { fields } = kvmCoalescedMmioZone;
  writeField(view, fields.addr, addr, "the zone's address");
  writeField(view, fields.size, size, "the zone's size");
  if (size === 0) throw badArgument("the zone is empty", size);
  if (pio && addr + BigInt(size) > 0x1_0000n) {
    throw badArgument(`the zone's ports run past 0xffff: ${size} from ${addr}`, addr);
  }
  writeField(view, fields.pio, pio ? 1 : 0, "pio");
  return bytes;
}

/** The writes in the ring, oldest first, as exits; the ring is empty then. @param at where in the page the ring starts */
export function drainCoalesced(page: RunPage, at: number): readonly (IoOutExit | MmioWriteExit)[] {
  const { view } = page;
  if (view.byteLength < at + RING_BYTES) return [];
  const [firstAt, lastAt] = [at + kvmCoalescedMmioRing.fields.first[0], at + kvmCoalescedMmioRing.fields.last[0]];
  const first = view.getUint32(firstAt, true);
  const last = view.getUint32(lastAt, true);
  if (first === last || first >= ENTRIES || last >= ENTRIES) return [];
  const exits: (IoOutExit | MmioWriteExit)[] = [];
  for (let entry = first; entry !== last;) {
    const count = portRun(page, at, entry, last);
    exits.push(count === 0 ? mmioWrite(page, entryAt(at, entry)) : ioOut(page, at, entry, count));
    entry = (entry + Math.max(count, 1)) % ENTRIES;
  }
  view.setUint32(firstAt, last, true);
  return exits;
}

const entryAt = (at: number, entry: number): number => at + kvmCoalescedMmioRing.size + entry * kvmCoalescedMmio.size;

const { phys_addr: address, len, pio, data } = kvmCoalescedMmio.fields;

/** How many entries from this one on are writes of one size to one port; 0 where it is none to a port. */
function portRun({ view }: RunPage, at: number, from: number, last: number): number {
  const first = entryAt(at, from);
  if (view.getUint32(first + pio[0], true) === 0) return 0;
  let count = 1;
  for (let entry = (from + 1) % ENTRIES; entry !== last; entry = (entry + 1) % ENTRIES) {
    const next = entryAt(at, entry);
    const isSame =
      view.getUint32(next + address[0], true) === view.getUint32(first + address[0], true) &&
      view.getUint32(next + len[0], true) === view.getUint32(first + len[0], true) &&
      view.getUint32(next + pio[0], true) !== 0;
    if (!isSame) break;
    count++;
  }
  return count;
}

function ioOut(page: RunPage, at: number, from: number, count: number): IoOutExit {
  const { view, bytes } = page;
  const first = entryAt(at, from);
  const size = readNumber(view, len, first);
  const written = new Uint8Array(size * count);
  for (let index = 0, to = 0; index < count; index++) {
    const source = entryAt(at, (from + index) % ENTRIES) + data[0];
    for (let byte = 0; byte < size; byte++) written[to++] = bytes[source + byte]!;
  }
  return { kind: "io-out", port: view.getUint16(first + address[0], true), size, count, data: written };
}

function mmioWrite(page: RunPage, entry: number): MmioWriteExit {
  const size = readNumber(page.view, len, entry);
  return {
    kind: "mmio-write",
    address: readBigint(page.view, address, entry),
    size,
    data: copy(page, entry + data[0], size),
  };
}
