/**
 * `struct kvm_run` read into an {@link Exit}, by a table of decoders, and answers written back. Pure over the bytes of the
 * page that KVM shares for one vCPU.
 */
import {
  exitReasons,
  ioDirections,
  KVM_NOTIFY_CONTEXT_INVALID,
  msrExitReasons,
  systemEvents,
  type ExitReasonName,
  type SystemEventName,
} from "../abi/constants.ts";
import { DR6_BS } from "../debug/debug-point.ts";
import { kvmRun, newerKvmRun, type Field } from "../abi/structs.ts";
import { decodeHyperv, decodeXen } from "./decode-hypervisor.ts";
import { decodeInternalError } from "./decode-internal-error.ts";
import type { IoInExit, IoOutExit, MmioReadExit, MmioWriteExit, MsrExitReason } from "./exit-access.ts";
import type { Exit, UnknownExit } from "./exits.ts";
import { readBigint, readNumber } from "../abi/fields.ts";
import { entryFailureText, exitReasonText } from "./hardware-exit.ts";
import { copy, namesOf, words, type RunPage } from "../calls/run-page.ts";

const { fields } = kvmRun;
const newer = newerKvmRun.fields;

/** One decoder for each exit reason that has a kind of its own. */
const decoders: Readonly<Record<number, (page: RunPage) => Exit>> = {
  [exitReasons.KVM_EXIT_IO]: decodeIo,
  [exitReasons.KVM_EXIT_MMIO]: decodeMmio,
  [exitReasons.KVM_EXIT_HLT]: () => ({ kind: "hlt" }),
  [exitReasons.KVM_EXIT_SHUTDOWN]: () => ({ kind: "shutdown" }),
  [exitReasons.KVM_EXIT_INTR]: () => ({ kind: "interrupted" }),
  [exitReasons.KVM_EXIT_NMI]: () => ({ kind: "nmi" }),
  [exitReasons.KVM_EXIT_IRQ_WINDOW_OPEN]: () => ({ kind: "irq-window-open" }),
  [exitReasons.KVM_EXIT_DIRTY_RING_FULL]: () => ({ kind: "dirty-ring-full" }),
  [exitReasons.KVM_EXIT_AP_RESET_HOLD]: () => ({ kind: "ap-reset-hold" }),
  [exitReasons.KVM_EXIT_X86_BUS_LOCK]: () => ({ kind: "bus-lock" }),
  [exitReasons.KVM_EXIT_SET_TPR]: ({ view }) => ({ kind: "set-tpr", cr8: readBigint(view, fields.cr8) }),
  [exitReasons.KVM_EXIT_UNKNOWN]: ({ view, kind }) => {
    const reason = readBigint(view, fields["hw.hardware_exit_reason"]);
    return { kind: "hardware", reason, text: exitReasonText(reason, kind) };
  },
  [exitReasons.KVM_EXIT_EXCEPTION]: ({ view }) => ({
    kind: "exception",
    exception: readNumber(view, fields["ex.exception"]),
    errorCode: readNumber(view, fields["ex.error_code"]),
  }),
  [exitReasons.KVM_EXIT_DEBUG]: ({ view }) => {
    const dr6 = readBigint(view, fields["debug.arch.dr6"]);
    return {
      kind: "debug",
      exception: readNumber(view, fields["debug.arch.exception"]),
      pc: readBigint(view, fields["debug.arch.pc"]),
      hits: [],
      isStep: (dr6 & DR6_BS) !== 0n,
      dr6,
      dr7: readBigint(view, fields["debug.arch.dr7"]),
    };
  },
  [exitReasons.KVM_EXIT_FAIL_ENTRY]: ({ view, kind }) => {
    const reason = readBigint(view, fields["fail_entry.hardware_entry_failure_reason"]);
    const cpu = readNumber(view, fields["fail_entry.cpu"]);
    return { kind: "fail-entry", reason, text: entryFailureText(reason, kind), cpu };
  },
  [exitReasons.KVM_EXIT_INTERNAL_ERROR]: decodeInternalError,
  [exitReasons.KVM_EXIT_X86_RDMSR]: ({ view }) => ({
    kind: "rdmsr",
    reason: msrReasons.get(readNumber(view, fields["msr.reason"])),
    index: readNumber(view, fields["msr.index"]),
    data: 0n,
    error: false,
  }),
  [exitReasons.KVM_EXIT_X86_WRMSR]: ({ view }) => ({
    kind: "wrmsr",
    reason: msrReasons.get(readNumber(view, fields["msr.reason"])),
    index: readNumber(view, fields["msr.index"]),
    data: readBigint(view, fields["msr.data"]),
    error: false,
  }),
  [exitReasons.KVM_EXIT_HYPERCALL]: ({ view }) => ({
    kind: "hypercall",
    number: readBigint(view, fields["hypercall.nr"]),
    args: words(view, fields["hypercall.args"]),
    flags: readNumber(view, fields["hypercall.longmode"]),
    result: 0n,
  }),
  [exitReasons.KVM_EXIT_HYPERV]: (page) => decodeHyperv(page) ?? unknown(page),
  [exitReasons.KVM_EXIT_XEN]: (page) => decodeXen(page) ?? unknown(page),
  [exitReasons.KVM_EXIT_TDX]: ({ view }) => ({
    kind: "tdx",
    flags: readBigint(view, newer["tdx.flags"]),
    number: readBigint(view, newer["tdx.nr"]),
    data: words(view, newer["tdx.unknown.data"]),
    result: readBigint(view, newer["tdx.unknown.ret"]),
  }),
  [exitReasons.KVM_EXIT_SYSTEM_EVENT]: ({ view }) => {
    const type = readNumber(view, fields["system_event.type"]);
    const data = words(view, fields["system_event.data"], readNumber(view, fields["system_event.ndata"]));
    return { kind: "system-event", type, name: systemEventNames.get(type), data };
  },
  [exitReasons.KVM_EXIT_IOAPIC_EOI]: ({ view }) => ({
    kind: "ioapic-eoi",
    vector: readNumber(view, fields["eoi.vector"]),
  }),
  [exitReasons.KVM_EXIT_TPR_ACCESS]: ({ view }) => ({
    kind: "tpr-access",
    rip: readBigint(view, fields["tpr_access.rip"]),
    isWrite: readNumber(view, fields["tpr_access.is_write"]) !== 0,
  }),
  [exitReasons.KVM_EXIT_NOTIFY]: ({ view }) => ({
    kind: "notify",
    contextInvalid: (readNumber(view, fields["notify.flags"]) & KVM_NOTIFY_CONTEXT_INVALID) !== 0,
  }),
  [exitReasons.KVM_EXIT_MEMORY_FAULT]: ({ view }) => ({
    kind: "memory-fault",
    flags: readBigint(view, newer["memory_fault.flags"]),
    address: readBigint(view, newer["memory_fault.gpa"]),
    size: readBigint(view, newer["memory_fault.size"]),
  }),
};

