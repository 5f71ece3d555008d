/** The state of one vCPU. */
import { kvmDebugregs, kvmLapicState, kvmMpState, kvmVcpuEvents, kvmXcrs, kvmXsave } from "../abi/state-structs.ts";
import { kvmRegs, kvmSregs } from "../abi/structs.ts";
import type { EncodedSync } from "../calls/sync-registers.ts";
import type { Descriptor } from "../host/descriptor.ts";
import { MsrSnapshot } from "./msr-snapshot.ts";
import { readPart, readParts, setPart, type SavedPart, type StatePart } from "./state-part.ts";
import type { SnapshotPart } from "./snapshot-options.ts";

const sregsPart: StatePart = { get: "KVM_GET_SREGS", set: "KVM_SET_SREGS", size: kvmSregs.size };
const regsPart: StatePart = { get: "KVM_GET_REGS", set: "KVM_SET_REGS", size: kvmRegs.size };
const eventsPart: StatePart = { get: "KVM_GET_VCPU_EVENTS", set: "KVM_SET_VCPU_EVENTS", size: kvmVcpuEvents.size };

const lapicPart: StatePart = {
  part: "controllers",
  get: "KVM_GET_LAPIC",
  set: "KVM_SET_LAPIC",
  size: kvmLapicState.size,
};

const mpStatePart: StatePart = {
  part: "controllers",
  get: "KVM_GET_MP_STATE",
  set: "KVM_SET_MP_STATE",
  size: kvmMpState.size,
};

/**
 * `KVM_GET_XSAVE` knows 4096 bytes and fails for a vCPU whose features want more, such as AMX; `KVM_GET_XSAVE2` gives them all
 * (api.rst, 4.134). @param size what `KVM_CAP_XSAVE2` says; 0 where there is no such call
 */
const xsavePart = (size: number): StatePart =>
  size === 0
    ? { part: "fpu", get: "KVM_GET_XSAVE", set: "KVM_SET_XSAVE", size: kvmXsave.size }
    : { part: "fpu", get: "KVM_GET_XSAVE2", set: "KVM_SET_XSAVE", size };

const xcrsPart: StatePart = { part: "fpu", get: "KVM_GET_XCRS", set: "KVM_SET_XCRS", size: kvmXcrs.size };

const debugPart: StatePart = {
  part: "debug-registers",
  get: "KVM_GET_DEBUGREGS",
  set: "KVM_SET_DEBUGREGS",
  size: kvmDebugregs.size,
};

/** What a vCPU that takes registers with the next `KVM_RUN` does with them (`KVM_CAP_SYNC_REGS`). */
export type SetBySync = (registers: EncodedSync) => boolean;

/** What is known of the vCPU whose state is read. */
export interface VcpuSource {
  /** The model-specific registers that KVM offers. */
  readonly msrs: readonly number[];
  /** The size of an XSAVE area, in bytes, as `KVM_CAP_XSAVE2` says it of the VM; 0 where it has none. */
  readonly xsave2Size: number;
}

/** The state of a vCPU as it was. */
export class VcpuSnapshot {
  readonly #vcpu: Descriptor;
  readonly #mpState: readonly SavedPart[];
  readonly #sregs: SavedPart;
  readonly #lapic: readonly SavedPart[];
  readonly #others: readonly SavedPart[];
  readonly #msrs: MsrSnapshot | undefined;
  readonly #regs: SavedPart;
  readonly #events: SavedPart;
  readonly #shared: EncodedSync;

  constructor(vcpu: Descriptor, { msrs, xsave2Size }: VcpuSource, omit: ReadonlySet<SnapshotPart>) {
    this.#vcpu = vcpu;
    // First: an INIT or a SIPI that waits is taken when this is asked for, and changes the rest.
    this.#mpState = readParts([mpStatePart], vcpu, omit);
    this.#sregs = readPart(sregsPart, vcpu);
    this.#lapic = readParts([lapicPart], vcpu, omit);
    this.#others = readParts([xsavePart(xsave2Size), xcrsPart, debugPart], vcpu, omit);
    this.#msrs = omit.has("msrs") ? undefined : new MsrSnapshot(vcpu, msrs);
    this.#regs = readPart(regsPart, vcpu);
    this.#events = readPart(eventsPart, vcpu);
    this.#shared = { regs: this.#regs.bytes, sregs: this.#sregs.bytes, events: this.#events.bytes };
  }

  /** Sets it all; registers with the next `KVM_RUN` where the vCPU can, which spares three ioctls. */
  restore(setBySync: SetBySync): void {
    if (this.#lapic.length > 0) return this.#restoreWithLapic();
    this.#restoreOthers();
    if (setBySync(this.#shared)) return;
    for (const saved of [this.#sregs, this.#regs, this.#events]) setPart(saved);
  }

  /**
   * All by ioctls, since a vCPU that was never started takes no registers with `KVM_RUN`. The local APIC wants its base first,
   * which is in the special registers; whether the vCPU is halted is last.
   */
  #restoreWithLapic(): void {
    // An INIT or a SIPI that waits must not be taken afterwards.
    for (const _ of this.#mpState) readPart(mpStatePart, this.#vcpu);
    for (const saved of [this.#sregs, ...this.#lapic]) setPart(saved);
    this.#restoreOthers();
    for (const saved of [this.#regs, this.#events, ...this.#mpState]) setPart(saved);
  }

  #restoreOthers(): void {
    for (const saved of this.#others) setPart(saved);
    this.#msrs?.restore();
  }
}
