/** The decoder over `struct kvm_run` pages that the C compiler laid out (linux/kvm.h), for every kind of exit. */
import { describe, expect, test } from "vitest";
import { answerExit, isAnswerable } from "../../src/kvm/exits/answer-exit.ts";
import { decodeExit, isMemoryFault } from "../../src/kvm/exits/decode-exit.ts";
import type { AnswerableExit, Exit } from "../../src/kvm/exits/exits.ts";
import { noCompiler } from "./c-program.ts";
import { buildRunPages } from "./run-pages.ts";

/** What C does to a zeroed page, and the exit that it then holds. */
const cases: readonly { readonly name: string; readonly fill: string; readonly exit: Exit }[] = [
  { name: "hlt", fill: "run->exit_reason = KVM_EXIT_HLT;", exit: { kind: "hlt" } },
  { name: "shutdown", fill: "run->exit_reason = KVM_EXIT_SHUTDOWN;", exit: { kind: "shutdown" } },
  { name: "interrupted", fill: "run->exit_reason = KVM_EXIT_INTR;", exit: { kind: "interrupted" } },
  {
    name: "io-out, three words of two bytes",
    fill: `run->exit_reason = KVM_EXIT_IO; run->io.direction = KVM_EXIT_IO_OUT; run->io.size = 2; run->io.port = 0xcf8;
      run->io.count = 3; run->io.data_offset = 4096; memcpy(page + 4096, "abcdefgh", 8);`,
    exit: { kind: "io-out", port: 0xcf8, size: 2, count: 3, data: new Uint8Array(Buffer.from("abcdef")) },
  },
  {
    name: "io-out, a thousand bytes",
    fill: `run->exit_reason = KVM_EXIT_IO; run->io.direction = KVM_EXIT_IO_OUT; run->io.size = 1; run->io.port = 0xffff;
      run->io.count = 1000; run->io.data_offset = 4096; memset(page + 4096, 0x5a, 1000);`,
    exit: { kind: "io-out", port: 0xffff, size: 1, count: 1000, data: new Uint8Array(1000).fill(0x5a) },
  },
  {
    name: "io-in, whose data is the answer and starts as 0",
    fill: `run->exit_reason = KVM_EXIT_IO; run->io.direction = KVM_EXIT_IO_IN; run->io.size = 4; run->io.port = 0x60;
      run->io.count = 2; run->io.data_offset = 4096; memset(page + 4096, 0xee, 8);`,
    exit: { kind: "io-in", port: 0x60, size: 4, count: 2, data: new Uint8Array(8) },
  },
  {
    name: "mmio-write at the top of 52 bits",
    fill: `run->exit_reason = KVM_EXIT_MMIO; run->mmio.phys_addr = 0xffffffffffff8; run->mmio.len = 8;
      run->mmio.is_write = 1; memcpy(run->mmio.data, "12345678", 8);`,
    exit: {
      kind: "mmio-write",
      address: 0xf_ffff_ffff_fff8n,
      size: 8,
      data: new Uint8Array(Buffer.from("12345678")),
    },
  },
  {
    name: "mmio-read of one byte",
    fill: `run->exit_reason = KVM_EXIT_MMIO; run->mmio.phys_addr = 0x2000; run->mmio.len = 1;
      memset(run->mmio.data, 0xee, 8);`,
    exit: { kind: "mmio-read", address: 0x2000n, size: 1, data: new Uint8Array(1) },
  },
  {
    name: "debug",
    fill: `run->exit_reason = KVM_EXIT_DEBUG; run->debug.arch.exception = 1; run->debug.arch.pc = 0xffffffff81000000;
      run->debug.arch.dr6 = 0xffff4ff0; run->debug.arch.dr7 = 0x400;`,
    exit: {
      ...{ kind: "debug", exception: 1, pc: 0xffff_ffff_8100_0000n, hits: [], isStep: true },
      ...{ dr6: 0xffff_4ff0n, dr7: 0x400n },
    },
  },
  {
    name: "fail-entry",
    fill: `run->exit_reason = KVM_EXIT_FAIL_ENTRY; run->fail_entry.hardware_entry_failure_reason = 0x80000021;
      run->fail_entry.cpu = 7;`,
    exit: {
      kind: "fail-entry",
      reason: 0x8000_0021n,
      text: "VM-entry failure due to invalid guest state (VT-x exit reason 33)",
      cpu: 7,
    },
  },
  {
    name: "internal-error, an emulation failure with two bytes of instruction",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
      run->emulation_failure.ndata = 3;
      run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
      run->emulation_failure.insn_size = 2; run->emulation_failure.insn_bytes[0] = 0x0f;
      run->emulation_failure.insn_bytes[1] = 0x77;`,
    exit: {
      kind: "internal-error",
      suberror: 1,
      name: "KVM_INTERNAL_ERROR_EMULATION",
      text: "KVM cannot emulate the instruction that these bytes begin with: 0f 77",
      data: [1n, 0x770f02n, 0n],
      instruction: Uint8Array.of(0x0f, 0x77),
    },
  },
  {
    name: "internal-error, an emulation failure of an old KVM that gives no bytes",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
      run->internal.data[0] = 0xffff;`,
    exit: {
      kind: "internal-error",
      suberror: 1,
      name: "KVM_INTERNAL_ERROR_EMULATION",
      text: "KVM cannot emulate an instruction, and does not say which",
      data: [],
      instruction: undefined,
    },
  },
  {
    name: "internal-error, an event's delivery, with more data than there is room for",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
      run->internal.ndata = 99; for (int i = 0; i < 16; i++) run->internal.data[i] = i + 47;`,
    exit: {
      kind: "internal-error",
      suberror: 3,
      name: "KVM_INTERNAL_ERROR_DELIVERY_EV",
      text: "the guest exited while an event was being delivered: EPT violation (VT-x exit reason 48) (event 0x2f, qualification 0x31)",
      data: Array.from({ length: 16 }, (_, word) => BigInt(word + 47)),
      instruction: undefined,
    },
  },
  {
    name: "internal-error, two exceptions at once",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = KVM_INTERNAL_ERROR_SIMUL_EX;
      run->internal.ndata = 2; run->internal.data[0] = 0x80000b0e; run->internal.data[1] = 0x80000b0d;`,
    exit: {
      kind: "internal-error",
      suberror: 2,
      name: "KVM_INTERNAL_ERROR_SIMUL_EX",
      text: "an exception came while an event was being delivered (event 0x80000b0e, exception 0x80000b0d)",
      data: [0x8000_0b0en, 0x8000_0b0dn],
      instruction: undefined,
    },
  },
  {
    name: "internal-error, an exit that KVM does not expect",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.ndata = 2; run->internal.data[0] = 11;
      run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON; run->internal.data[1] = 3;`,
    exit: {
      kind: "internal-error",
      suberror: 4,
      name: "KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON",
      text: "KVM does not expect the guest to exit for this reason: GETSEC (VT-x exit reason 11)",
      data: [11n, 3n],
      instruction: undefined,
    },
  },
  {
    name: "internal-error of a number without a name",
    fill: "run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = 77;",
    exit: {
      kind: "internal-error",
      suberror: 77,
      name: undefined,
      text: "KVM gave up for reason 77",
      data: [],
      instruction: undefined,
    },
  },
  {
    name: "unknown, for a reason that has no kind of its own",
    fill: `run->exit_reason = KVM_EXIT_WATCHDOG; run->padding[0] = 2;`,
    exit: {
      kind: "unknown",
      reason: 21,
      name: "KVM_EXIT_WATCHDOG",
      data: Uint8Array.from({ length: 256 }, (_, index) => (index === 0 ? 2 : 0)),
    },
  },
  { name: "nmi", fill: "run->exit_reason = KVM_EXIT_NMI;", exit: { kind: "nmi" } },
  {
    name: "irq-window-open",
    fill: "run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;",
    exit: { kind: "irq-window-open" },
  },
  {
    name: "dirty-ring-full",
    fill: "run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;",
    exit: { kind: "dirty-ring-full" },
  },
  { name: "ap-reset-hold", fill: "run->exit_reason = KVM_EXIT_AP_RESET_HOLD;", exit: { kind: "ap-reset-hold" } },
  { name: "bus-lock", fill: "run->exit_reason = KVM_EXIT_X86_BUS_LOCK;", exit: { kind: "bus-lock" } },
  {
    name: "set-tpr",
    fill: "run->exit_reason = KVM_EXIT_SET_TPR; run->cr8 = 9;",
    exit: { kind: "set-tpr", cr8: 9n },
  },
  {
    name: "tpr-access",
    fill: "run->exit_reason = KVM_EXIT_TPR_ACCESS; run->tpr_access.rip = 0x1234; run->tpr_access.is_write = 1;",
    exit: { kind: "tpr-access", rip: 0x1234n, isWrite: true },
  },
  {
    name: "hardware, a reason that KVM does not know",
    fill: "run->exit_reason = KVM_EXIT_UNKNOWN; run->hw.hardware_exit_reason = 70;",
    exit: { kind: "hardware", reason: 70n, text: "a reason without a name (VT-x exit reason 70)" },
  },
  {
    name: "exception",
    fill: "run->exit_reason = KVM_EXIT_EXCEPTION; run->ex.exception = 18; run->ex.error_code = 0xabcdef01;",
    exit: { kind: "exception", exception: 18, errorCode: 0xabcd_ef01 },
  },
  ...(
    [
      ["KVM_MSR_EXIT_REASON_INVAL", 1],
      ["KVM_MSR_EXIT_REASON_UNKNOWN", 2],
      ["KVM_MSR_EXIT_REASON_FILTER", 4],
      [undefined, 8],
    ] as const
  ).map(([reason, number]) => ({
    name: `rdmsr for reason ${number}, whose data is the answer and starts as 0`,
    fill: `run->exit_reason = KVM_EXIT_X86_RDMSR; run->msr.reason = ${number}; run->msr.index = 0xc0000080;
      run->msr.data = 0xeeee; run->msr.error = 1;`,
    exit: { kind: "rdmsr", reason, index: 0xc000_0080, data: 0n, error: false } as const,
  })),
  {
    name: "wrmsr",
    fill: `run->exit_reason = KVM_EXIT_X86_WRMSR; run->msr.reason = KVM_MSR_EXIT_REASON_FILTER; run->msr.index = 0x174;
      run->msr.data = 0xfedcba9876543210;`,
    exit: {
      kind: "wrmsr",
      reason: "KVM_MSR_EXIT_REASON_FILTER",
      index: 0x174,
      data: 0xfedc_ba98_7654_3210n,
      error: false,
    },
  },
  {
    name: "hypercall",
    fill: `run->exit_reason = KVM_EXIT_HYPERCALL; run->hypercall.nr = 12; run->hypercall.longmode = 1;
      for (int i = 0; i < 6; i++) run->hypercall.args[i] = i + 1;`,
    exit: { kind: "hypercall", number: 12n, args: [1n, 2n, 3n, 4n, 5n, 6n], flags: 1, result: 0n },
  },
  {
    name: "hyperv-synic",
    fill: `run->exit_reason = KVM_EXIT_HYPERV; run->hyperv.type = KVM_EXIT_HYPERV_SYNIC;
      run->hyperv.u.synic.msr = 0x40000080; run->hyperv.u.synic.control = 1; run->hyperv.u.synic.evt_page = 2;
      run->hyperv.u.synic.msg_page = 3;`,
    exit: { kind: "hyperv-synic", msr: 0x4000_0080, control: 1n, eventPage: 2n, messagePage: 3n },
  },
  {
    name: "hyperv-hypercall",
    fill: `run->exit_reason = KVM_EXIT_HYPERV; run->hyperv.type = KVM_EXIT_HYPERV_HCALL; run->hyperv.u.hcall.input = 0x5d;
      run->hyperv.u.hcall.params[0] = 1; run->hyperv.u.hcall.params[1] = 2;`,
    exit: { kind: "hyperv-hypercall", input: 0x5dn, params: [1n, 2n], result: 0n },
  },
  {
    name: "hyperv-syndbg",
    fill: `run->exit_reason = KVM_EXIT_HYPERV; run->hyperv.type = KVM_EXIT_HYPERV_SYNDBG;
      run->hyperv.u.syndbg.msr = 0x400000f1; run->hyperv.u.syndbg.control = 1; run->hyperv.u.syndbg.status = 2;
      run->hyperv.u.syndbg.send_page = 3; run->hyperv.u.syndbg.recv_page = 4; run->hyperv.u.syndbg.pending_page = 5;`,
    exit: {
      kind: "hyperv-syndbg",
      msr: 0x4000_00f1,
      control: 1n,
      sendPage: 3n,
      receivePage: 4n,
      pendingPage: 5n,
      result: 2n,
    },
  },
  {
    name: "unknown, for a type of KVM_EXIT_HYPERV that has no name",
    fill: "run->exit_reason = KVM_EXIT_HYPERV; run->hyperv.type = 9;",
    exit: {
      kind: "unknown",
      reason: 27,
      name: "KVM_EXIT_HYPERV",
      data: Uint8Array.from({ length: 256 }, (_, index) => (index === 0 ? 9 : 0)),
    },
  },
  {
    name: "xen-hypercall",
    fill: `run->exit_reason = KVM_EXIT_XEN; run->xen.type = KVM_EXIT_XEN_HCALL; run->xen.u.hcall.longmode = 1;
      run->xen.u.hcall.cpl = 3; run->xen.u.hcall.input = 17;
      for (int i = 0; i < 6; i++) run->xen.u.hcall.params[i] = i;`,
    exit: { kind: "xen-hypercall", longMode: true, cpl: 3, input: 17n, params: [0n, 1n, 2n, 3n, 4n, 5n], result: 0n },
  },
  {
    name: "system-event",
    fill: `run->exit_reason = KVM_EXIT_SYSTEM_EVENT; run->system_event.type = KVM_SYSTEM_EVENT_CRASH;
      run->system_event.ndata = 2; run->system_event.data[0] = 7; run->system_event.data[1] = 8;`,
    exit: { kind: "system-event", type: 3, name: "KVM_SYSTEM_EVENT_CRASH", data: [7n, 8n] },
  },
  {
    name: "ioapic-eoi",
    fill: "run->exit_reason = KVM_EXIT_IOAPIC_EOI; run->eoi.vector = 0xef;",
    exit: { kind: "ioapic-eoi", vector: 0xef },
  },
  {
    name: "notify",
    fill: "run->exit_reason = KVM_EXIT_NOTIFY; run->notify.flags = KVM_NOTIFY_CONTEXT_INVALID;",
    exit: { kind: "notify", contextInvalid: true },
  },
  {
    name: "memory-fault of Linux 6.8, by numbers",
    fill: `run->exit_reason = 39; ((__u64 *)run->padding)[0] = 8; ((__u64 *)run->padding)[1] = 0x123000;
      ((__u64 *)run->padding)[2] = 0x1000;`,
    exit: { kind: "memory-fault", flags: 8n, address: 0x12_3000n, size: 0x1000n },
  },
  {
    name: "tdx of Linux 6.16, by numbers",
    fill: `run->exit_reason = 40; for (int i = 0; i < 8; i++) ((__u64 *)run->padding)[i] = i + 1;`,
    exit: { kind: "tdx", flags: 1n, number: 2n, result: 3n, data: [4n, 5n, 6n, 7n, 8n] },
  },
  {
    name: "unknown, for a reason that linux/kvm.h does not name",
    fill: "run->exit_reason = 0xfffffffe; memset(run->padding, 0xcc, sizeof run->padding);",
    exit: { kind: "unknown", reason: 0xffff_fffe, name: undefined, data: new Uint8Array(256).fill(0xcc) },
  },
];

describe.skipIf(noCompiler !== undefined)("struct kvm_run, laid out by C", () => {
  const built = noCompiler === undefined ? buildRunPages(cases.map(({ fill }) => fill)) : [];

  test.each(cases.map((each, index) => ({ ...each, index })))("$name", ({ exit, index }) => {
    expect(decodeExit(built[index]!)).toStrictEqual(exit);
  });

  test("an exit owns its bytes: what becomes of the page does not change it", () => {
    for (const [index, page] of built.entries()) {
      const bytes = page.bytes.slice();
      const exit = decodeExit({ bytes, view: new DataView(bytes.buffer), kind: "vt-x" });
      bytes.fill(0xff);
      expect(exit).toStrictEqual(cases[index]!.exit);
    }
  });

  test("exactly those that can be answered are", () => {
    const kinds = built.map((page) => decodeExit(page)).filter((exit) => isAnswerable(exit));
    expect(new Set(kinds.map(({ kind }) => kind))).toEqual(
      new Set([
        ...["io-in", "mmio-read", "rdmsr", "wrmsr", "hypercall"],
        ...["hyperv-hypercall", "hyperv-syndbg", "xen-hypercall", "tdx"],
      ]),
    );
  });

  test("only a memory fault is one", () => {
    expect(built.filter((page) => isMemoryFault(page)).map((page) => decodeExit(page).kind)).toEqual(["memory-fault"]);
  });

  /** Where each answer goes, as the C program of this file's pages would find it: an offset and the bytes there. */
  test.each<[AnswerableExit["kind"], (exit: never) => void, number, readonly number[]]>([
    ["io-in", ({ data }: { data: Uint8Array }) => data.set([1, 2, 3]), 4096, [1, 2, 3, 0, 0, 0, 0, 0]],
    ["mmio-read", ({ data }: { data: Uint8Array }) => data.set([0x55]), 40, [0x55]],
    ["rdmsr", (exit: { data: bigint }) => void (exit.data = 0x102n), 48, [2, 1, 0, 0, 0, 0, 0, 0]],
    ["rdmsr", (exit: { error: boolean }) => void (exit.error = true), 32, [1]],
    ["wrmsr", (exit: { error: boolean }) => void (exit.error = true), 32, [1]],
    ["hypercall", (exit: { result: bigint }) => void (exit.result = 5n), 88, [5, 0]],
    ["hyperv-hypercall", (exit: { result: bigint }) => void (exit.result = 5n), 48, [5, 0]],
    ["hyperv-syndbg", (exit: { result: bigint }) => void (exit.result = 5n), 56, [5, 0]],
    ["xen-hypercall", (exit: { result: bigint }) => void (exit.result = 5n), 56, [5, 0]],
    ["tdx", (exit: { result: bigint }) => void (exit.result = 5n), 48, [5, 0]],
  ])("the answer to %s goes where KVM takes it from", (kind, answer, at, bytes) => {
    const page = built.find((each) => decodeExit(each).kind === kind)!;
    const exit = decodeExit(page) as AnswerableExit;
    answer(exit as never);
    answerExit(exit, page);
    expect([...page.bytes.subarray(at, at + bytes.length)]).toEqual(bytes);
  });

  test("an answer of the wrong kind is an error, and then 0", () => {
    for (const kind of ["rdmsr", "hypercall"] as const) {
      const page = built.find((each) => decodeExit(each).kind === kind)!;
      const exit = decodeExit(page);
      Object.assign(exit, { data: 5, result: -1n });
      expect(() => answerExit(exit as AnswerableExit, page)).toThrow(
        expect.objectContaining({ code: "BAD_ARGUMENT", message: expect.stringContaining(kind) as unknown }),
      );
      const at = kind === "rdmsr" ? 48 : 88;
      expect([...page.bytes.subarray(at, at + 8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    }
  });
});