const reasonNames = namesOf<ExitReasonName>(exitReasons);
const systemEventNames = namesOf<SystemEventName>(systemEvents);
const msrReasons = namesOf<MsrExitReason>(msrExitReasons);

/** The exit that the page tells of. What it holds is its own: the page may be overwritten. */
export function decodeExit(page: RunPage): Exit {
  const reason = exitReasonOf(page);
  // The most frequent ones first: a number compared is cheaper than one looked up.
  if (reason === exitReasons.KVM_EXIT_IO) return decodeIo(page);
  if (reason === exitReasons.KVM_EXIT_MMIO) return decodeMmio(page);
  const decode = decoders[reason];
  return decode === undefined ? unknown(page) : decode(page);
}

/** Whether the page tells of a memory fault, with which `KVM_RUN` fails with `EFAULT` or `EHWPOISON`. */
export function isMemoryFault(page: RunPage): boolean {
  return exitReasonOf(page) === exitReasons.KVM_EXIT_MEMORY_FAULT;
}

/** Offsets of the exits that come most often, as numbers: a table of tables costs cache lines that the guest has taken. */
const EXIT_REASON = fields.exit_reason[0];
const IO_DIRECTION = fields["io.direction"][0];
const IO_SIZE = fields["io.size"][0];
const IO_PORT = fields["io.port"][0];
const IO_COUNT = fields["io.count"][0];
const IO_DATA_OFFSET = fields["io.data_offset"][0];
const MMIO_ADDRESS = fields["mmio.phys_addr"][0];
const MMIO_LEN = fields["mmio.len"][0];
const MMIO_IS_WRITE = fields["mmio.is_write"][0];
const MMIO_DATA = fields["mmio.data"][0];

const exitReasonOf = ({ view }: RunPage): number => view.getUint32(EXIT_REASON, true);

function unknown(page: RunPage): UnknownExit {
  const reason = exitReasonOf(page);
  return { kind: "unknown", reason, name: reasonNames.get(reason), data: copy(page, ...fields.padding) };
}

function decodeIo(page: RunPage): IoInExit | IoOutExit {
  const { view } = page;
  const size = view.getUint8(IO_SIZE);
  const port = view.getUint16(IO_PORT, true);
  const count = view.getUint32(IO_COUNT, true);
  if (view.getUint8(IO_DIRECTION) === ioDirections.KVM_EXIT_IO_IN) {
    return { kind: "io-in", port, size, count, data: new Uint8Array(size * count) };
  }
  // The offset has 64 bits, but the page is small: the lower half says it all, and costs no bigint.
  const data = copy(page, view.getUint32(IO_DATA_OFFSET, true), size * count);
  return { kind: "io-out", port, size, count, data };
}

function decodeMmio(page: RunPage): MmioReadExit | MmioWriteExit {
  const { view } = page;
  const address = view.getBigUint64(MMIO_ADDRESS, true);
  const size = view.getUint32(MMIO_LEN, true);
  if (view.getUint8(MMIO_IS_WRITE) === 0) return { kind: "mmio-read", address, size, data: new Uint8Array(size) };
  return { kind: "mmio-write", address, size, data: copy(page, MMIO_DATA, size) };
}

/** Where in the page KVM takes the bytes of an answer from. */
export function answerField(exit: IoInExit | MmioReadExit, { view }: RunPage): Field {
  return exit.kind === "io-in"
    ? [view.getUint32(IO_DATA_OFFSET, true), exit.size * exit.count]
    : [MMIO_DATA, exit.size];
}
