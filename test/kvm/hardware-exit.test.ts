/** Reasons of VT-x (SDM vol. 3D, appendix C; vol. 3C, 30.4) and SVM (APM vol. 2, appendix C) in words. */
import { describe, expect, test } from "vitest";
import { entryFailureText, exitReasonText } from "../../src/kvm/exits/hardware-exit.ts";
import type { KvmKind } from "../../src/kvm/host/platform.ts";

describe("an exit", () => {
  test.each<[bigint, KvmKind, string]>([
    [0n, "vt-x", "exception or NMI (VT-x exit reason 0)"],
    [48n, "vt-x", "EPT violation (VT-x exit reason 48)"],
    [0x1000_004an, "vt-x", "bus lock (VT-x exit reason 74)"],
    [35n, "vt-x", "a reason without a name (VT-x exit reason 35)"],
    [0x4en, "svm", "exception 14 (SVM exit code 0x4e)"],
    [0x08n, "svm", "read of CR8 (SVM exit code 0x8)"],
    [0x37n, "svm", "write of DR7 (SVM exit code 0x37)"],
    [0x7fn, "svm", "shutdown (SVM exit code 0x7f)"],
    [0x400n, "svm", "nested page fault (SVM exit code 0x400)"],
    [0x3ffn, "svm", "a reason without a name (SVM exit code 0x3ff)"],
    [0x400n, "pvm", "hardware exit reason 0x400"],
  ])("%s on %s", (reason, kind, text) => expect(exitReasonText(reason, kind)).toBe(text));
});

describe("an entry that failed", () => {
  test.each<[bigint, KvmKind, string]>([
    [0x8000_0021n, "vt-x", "VM-entry failure due to invalid guest state (VT-x exit reason 33)"],
    [0x8000_0022n, "other", "VM-entry failure due to MSR loading (VT-x exit reason 34)"],
    [7n, "vt-x", "VM entry with invalid control fields (VM-instruction error 7)"],
    [0xffff_ffff_ffff_ffffn, "svm", "invalid guest state in the VMCB (SVM exit code -1)"],
    [0xffff_ffffn, "other", "invalid guest state in the VMCB (SVM exit code -1)"],
    [0x7fn, "svm", "shutdown (SVM exit code 0x7f)"],
    [0xdeadn, "pvm", "entry failed for hardware reason 0xdead"],
    [14n, "vt-x", "entry failed for hardware reason 0xe"],
  ])("%s on %s", (reason, kind, text) => expect(entryFailureText(reason, kind)).toBe(text));
});
