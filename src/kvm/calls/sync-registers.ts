/** Registers in the pages that KVM shares for a vCPU (api.rst, 5, `kvm_valid_regs`): read and set without an ioctl. Pure. */
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import { syncRegisterFlags } from "../abi/constants.ts";
import { kvmRun, type Field } from "../abi/structs.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireList, requireObject } from "../shapes.ts";
import {
  decodeRegisters,
  decodeSpecialRegisters,
  encodeRegisters,
  encodeSpecialRegisters,
  type SpecialRegisters,
} from "./registers.ts";
import type { RunPage } from "./run-page.ts";
import { eventsCodec, type VcpuEvents } from "./vcpu-structs.ts";

/** Registers as KVM shares them: as many parts as were asked for, or are to be set. */
export interface SyncRegisters {
  readonly regs?: GeneralRegisters;
  readonly sregs?: SpecialRegisters;
  readonly events?: VcpuEvents;
}

/** A part of the registers that KVM shares. */
export type SyncPart = keyof SyncRegisters;

/** One part: its bit, where it lies, and how it is read and written. */
interface SharedPart<Value> {
  readonly flag: number;
  readonly field: Field;
  readonly decode: (view: DataView) => Value;
  readonly encode: (value: Value) => Uint8Array;
}

type SharedParts = { readonly [Part in SyncPart]: SharedPart<NonNullable<SyncRegisters[Part]>> };

const { fields } = kvmRun;

const sharedParts: SharedParts = {
  regs: {
    flag: syncRegisterFlags.KVM_SYNC_X86_REGS,
    field: fields["s.regs.regs"],
    decode: decodeRegisters,
    encode: encodeRegisters,
  },
  sregs: {
    flag: syncRegisterFlags.KVM_SYNC_X86_SREGS,
    field: fields["s.regs.sregs"],
    decode: decodeSpecialRegisters,
    encode: encodeSpecialRegisters,
  },
  events: {
    flag: syncRegisterFlags.KVM_SYNC_X86_EVENTS,
    field: fields["s.regs.events"],
    decode: (view) => eventsCodec.decode(view),
    encode: (events) => eventsCodec.encode(events),
  },
};

const partNames = Object.keys(sharedParts) as SyncPart[];

/** The bits of all parts: what `KVM_CAP_SYNC_REGS` answers where KVM shares all. */
export const ALL_SYNC_REGS: number = partNames.reduce((all, name) => all | sharedParts[name].flag, 0);

/** The bits of parts. Throws {@link KvmError} `BAD_ARGUMENT` for what is no part. */
export function syncFlags(parts: readonly SyncPart[]): number {
  return requireList("parts", parts).reduce((flags, part) => {
    const shared = entryOf<{ readonly flag: number }>(sharedParts, part);
    if (shared !== undefined) return flags | shared.flag;
    throw badArgument(`no part of the shared registers: ${show(part)}`, part, `there are ${partNames.join(", ")}`);
  }, 0);
}

/** Says which parts KVM is to leave in the page whenever `KVM_RUN` ends. */
export function requestSync({ view }: RunPage, flags: number): void {
  view.setBigUint64(fields.kvm_valid_regs[0], BigInt(flags), true);
}

/** The parts that lie in the page. */
export function readSync(page: RunPage, flags: number): SyncRegisters {
  const registers: Partial<Record<SyncPart, unknown>> = {};
  for (const name of partNames) {
    if ((flags & sharedParts[name].flag) !== 0) registers[name] = readPart(page, sharedParts[name]);
  }
  return registers as SyncRegisters;
}

function readPart(
  { view }: RunPage,
  { field: [at, size], decode }: Pick<SharedPart<unknown>, "field" | "decode">,
): unknown {
  return decode(new DataView(view.buffer, view.byteOffset + at, size));
}

/** The structs of the parts that are given. Throws {@link KvmError} `BAD_ARGUMENT` for a value that does not fit. */
export function encodeSync(registers: SyncRegisters): EncodedSync {
  const { regs, sregs, events } = requireObject("the shared registers", registers);
  return {
    ...(regs === undefined ? {} : { regs: sharedParts.regs.encode(regs) }),
    ...(sregs === undefined ? {} : { sregs: sharedParts.sregs.encode(sregs) }),
    ...(events === undefined ? {} : { events: sharedParts.events.encode(events) }),
  };
}

/** Structs to be left in the page. */
export type EncodedSync = Partial<Record<SyncPart, Uint8Array>>;

/** Leaves parts in the page for the next `KVM_RUN`, beside those that wait there. */
export function writeSync({ bytes, view }: RunPage, encoded: EncodedSync): void {
  const [dirty] = fields.kvm_dirty_regs;
  let flags = view.getUint32(dirty, true);
  for (const name of partNames) {
    const struct = encoded[name];
    if (struct === undefined) continue;
    bytes.set(struct, sharedParts[name].field[0]);
    flags |= sharedParts[name].flag;
  }
  view.setUint32(dirty, flags, true);
}

/** Takes back what waits in the page. */
export function forgetSync({ view }: RunPage): void {
  view.setUint32(fields.kvm_dirty_regs[0], 0, true);
}
