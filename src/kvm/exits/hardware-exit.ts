/** Why the hardware left a guest, or would not enter it, in words. Pure. */
import { hex } from "../../core/hex.ts";
import type { KvmKind } from "../host/platform.ts";

/** The basic exit reasons of VT-x (SDM vol. 3D, appendix C). */
const vmxReasons: Readonly<Record<number, string>> = {
  0: "exception or NMI",
  1: "external interrupt",
  2: "triple fault",
  3: "INIT signal",
  4: "start-up IPI",
  5: "I/O SMI",
  6: "other SMI",
  7: "interrupt window",
  8: "NMI window",
  9: "task switch",
  10: "CPUID",
  11: "GETSEC",
  12: "HLT",
  13: "INVD",
  14: "INVLPG",
  15: "RDPMC",
  16: "RDTSC",
  17: "RSM",
  18: "VMCALL",
  19: "VMCLEAR",
  20: "VMLAUNCH",
  21: "VMPTRLD",
  22: "VMPTRST",
  23: "VMREAD",
  24: "VMRESUME",
  25: "VMWRITE",
  26: "VMXOFF",
  27: "VMXON",
  28: "control-register access",
  29: "MOV DR",
  30: "I/O instruction",
  31: "RDMSR",
  32: "WRMSR",
  33: "VM-entry failure due to invalid guest state",
  34: "VM-entry failure due to MSR loading",
  36: "MWAIT",
  37: "monitor trap flag",
  39: "MONITOR",
  40: "PAUSE",
  41: "VM-entry failure due to machine-check event",
  43: "TPR below threshold",
  44: "APIC access",
  45: "virtualized EOI",
  46: "access to GDTR or IDTR",
  47: "access to LDTR or TR",
  48: "EPT violation",
  49: "EPT misconfiguration",
  50: "INVEPT",
  51: "RDTSCP",
  52: "VMX-preemption timer expired",
  53: "INVVPID",
  54: "WBINVD or WBNOINVD",
  55: "XSETBV",
  56: "APIC write",
  57: "RDRAND",
  58: "INVPCID",
  59: "VMFUNC",
  60: "ENCLS",
  61: "RDSEED",
  62: "page-modification log full",
  63: "XSAVES",
  64: "XRSTORS",
  65: "PCONFIG",
  66: "SPP-related event",
  67: "UMWAIT",
  68: "TPAUSE",
  69: "LOADIWKEY",
  74: "bus lock",
  75: "notify",
};

/** Why an instruction of VT-x itself failed (SDM vol. 3C, 30.4). */
const vmxInstructionErrors: Readonly<Record<number, string>> = {
  1: "VMCALL executed in VMX root operation",
  2: "VMCLEAR with an invalid physical address",
  3: "VMCLEAR with the VMXON pointer",
  4: "VMLAUNCH with a VMCS that is not clear",
  5: "VMRESUME with a VMCS that is not launched",
  6: "VMRESUME after VMXOFF",
  7: "VM entry with invalid control fields",
  8: "VM entry with invalid host-state fields",
  9: "VMPTRLD with an invalid physical address",
  10: "VMPTRLD with the VMXON pointer",
  11: "VMPTRLD with an incorrect VMCS revision identifier",
  12: "VMREAD or VMWRITE of an unsupported VMCS component",
  13: "VMWRITE to a read-only VMCS component",
  15: "VMXON executed in VMX root operation",
  16: "VM entry with an invalid executive-VMCS pointer",
  17: "VM entry with an executive VMCS that is not launched",
  18: "VM entry with an executive-VMCS pointer that is not the VMXON pointer",
  19: "VMCALL with a VMCS that is not clear",
  20: "VMCALL with invalid VM-exit control fields",
  22: "VMCALL with an incorrect MSEG revision identifier",
  23: "VMXOFF under dual-monitor treatment of SMIs and SMM",
  24: "VMCALL with invalid SMM-monitor features",
  25: "VM entry with invalid execution control fields in the executive VMCS",
  26: "VM entry with events blocked by MOV SS",
  28: "invalid operand to INVEPT or INVVPID",
};

