/** The decoder over `struct kvm_run` pages that the C compiler laid out (linux/kvm.h), for every kind of exit. */
import { describe, expect, test } from "vitest";
import { answerOffset, decodeExit, type Exit, type RunPage } from "../../src/kvm/exits.ts";
import { noCompiler, runC } from "./c-program.ts";

const PAGE_BYTES = 3 * 4096;

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
    exit: { kind: "debug", exception: 1, pc: 0xffff_ffff_8100_0000n, dr6: 0xffff_4ff0n, dr7: 0x400n },
  },
  {
    name: "fail-entry",
    fill: `run->exit_reason = KVM_EXIT_FAIL_ENTRY; run->fail_entry.hardware_entry_failure_reason = 0x80000021;
      run->fail_entry.cpu = 7;`,
    exit: { kind: "fail-entry", reason: 0x8000_0021n, cpu: 7 },
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
      data: [],
      instruction: undefined,
    },
  },
  {
    name: "internal-error, an event's delivery, with more data than there is room for",
    fill: `run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
      run->internal.ndata = 99; for (int i = 0; i < 16; i++) run->internal.data[i] = i;`,
    exit: {
      kind: "internal-error",
      suberror: 3,
      name: "KVM_INTERNAL_ERROR_DELIVERY_EV",
      data: Array.from({ length: 16 }, (_, word) => BigInt(word)),
      instruction: undefined,
    },
  },
  {
    name: "internal-error of a number without a name",
    fill: "run->exit_reason = KVM_EXIT_INTERNAL_ERROR; run->internal.suberror = 77;",
    exit: { kind: "internal-error", suberror: 77, name: undefined, data: [], instruction: undefined },
  },
  {
    name: "unknown, for a reason that has no kind of its own",
    fill: `run->exit_reason = KVM_EXIT_SYSTEM_EVENT; run->system_event.type = KVM_SYSTEM_EVENT_RESET;`,
    exit: {
      kind: "unknown",
      reason: 24,
      name: "KVM_EXIT_SYSTEM_EVENT",
      data: Uint8Array.from({ length: 256 }, (_, index) => (index === 0 ? 2 : 0)),
    },
  },
  {
    name: "unknown, for a reason that linux/kvm.h does not name",
    fill: "run->exit_reason = 0xfffffffe; memset(run->padding, 0xcc, sizeof run->padding);",
    exit: { kind: "unknown", reason: 0xffff_fffe, name: undefined, data: new Uint8Array(256).fill(0xcc) },
  },
];

/** The pages of all cases, one after the other. */
function pages(): readonly RunPage[] {
  const fills = cases.map(
    ({ fill }) => `memset(page, 0, sizeof page);\n${fill}\nfwrite(page, sizeof page, 1, stdout);`,
  );
  const output = runC(
    `#include <stdio.h>\n#include <string.h>\n#include <linux/kvm.h>\nstatic char page[${PAGE_BYTES}];\n` +
      `int main(void) {\nstruct kvm_run *run = (struct kvm_run *)page;\n${fills.join("\n")}\nreturn 0;\n}\n`,
  );
  return cases.map((_, index) => {
    const bytes = new Uint8Array(output.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  });
}

describe.skipIf(noCompiler !== undefined)("struct kvm_run, laid out by C", () => {
  const built = noCompiler === undefined ? pages() : [];

  test.each(cases.map((each, index) => ({ ...each, index })))("$name", ({ exit, index }) => {
    expect(decodeExit(built[index]!)).toStrictEqual(exit);
  });

  test("an exit owns its bytes: what becomes of the page does not change it", () => {
    for (const [index, page] of built.entries()) {
      const bytes = page.bytes.slice();
      const exit = decodeExit({ bytes, view: new DataView(bytes.buffer) });
      bytes.fill(0xff);
      expect(exit).toStrictEqual(cases[index]!.exit);
    }
  });

  test("the answer to an input exit goes where KVM takes it from", () => {
    const offsets = built.flatMap((page) => {
      const exit = decodeExit(page);
      return exit.kind === "io-in" || exit.kind === "mmio-read" ? [answerOffset(exit, page)] : [];
    });
    expect(offsets).toEqual([4096, 40]);
  });
});
