/** What the host is: whether KVM can be there at all, and which kind it is. */
import { existsSync, readFileSync } from "node:fs";
import { KvmError } from "../kvm-error.ts";

/**
 * Which KVM runs the guest: by Intel's VT-x, by AMD's SVM, by software alone (`kvm_pvm`: ring 0 is emulated), or another.
 * What a guest may do, and how fast, depends on it.
 */
export type KvmKind = "vt-x" | "svm" | "pvm" | "other";

/**
 * Throws {@link KvmError} `UNSUPPORTED_PLATFORM` unless the host is Linux on x86-64.
 *
 * @param platform as `process.platform` has it
 * @param arch as `process.arch` has it
 */
export function requirePlatform(platform: string, arch: string): void {
  if (platform === "linux" && arch === "x64") return;
  throw new KvmError(`guests run on Linux on x86-64 only; this is ${platform} on ${arch}`, {
    code: "UNSUPPORTED_PLATFORM",
    value: `${platform}-${arch}`,
    hint: "images can be built here; run them on a Linux machine, or in a Linux virtual machine with nested virtualisation",
  });
}

/**
 * Tells the kind of KVM from the modules that the kernel has and from the CPU's flags, which decide where a kernel has
 * both Intel's and AMD's built in.
 *
 * @param hasModule whether `/sys/module/NAME` exists
 * @param cpuFlags the words of the line `flags` of `/proc/cpuinfo`
 */
export function kvmKindOf(hasModule: (name: string) => boolean, cpuFlags: ReadonlySet<string>): KvmKind {
  const vtx = hasModule("kvm_intel");
  const svm = hasModule("kvm_amd");
  if (vtx && (!svm || cpuFlags.has("vmx"))) return "vt-x";
  if (svm) return "svm";
  return hasModule("kvm_pvm") ? "pvm" : "other";
}

let known: KvmKind | undefined;

/** The kind of KVM of this host. Works without `/dev/kvm`; `"other"` where nothing is known. */
export function kvmKind(): KvmKind {
  known ??= kvmKindOf((name) => existsSync(`/sys/module/${name}`), cpuFlags());
  return known;
}

function cpuFlags(): ReadonlySet<string> {
  try {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
    return new Set(line?.[1]?.trim().split(/\s+/));
  } catch {
    return new Set();
  }
}
