/** Features of the CPU by name, as bits of what CPUID answers. Pure. */
import type { CpuidEntry } from "./cpuid.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import { entryOf, requireObject, requireObjects } from "../shapes.ts";

/** Where a feature's bit is. */
type FeatureBit = readonly [leaf: number, subleaf: number, register: "eax" | "ebx" | "ecx" | "edx", bit: number];

/** A feature of the CPU: `"avx2"`. */
export type CpuidFeature =
  | "sse3"
  | "pclmulqdq"
  | "monitor"
  | "vmx"
  | "ssse3"
  | "fma"
  | "cmpxchg16b"
  | "pcid"
  | "sse4_1"
  | "sse4_2"
  | "x2apic"
  | "movbe"
  | "popcnt"
  | "tsc_deadline"
  | "aes"
  | "xsave"
  | "avx"
  | "f16c"
  | "rdrand"
  | "hypervisor"
  | "fpu"
  | "pse"
  | "tsc"
  | "msr"
  | "pae"
  | "cmpxchg8b"
  | "apic"
  | "sep"
  | "mtrr"
  | "pge"
  | "cmov"
  | "pat"
  | "pse36"
  | "clfsh"
  | "mmx"
  | "fxsr"
  | "sse"
  | "sse2"
  | "fsgsbase"
  | "bmi1"
  | "avx2"
  | "smep"
  | "bmi2"
  | "erms"
  | "invpcid"
  | "avx512f"
  | "rdseed"
  | "adx"
  | "smap"
  | "sha"
  | "umip"
  | "pku"
  | "la57"
  | "rdpid"
  | "pks"
  | "lahf_sahf"
  | "svm"
  | "lzcnt"
  | "syscall"
  | "nx"
  | "page1gb"
  | "rdtscp"
  | "long_mode"
  | "invariant_tsc";

/** SDM vol. 2A, CPUID, tables 3-8 to 3-11; APM vol. 3, appendix E. Named as the manuals do, in lower case, with `_` for what is no letter. */
export const cpuidFeatures: Readonly<Record<CpuidFeature, FeatureBit>> = {
  sse3: [1, 0, "ecx", 0],
  pclmulqdq: [1, 0, "ecx", 1],
  monitor: [1, 0, "ecx", 3],
  vmx: [1, 0, "ecx", 5],
  ssse3: [1, 0, "ecx", 9],
  fma: [1, 0, "ecx", 12],
  cmpxchg16b: [1, 0, "ecx", 13],
  pcid: [1, 0, "ecx", 17],
  sse4_1: [1, 0, "ecx", 19],
  sse4_2: [1, 0, "ecx", 20],
  x2apic: [1, 0, "ecx", 21],
  movbe: [1, 0, "ecx", 22],
  popcnt: [1, 0, "ecx", 23],
  tsc_deadline: [1, 0, "ecx", 24],
  aes: [1, 0, "ecx", 25],
  xsave: [1, 0, "ecx", 26],
  avx: [1, 0, "ecx", 28],
  f16c: [1, 0, "ecx", 29],
  rdrand: [1, 0, "ecx", 30],
  hypervisor: [1, 0, "ecx", 31],
  fpu: [1, 0, "edx", 0],
  pse: [1, 0, "edx", 3],
  tsc: [1, 0, "edx", 4],
  msr: [1, 0, "edx", 5],
  pae: [1, 0, "edx", 6],
  cmpxchg8b: [1, 0, "edx", 8],
  apic: [1, 0, "edx", 9],
  sep: [1, 0, "edx", 11],
  mtrr: [1, 0, "edx", 12],
  pge: [1, 0, "edx", 13],
  cmov: [1, 0, "edx", 15],
  pat: [1, 0, "edx", 16],
  pse36: [1, 0, "edx", 17],
  clfsh: [1, 0, "edx", 19],
  mmx: [1, 0, "edx", 23],
  fxsr: [1, 0, "edx", 24],
  sse: [1, 0, "edx", 25],
  sse2: [1, 0, "edx", 26],
  fsgsbase: [7, 0, "ebx", 0],
  bmi1: [7, 0, "ebx", 3],
  avx2: [7, 0, "ebx", 5],
  smep: [7, 0, "ebx", 7],
  bmi2: [7, 0, "ebx", 8],
  erms: [7, 0, "ebx", 9],
  invpcid: [7, 0, "ebx", 10],
  avx512f: [7, 0, "ebx", 16],
  rdseed: [7, 0, "ebx", 18],
  adx: [7, 0, "ebx", 19],
  smap: [7, 0, "ebx", 20],
  sha: [7, 0, "ebx", 29],
  umip: [7, 0, "ecx", 2],
  pku: [7, 0, "ecx", 3],
  la57: [7, 0, "ecx", 16],
  rdpid: [7, 0, "ecx", 22],
  pks: [7, 0, "ecx", 31],
  lahf_sahf: [0x8000_0001, 0, "ecx", 0],
  svm: [0x8000_0001, 0, "ecx", 2],
  lzcnt: [0x8000_0001, 0, "ecx", 5],
  syscall: [0x8000_0001, 0, "edx", 11],
  nx: [0x8000_0001, 0, "edx", 20],
  page1gb: [0x8000_0001, 0, "edx", 26],
  rdtscp: [0x8000_0001, 0, "edx", 27],
  long_mode: [0x8000_0001, 0, "edx", 29],
  invariant_tsc: [0x8000_0007, 0, "edx", 8],
};

