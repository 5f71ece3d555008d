/** Every row of the ABI tables against what the C compiler makes of <linux/kvm.h> and libc's headers. */
import { describe, expect, test } from "vitest";
import {
  dirtyGfnFlags,
  exitReasons,
  guestDebugFlags,
  hypervExits,
  internalErrors,
  ioDirections,
  ioeventfdFlags,
  irqchipIds,
  irqfdFlags,
  KVM_API_VERSION,
  KVM_DIRTY_LOG_PAGE_OFFSET,
  KVM_EXIT_XEN_HCALL,
  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
  KVM_NOTIFY_CONTEXT_INVALID,
  KVM_SREGS2_FLAGS_PDPTRS_VALID,
  memoryFlags,
  msrExitReasons,
  newerThan61,
  pmuEventActions,
  routingTypes,
  statisticBases,
  statisticMasks,
  statisticTypes,
  statisticUnits,
  syncRegisterFlags,
  systemEvents,
} from "../../src/kvm/abi/constants.ts";
import { ioctlNumber, ioctls, KVMIO, type IoctlName } from "../../src/kvm/abi/ioctls.ts";
import { kernelSigaction, linuxConstants, linuxLayouts, SIGNAL_SET_SIZE, syscalls } from "../../src/kvm/abi/linux.ts";
import { stateLayouts } from "../../src/kvm/abi/state-structs.ts";
import { wiringLayouts } from "../../src/kvm/abi/wiring-structs.ts";
import { newerKvmRun, structLayouts, type StructLayout } from "../../src/kvm/abi/structs.ts";
import { capabilityNumbers } from "../../src/kvm/calls/capabilities.ts";
import { mpStates } from "../../src/kvm/calls/vcpu-structs.ts";
import { macrosOf, noCompiler, runC } from "./c-program.ts";

/** The rows of all tables: a C expression, and the number that we say it has. */
type Rows = Readonly<Record<string, number>>;

const allKvmRows: Rows = {
  KVM_API_VERSION,
  KVMIO,
  KVM_EXIT_XEN_HCALL,
  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
  KVM_NOTIFY_CONTEXT_INVALID,
  ...exitReasons,
  ...hypervExits,
  ...internalErrors,
  ...msrExitReasons,
  ...systemEvents,
  ...mpStates,
  ...ioDirections,
  ...guestDebugFlags,
  ...memoryFlags,
  ...irqfdFlags,
  ...ioeventfdFlags,
  ...routingTypes,
  ...irqchipIds,
  ...dirtyGfnFlags,
  ...syncRegisterFlags,
  ...pmuEventActions,
  ...statisticMasks,
  ...statisticTypes,
  ...statisticUnits,
  ...statisticBases,
  KVM_DIRTY_LOG_PAGE_OFFSET,
  KVM_SREGS2_FLAGS_PDPTRS_VALID,
  ...Object.fromEntries((Object.keys(ioctls) as IoctlName[]).map((name) => [name, ioctlNumber(name)])),
  ...layoutRows(structLayouts),
  ...layoutRows(stateLayouts),
  ...layoutRows(wiringLayouts),
};

/** The fields of `struct kvm_run` that came later, by their first part, and the kernel that brought them. */
const newerFields: Readonly<Record<string, string>> = { memory_fault: "6.8", tdx: "6.16" };

const linuxRows: Rows = { ...linuxConstants, ...syscalls, ...layoutRows(linuxLayouts) };

/** Those of asm/signal.h, which no program may include together with libc's signal.h. */
const kernelRows: Rows = {
  ...layoutRows({ sigaction: kernelSigaction }),
  "sizeof(sigset_t)": SIGNAL_SET_SIZE,
};

function layoutRows(layouts: Readonly<Record<string, StructLayout>>): Rows {
  const rows: Record<string, number> = {};
  for (const [struct, { size, fields }] of Object.entries(layouts)) {
    rows[`sizeof(struct ${struct})`] = size;
    for (const [field, [at, length]] of Object.entries(fields)) {
      rows[`offsetof(struct ${struct}, ${field})`] = at;
      rows[`sizeof(((struct ${struct} *)0)->${field})`] = length;
    }
  }
  return rows;
}

