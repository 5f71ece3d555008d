/** Looks over the host: whether guests can run, and how well. */
import { accessSync, constants } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  Kvm,
  KvmError,
  probeDebugging,
  type CapabilityName,
  type KvmErrorCode,
  type KvmKind,
} from "../../kvm/index.ts";
import { packageVersion } from "../package-root.ts";

/** What a host's KVM can do. */
export interface KvmReport {
  readonly kind: KvmKind;
  readonly apiVersion: number;
  readonly capabilities: readonly { readonly name: CapabilityName; readonly value: number; readonly meaning: string }[];
  readonly debugging: readonly { readonly feature: string; readonly works: boolean }[];
}

/** What there is to say of a host. */
export interface HostReport {
  readonly host: Readonly<Record<string, string>>;
  /** `undefined` where guests cannot run. */
  readonly kvm: KvmReport | undefined;
  /** Why guests cannot run. */
  readonly problem: { readonly code: KvmErrorCode; readonly message: string } | undefined;
  readonly tools: readonly { readonly name: string; readonly path: string | undefined }[];
}

/** The capabilities that decide what a guest or its host may do, and what that is. */
const capabilities: readonly (readonly [name: CapabilityName, meaning: string])[] = [
  ["KVM_CAP_NR_MEMSLOTS", "regions of memory"],
  ["KVM_CAP_READONLY_MEM", "ROM"],
  ["KVM_CAP_SYNC_MMU", "memory that the host may move"],
  ["KVM_CAP_COALESCED_PIO", "port output without an exit for each byte"],
  ["KVM_CAP_IRQCHIP", "interrupt controllers in the kernel"],
  ["KVM_CAP_X86_USER_SPACE_MSR", "exits for model-specific registers"],
  ["KVM_CAP_EXIT_ON_EMULATION_FAILURE", "exits that show what KVM cannot emulate"],
  ["KVM_CAP_DIRTY_LOG_RING", "dirty pages in a ring"],
  ["KVM_CAP_SYNC_REGS", "registers in shared memory"],
  ["KVM_CAP_X86_TRIPLE_FAULT_EVENT", "triple faults that can be taken back"],
  ["KVM_CAP_NESTED_STATE", "guests within guests"],
];

/** What KVM's kinds are, in words. */
const kinds: Readonly<Record<KvmKind, string>> = {
  "vt-x": "Intel's VT-x",
  svm: "AMD's SVM",
  pvm: "PVM: by software alone, guests' ring 0 is emulated, without int n and 32-bit iret",
  other: "of a kind that guestwright does not know",
};

const features = { singleStep: "single steps", breakpoints: "breakpoints", watchpoints: "watchpoints" } as const;

/** What guests that were exported can be booted by. */
const programs = ["qemu-system-x86_64", "firecracker", "cloud-hypervisor"];

/** Looks over this host. @param device the path of KVM's device; `undefined` for the usual one */
export async function examine(device: string | undefined): Promise<HostReport> {
  const options = device === undefined ? {} : { device };
  const known = {
    guestwright: packageVersion(),
    node: process.versions.node,
    system: `${os.type()} ${os.release()} on ${process.arch}`,
    cpu: os.cpus()[0]?.model ?? "unknown",
    device: `${device ?? "/dev/kvm"}, ${accessTo(device ?? "/dev/kvm")}`,
  };
  const tools = programs.map((name) => ({ name, path: programPath(name) }));
  try {
    const kvm = await examineKvm(options);
    return { host: { ...known, kvm: kinds[kvm.kind], api: String(kvm.apiVersion) }, kvm, problem: undefined, tools };
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    return { host: known, kvm: undefined, problem: { code: error.code, message: error.message }, tools };
  }
}

async function examineKvm(options: { readonly device?: string }): Promise<KvmReport> {
  using kvm = await Kvm.open(options);
  const { supervisor, user } = await probeDebugging(options);
  const levels = [
    ["ring 0", supervisor],
    ["ring 3", user],
  ] as const;
  return {
    kind: kvm.kind,
    apiVersion: kvm.getApiVersion(),
    capabilities: capabilities.map(([name, meaning]) => ({ name, value: kvm.checkExtension(name), meaning })),
    debugging: levels.flatMap(([level, support]) =>
      (Object.keys(features) as (keyof typeof features)[]).map((feature) => ({
        feature: `${features[feature]} in ${level}`,
        works: support[feature],
      })),
    ),
  };
}

function isAllowed(file: string, access: number): boolean {
  try {
    accessSync(file, access);
    return true;
  } catch {
    return false;
  }
}

function accessTo(file: string): string {
  if (!isAllowed(file, constants.F_OK)) return "which does not exist";
  return isAllowed(file, constants.R_OK | constants.W_OK) ? "which may be opened" : "which this user may not open";
}

/** Where a program lies on the path; `undefined` where it is not there. */
function programPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => isAllowed(file, constants.X_OK));
}