/** Whether CPUID says that a feature is there. Throws {@link KvmError} `BAD_ARGUMENT` for a name that is none. */
export function hasCpuidFeature(entries: readonly CpuidEntry[], feature: CpuidFeature): boolean {
  const [leaf, subleaf, register, bit] = bitOf(feature);
  const entry = entryFor(leaf, subleaf, requireObjects("the entries of CPUID", entries));
  return entry !== undefined && ((entry[register] >>> bit) & 1) === 1;
}

/**
 * CPUID with features set or cleared; the rest as it was. A feature that the host's KVM does not have may be told to the guest
 * nevertheless: what it then does is up to KVM. Throws {@link KvmError} `BAD_ARGUMENT` for a name that is none, and for a leaf
 * that the entries do not have.
 *
 * @example
 * ```ts
 * vcpu.setCpuid2(editCpuid(kvm.getSupportedCpuid(), { avx: false, hypervisor: true }));
 * ```
 */
export function editCpuid(
  entries: readonly CpuidEntry[],
  features: Readonly<Partial<Record<CpuidFeature, boolean>>>,
): readonly CpuidEntry[] {
  const edited = requireObjects("the entries of CPUID", entries).map((entry) => ({ ...entry }));
  const wanted = Object.entries(requireObject("the features of CPUID", features)) as [CpuidFeature, boolean][];
  for (const [feature, isThere] of wanted) {
    const [leaf, subleaf, register, bit] = bitOf(feature);
    const entry = entryFor(leaf, subleaf, edited);
    if (entry === undefined) throw badArgument(`CPUID has no leaf for ${feature}`, feature);
    const mask = 1 << bit;
    entry[register] = (isThere ? entry[register] | mask : entry[register] & ~mask) >>> 0;
  }
  return edited;
}

function entryFor<Entry extends CpuidEntry>(
  leaf: number,
  subleaf: number,
  entries: readonly Entry[],
): Entry | undefined {
  return entries.find((each) => each.function === leaf && each.index === subleaf);
}

function bitOf(feature: CpuidFeature): FeatureBit {
  const bit = entryOf(cpuidFeatures, feature);
  if (bit !== undefined) return bit;
  throw badArgument(`no such feature of CPUID: ${show(feature)}`, feature, 'write it as the manuals do: "sse4_2"');
}