/** A program that prints each expression's number; `missing` for a macro that the headers do not have. */
function evaluate(headers: readonly string[], expressions: readonly string[]): Record<string, string> {
  const prints = expressions.map((expression) => {
    const print = `printf("%s\\t%llu\\n", ${JSON.stringify(expression)}, (unsigned long long)(${expression}));`;
    if (!/^KVM_CAP_\w+$/.test(expression)) return print;
    return `#ifdef ${expression}\n${print}\n#else\nprintf("%s\\tmissing\\n", "${expression}");\n#endif`;
  });
  const includes = headers.map((header) => `#include <${header}>`);
  const source = `${includes.join("\n")}\nint main(void) {\n${prints.join("\n")}\nreturn 0;\n}\n`;
  const lines = runC(source).toString().trimEnd().split("\n");
  return Object.fromEntries(lines.map((line) => line.split("\t") as [string, string]));
}

const asText = (rows: Rows): Record<string, string> =>
  Object.fromEntries(Object.entries(rows).map(([name, value]) => [name, String(value)]));

const kvmHeaders = ["stdio.h", "stddef.h", "linux/kvm.h"];

let version: [major: number, minor: number] | undefined;

/** The version of Linux that the headers are of. */
function headerVersion(): [major: number, minor: number] {
  version ??= runC(
    `#include <stdio.h>\n#include <linux/version.h>\n` +
      `int main(void) { printf("%d %d", LINUX_VERSION_CODE >> 16, (LINUX_VERSION_CODE >> 8) & 255); return 0; }\n`,
  )
    .toString()
    .split(" ")
    .map(Number) as [number, number];
  return version;
}

/** Whether the headers are of that version or a later one. */
function isSince(version: string): boolean {
  const [major, minor] = headerVersion();
  const [wantedMajor, wantedMinor] = version.split(".").map(Number) as [number, number];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

describe.skipIf(noCompiler !== undefined)("the ABI tables are the C compiler's", () => {
  test("linux/kvm.h: ioctl numbers, constants, layouts", () => {
    const rows = Object.entries(allKvmRows).filter(([name]) => isSince(newerThan61[name] ?? "0.0"));
    const kvmRows = Object.fromEntries(rows);
    expect(evaluate(kvmHeaders, Object.keys(kvmRows))).toEqual(asText(kvmRows));
  });

  test("what Linux 6.1 did not have, where the header is newer", () => {
    const fields = Object.entries(newerKvmRun.fields).filter(([name]) => isSince(newerFields[name.split(".")[0]!]!));
    const rows = layoutRows({ kvm_run: { size: newerKvmRun.size, fields: Object.fromEntries(fields) } });
    expect(evaluate(kvmHeaders, Object.keys(rows))).toEqual(asText(rows));
  });

  test("libc's headers: constants, system calls, layouts", () => {
    const headers = [
      "stdio.h",
      "stddef.h",
      "fcntl.h",
      "signal.h",
      "time.h",
      "sys/mman.h",
      "sys/eventfd.h",
      "sys/syscall.h",
    ];
    expect(evaluate(headers, Object.keys(linuxRows))).toEqual(asText(linuxRows));
  });

  test("asm/signal.h: the kernel's own signal structs", () => {
    expect(evaluate(["stdio.h", "stddef.h", "asm/signal.h"], Object.keys(kernelRows))).toEqual(asText(kernelRows));
  });

  test("capabilities, in both directions where the header is that of Linux 6.1", () => {
    const [major, minor] = headerVersion();
    const inHeader = evaluate(kvmHeaders, Object.keys(capabilityNumbers));
    const missing = Object.keys(inHeader).filter((name) => inHeader[name] === "missing");
    const isOlder = major < 6 || (major === 6 && minor < 1);
    const known = Object.entries(capabilityNumbers).filter(([name]) => !(isOlder && missing.includes(name)));
    if (isOlder) process.stderr.write(`the headers of Linux ${major}.${minor} do not know ${missing.length} rows\n`);
    expect(Object.fromEntries(known.map(([name]) => [name, inHeader[name]]))).toEqual(
      asText(Object.fromEntries(known)),
    );
    if (major === 6 && minor === 1)
      expect(macrosOf("linux/kvm.h", /^KVM_CAP_/)).toEqual(Object.keys(capabilityNumbers).toSorted());
  });
});
