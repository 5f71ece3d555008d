/**
 * What a host's KVM offers to every guest, asked for once: CPUID alone takes it a quarter of the time of a boot, since each
 * leaf of it is an exit where the host is itself a guest.
 */
import { decodeCpuid, encodeCpuid, type CpuidEntry } from "../calls/cpuid.ts";
import type { KvmOptions, KvmSystem } from "../calls/system.ts";

/** What is the same for all guests of a host. */
export interface HostFacts {
  /** What a vCPU's CPUID may say. Nobody may change it: it is given to every `boot`. */
  readonly cpuid: readonly CpuidEntry[];
  /** The same as a `struct kvm_cpuid2`. */
  readonly cpuidStruct: Uint8Array;
  /** The model-specific registers that a vCPU has. */
  readonly msrs: readonly number[];
}

/** By KVM's device; `""` for the one that is opened unless another is named. */
const known = new Map<string, HostFacts>();

/** What KVM says, or said the first time that a process asked. */
export function hostFacts(kvm: KvmSystem, { device = "" }: KvmOptions): HostFacts {
  const facts = known.get(device) ?? ask(kvm);
  known.set(device, facts);
  return facts;
}

function ask(kvm: KvmSystem): HostFacts {
  const cpuidStruct = encodeCpuid(kvm.getSupportedCpuid());
  const cpuid = decodeCpuid(cpuidStruct).map((entry) => Object.freeze(entry));
  return { cpuid: Object.freeze(cpuid), cpuidStruct, msrs: Object.freeze(kvm.getMsrIndexList()) };
}
