/** The state of a vCPU, and of the controllers around it, as the kernel's own structs: read once, set again and again. */
import {
  kvmDebugregs,
  kvmIrqchip,
  kvmLapicState,
  kvmMpState,
  kvmPitState2,
  kvmVcpuEvents,
  kvmXcrs,
  kvmXsave,
} from "../abi/state-structs.ts";
import { kvmMsrEntry, kvmMsrs, kvmRegs, kvmSregs } from "../abi/structs.ts";
import type { IoctlName } from "../abi/ioctls.ts";
import type { EncodedSync } from "../calls/sync-registers.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { newStruct } from "../abi/fields.ts";
import { KvmError } from "../kvm-error.ts";

/** A part of the state that a snapshot may leave out, where the guest is known not to change it. */
export type SnapshotPart = "fpu" | "debug-registers" | "msrs" | "controllers";

/** One struct that one ioctl reads and another sets, the same bytes. */
interface Part {
  readonly part?: SnapshotPart;
  readonly get: IoctlName;
  readonly set: IoctlName;
  readonly size: number;
  /** What the struct holds before it is read: which of several is asked for. */
  readonly header?: number;
  readonly of: "vm" | "vcpu";
}

/** In the order in which they are set: what decides about others comes first. */
const parts: readonly Part[] = [
  { get: "KVM_GET_SREGS", set: "KVM_SET_SREGS", size: kvmSregs.size, of: "vcpu" },
  { part: "fpu", get: "KVM_GET_XSAVE", set: "KVM_SET_XSAVE", size: kvmXsave.size, of: "vcpu" },
  { part: "fpu", get: "KVM_GET_XCRS", set: "KVM_SET_XCRS", size: kvmXcrs.size, of: "vcpu" },
  { part: "debug-registers", get: "KVM_GET_DEBUGREGS", set: "KVM_SET_DEBUGREGS", size: kvmDebugregs.size, of: "vcpu" },
  irqchip(0),
  irqchip(1),
  irqchip(2),
  { part: "controllers", get: "KVM_GET_PIT2", set: "KVM_SET_PIT2", size: kvmPitState2.size, of: "vm" },
  { part: "controllers", get: "KVM_GET_LAPIC", set: "KVM_SET_LAPIC", size: kvmLapicState.size, of: "vcpu" },
  { part: "controllers", get: "KVM_GET_MP_STATE", set: "KVM_SET_MP_STATE", size: kvmMpState.size, of: "vcpu" },
];

/** Two PICs and an I/O APIC (`KVM_IRQCHIP_*`, asm/kvm.h). */
function irqchip(header: number): Part {
  const size = kvmIrqchip.size;
  return { part: "controllers", get: "KVM_GET_IRQCHIP", set: "KVM_SET_IRQCHIP", size, header, of: "vm" };
}

const events: Part = { get: "KVM_GET_VCPU_EVENTS", set: "KVM_SET_VCPU_EVENTS", size: kvmVcpuEvents.size, of: "vcpu" };
const regs: Part = { get: "KVM_GET_REGS", set: "KVM_SET_REGS", size: kvmRegs.size, of: "vcpu" };

/** A part with the bytes to set. */
interface Saved {
  readonly descriptor: Descriptor;
  readonly set: IoctlName;
  readonly bytes: Uint8Array;
}

/** What a vCPU that takes registers with the next `KVM_RUN` does with them (`KVM_CAP_SYNC_REGS`). */
export type SetBySync = (registers: EncodedSync) => boolean;

/** Where the state comes from and goes to. */
export interface CpuSource {
  readonly vm: Descriptor;
  readonly vcpu: Descriptor;
  /** The model-specific registers that KVM offers. */
  readonly msrs: readonly number[];
}

/** IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST (SDM vol. 4, table 2-2): time goes on. */
const clocks: ReadonlySet<number> = new Set([0x10, 0x3b]);

/** The state of a vCPU as it was. */
export class CpuSnapshot {
  readonly #others: readonly Saved[];
  readonly #sregs: Saved;
  readonly #events: Saved;
  readonly #regs: Saved;
  readonly #hasControllers: boolean;
  readonly #shared: EncodedSync;

  constructor({ vm, vcpu, msrs }: CpuSource, omit: ReadonlySet<SnapshotPart>) {
    const wanted = parts.filter(({ part }) => part === undefined || !omit.has(part));
    const saved = wanted.flatMap((part) => readIfThere(part, part.of === "vm" ? vm : vcpu));
    this.#sregs = saved[0]!;
    this.#others = [...saved.slice(1), ...(omit.has("msrs") ? [] : readMsrs(vcpu, msrs))];
    this.#events = read(events, vcpu);
    this.#regs = read(regs, vcpu);
    this.#shared = { regs: this.#regs.bytes, sregs: this.#sregs.bytes, events: this.#events.bytes };
    this.#hasControllers = saved.some(({ set }) => set === "KVM_SET_LAPIC");
  }

  /** Sets it all; registers with the next `KVM_RUN` where the vCPU can, which spares three ioctls. */
  restore(setBySync: SetBySync): void {
    // The local APIC wants its base first, which is in the special registers.
    if (this.#hasControllers) this.#set(this.#sregs);
    for (const saved of this.#others) this.#set(saved);
    if (setBySync(this.#shared)) return;
    if (!this.#hasControllers) this.#set(this.#sregs);
    this.#set(this.#regs);
    this.#set(this.#events);
  }

  #set({ descriptor, set, bytes }: Saved): void {
    descriptor.ioctlBytes(set, bytes);
  }
}

function read({ get, set, size, header }: Part, descriptor: Descriptor): Saved {
  const { bytes, view } = newStruct(size);
  if (header !== undefined) view.setUint32(0, header, true);
  descriptor.ioctlBytes(get, bytes);
  return { descriptor, set, bytes };
}

/** What this KVM, or this VM, does not have is no part of its state. */
function readIfThere(part: Part, descriptor: Descriptor): readonly Saved[] {
  try {
    return [read(part, descriptor)];
  } catch (error) {
    const isMissing = part.part !== undefined && error instanceof KvmError && error.code === "IOCTL_FAILED";
    if (isMissing) return [];
    throw error;
  }
}

/** KVM stops at the first register that it cannot read: leave that one out, and go on behind it. */
function readMsrs(vcpu: Descriptor, indices: readonly number[]): readonly Saved[] {
  const readable = indices.filter((index) => !clocks.has(index));
  while (readable.length > 0) {
    const { bytes, view } = newStruct(kvmMsrs.size + readable.length * kvmMsrEntry.size);
    view.setUint32(kvmMsrs.fields.nmsrs[0], readable.length, true);
    for (const [number, index] of readable.entries()) {
      view.setUint32(kvmMsrs.size + number * kvmMsrEntry.size + kvmMsrEntry.fields.index[0], index, true);
    }
    const done = vcpu.ioctlBytes("KVM_GET_MSRS", bytes);
    if (done === readable.length) return [{ descriptor: vcpu, set: "KVM_SET_MSRS", bytes }];
    readable.splice(done, 1);
  }
  return [];
}