/** The exit codes of SVM (APM vol. 2, appendix C); those that come in rows are in {@link svmRows}. */
const svmCodes: Readonly<Record<number, string>> = {
  0x60: "physical interrupt",
  0x61: "NMI",
  0x62: "SMI",
  0x63: "INIT",
  0x64: "virtual interrupt",
  0x65: "selective write of CR0",
  0x66: "read of IDTR",
  0x67: "read of GDTR",
  0x68: "read of LDTR",
  0x69: "read of TR",
  0x6a: "write of IDTR",
  0x6b: "write of GDTR",
  0x6c: "write of LDTR",
  0x6d: "write of TR",
  0x6e: "RDTSC",
  0x6f: "RDPMC",
  0x70: "PUSHF",
  0x71: "POPF",
  0x72: "CPUID",
  0x73: "RSM",
  0x74: "IRET",
  0x75: "INT n",
  0x76: "INVD",
  0x77: "PAUSE",
  0x78: "HLT",
  0x79: "INVLPG",
  0x7a: "INVLPGA",
  0x7b: "I/O instruction",
  0x7c: "RDMSR or WRMSR",
  0x7d: "task switch",
  0x7e: "FERR freeze",
  0x7f: "shutdown",
  0x80: "VMRUN",
  0x81: "VMMCALL",
  0x82: "VMLOAD",
  0x83: "VMSAVE",
  0x84: "STGI",
  0x85: "CLGI",
  0x86: "SKINIT",
  0x87: "RDTSCP",
  0x88: "ICEBP",
  0x89: "WBINVD or WBNOINVD",
  0x8a: "MONITOR",
  0x8b: "MWAIT",
  0x8c: "conditional MWAIT",
  0x8d: "XSETBV",
  0x8e: "RDPRU",
  0x8f: "write of EFER",
  0xa2: "INVLPGB",
  0xa3: "illegal INVLPGB",
  0xa4: "INVPCID",
  0xa5: "MCOMMIT",
  0xa6: "TLBSYNC",
  0xa7: "bus lock",
  0x400: "nested page fault",
  0x401: "incomplete IPI of AVIC",
  0x402: "access to AVIC that hardware does not accelerate",
  0x403: "VMGEXIT",
};

/** Sixteen or thirty-two codes in a row, one for each register or vector. */
const svmRows: readonly { readonly first: number; readonly count: number; readonly text: (n: number) => string }[] = [
  { first: 0x00, count: 16, text: (n) => `read of CR${n}` },
  { first: 0x10, count: 16, text: (n) => `write of CR${n}` },
  { first: 0x20, count: 16, text: (n) => `read of DR${n}` },
  { first: 0x30, count: 16, text: (n) => `write of DR${n}` },
  { first: 0x40, count: 32, text: (n) => `exception ${n}` },
  { first: 0x90, count: 16, text: (n) => `after a write of CR${n}` },
];

/** Codes below 0: no exit, but an entry that failed (APM vol. 2, 15.5 and appendix C). */
const svmFailures: Readonly<Record<string, string>> = {
  "-1": "invalid guest state in the VMCB",
  "-2": "the VMCB save area of an encrypted guest is busy",
  "-3": "a sibling thread must be idle first",
  "-4": "invalid state of the performance counters",
};

/** On VT-x: this entry failed (SDM vol. 3C, 25.9.1). */
const VMX_ENTRY_FAILED = 1n << 31n;

/** Why the hardware left the guest, in words: `EPT violation (VT-x exit reason 48)`. */
export function exitReasonText(reason: bigint, kind: KvmKind): string {
  if (kind === "svm") {
    const code = Number(reason & 0xffff_ffffn);
    const row = svmRows.find(({ first, count }) => code >= first && code < first + count);
    return `${svmCodes[code] ?? row?.text(code - row.first) ?? "a reason without a name"} (SVM exit code ${hex(code)})`;
  }
  const basic = Number(reason & 0xffffn);
  if (kind !== "vt-x") return `hardware exit reason ${hex(reason)}`;
  return `${vmxReasons[basic] ?? "a reason without a name"} (VT-x exit reason ${basic})`;
}

/** Why the hardware would not enter the guest, in words. What was no VT-x and no SVM is told by the number's shape. */
export function entryFailureText(reason: bigint, kind: KvmKind): string {
  const failure = svmFailures[String(BigInt.asIntN(32, reason))];
  if (failure !== undefined && kind !== "vt-x") return `${failure} (SVM exit code ${BigInt.asIntN(32, reason)})`;
  if ((reason & VMX_ENTRY_FAILED) !== 0n) return exitReasonText(reason, "vt-x");
  if (kind === "svm") return exitReasonText(reason, kind);
  const error = reason < 64n ? vmxInstructionErrors[Number(reason)] : undefined;
  if (error !== undefined) return `${error} (VM-instruction error ${reason})`;
  return `entry failed for hardware reason ${hex(reason)}`;
}
