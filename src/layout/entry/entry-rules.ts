/**
 * The rules that VT-x and SVM enforce when a guest is entered, as a table. A CPU that breaks one does not run its first
 * instruction: VT-x fails the VM entry, SVM exits with VMEXIT_INVALID. Sources: SDM vol. 3C, 27.3.1 (checks on the guest-state
 * area); APM vol. 2, 15.5.1 (canonicalization and consistency checks). Where VT-x without "unrestricted guest" asks for more,
 * KVM runs such guests in another way, so that is no rule here.
 */
import { hex } from "../../core/hex.ts";
import { CR0_PE, CR0_PG, CR4_LA57, CR4_PAE, EFER_LMA, EFER_LME, pagingModes } from "../../paging/index.ts";
import { isCanonical } from "../../paging/virtual-address.ts";
import type { CpuState, SegmentName, SegmentState } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";
import { flagsToText } from "./control-register-text.ts";

/** A rule that an entry state breaks. */
export interface EntryViolation {
  /** What is wrong where: `cr0`, `segments.cs`, `gdt.base`. */
  readonly path: string;
  /** What there is, what there must be, and who says so. */
  readonly message: string;
  /** The section of Intel's manual; `undefined` where VT-x does not check it. */
  readonly vtx: string | undefined;
  /** The section of AMD's manual; `undefined` where SVM does not check it. */
  readonly svm: string | undefined;
}

/** A rule about the whole CPU. */
interface CpuRule {
  readonly path: string;
  /** What must hold, in words. */
  readonly demand: string;
  readonly vtx?: string;
  readonly svm?: string;
  readonly holds: (cpu: CpuState) => boolean;
  /** What there is, in words. */
  readonly found: (cpu: CpuState) => string;
}

/** A rule about segment registers. */
interface SegmentRule {
  readonly registers: readonly SegmentName[];
  readonly demand: string;
  readonly svm?: string;
  readonly holds: (state: SegmentState, cpu: CpuState) => boolean;
  readonly found: (state: SegmentState, cpu: CpuState) => string;
}

const CR0_NW = 1n << 29n;
const CR0_CD = 1n << 30n;
const CR4_PCIDE = 1n << 17n;
const RFLAGS_VM = 1n << 17n;
/** Bits 63 to 22, 15, 5 and 3 of RFLAGS are 0 (SDM vol. 1, 3.4.3). */
const rflagsReserved = ~0x3f_7fd7n;

const has = (value: bigint, bits: bigint): boolean => (value & bits) === bits;
const isLong = ({ efer }: CpuState): boolean => has(efer, EFER_LMA);
const isPaging = ({ cr0 }: CpuState): boolean => has(cr0, CR0_PG);
const isCanonicalFor = ({ cr4 }: CpuState, address: bigint): boolean =>
  isCanonical(pagingModes[has(cr4, CR4_LA57) ? "5-level" : "4-level"], address);

const vtxControl = "27.3.1.1";
const vtxSegments = "27.3.1.2";
const vtxTables = "27.3.1.3";
const vtxRip = "27.3.1.4";
const svmState = "15.5.1";

const control = (name: "cr0" | "cr4" | "efer") => ({
  path: name,
  found: (cpu: CpuState) => flagsToText(name, cpu[name]),
});
const address = (path: string, read: (cpu: CpuState) => bigint) => ({ path, found: (cpu: CpuState) => hex(read(cpu)) });

const cpuRules: readonly CpuRule[] = [
  {
    ...control("cr0"),
    demand: "PG needs PE",
    vtx: vtxControl,
    svm: svmState,
    holds: ({ cr0 }) => !has(cr0, CR0_PG) || has(cr0, CR0_PE),
  },
  {
    ...control("cr0"),
    demand: "NW needs CD",
    svm: svmState,
    holds: ({ cr0 }) => !has(cr0, CR0_NW) || has(cr0, CR0_CD),
  },
  {
    ...control("cr0"),
    demand: "bits 63 to 32 must be 0",
    vtx: vtxControl,
    svm: svmState,
    holds: ({ cr0 }) => cr0 >> 32n === 0n,
  },
  {
    ...control("cr4"),
    demand: "long mode needs PAE",
    vtx: vtxControl,
    svm: svmState,
    holds: (cpu) => !(isLong(cpu) || (has(cpu.efer, EFER_LME) && isPaging(cpu))) || has(cpu.cr4, CR4_PAE),
  },
  {
    ...control("cr4"),
    demand: "PCIDE needs long mode",
    vtx: vtxControl,
    holds: (cpu) => !has(cpu.cr4, CR4_PCIDE) || isLong(cpu),
  },
  {
    ...control("efer"),
    demand: "LMA must be as LME is with paging, and 0 without",
    vtx: vtxControl,
    holds: (cpu) => isLong(cpu) === (has(cpu.efer, EFER_LME) && isPaging(cpu)),
  },
  {
    ...address("cr3", ({ cr3 }) => cr3),
    demand: "bits 63 to 52 must be 0",
    vtx: vtxControl,
    svm: svmState,
    holds: ({ cr3 }) => cr3 >> 52n === 0n,
  },
  ...(["gdt", "idt"] as const).map((table) => ({
    ...address(`${table}.base`, (cpu) => cpu[table].base),
    demand: "it must be canonical",
    vtx: vtxTables,
    holds: (cpu: CpuState) => isCanonicalFor(cpu, cpu[table].base),
  })),
  ...(["gdt", "idt"] as const).map((table) => ({
    ...address(`${table}.limit`, (cpu) => BigInt(cpu[table].limit)),
    demand: "bits 31 to 16 must be 0",
    vtx: vtxTables,
    holds: (cpu: CpuState) => cpu[table].limit <= 0xffff,
  })),
  {
    ...address("regs.rip", ({ regs }) => regs.rip),
    demand: "outside 64-bit code, bits 63 to 32 must be 0",
    vtx: vtxRip,
    holds: (cpu) => (isLong(cpu) && cpu.segments.cs.l === 1) || cpu.regs.rip >> 32n === 0n,
  },
  {
    ...address("regs.rip", ({ regs }) => regs.rip),
    demand: "in 64-bit code, it must be canonical",
    vtx: vtxRip,
    holds: (cpu) => !(isLong(cpu) && cpu.segments.cs.l === 1) || isCanonicalFor(cpu, cpu.regs.rip),
  },
  {
    path: "regs.rflags",
    demand: "bit 1 must be 1, and bits 63 to 22, 15, 5 and 3 must be 0",
    vtx: vtxRip,
    holds: ({ regs }) => has(regs.rflags, 2n) && (regs.rflags & rflagsReserved) === 0n,
    found: ({ regs }) => hex(regs.rflags),
  },
  {
    path: "regs.rflags",
    demand: "VM needs protected mode, and not long mode",
    vtx: vtxRip,
    holds: (cpu) => !has(cpu.regs.rflags, RFLAGS_VM) || (has(cpu.cr0, CR0_PE) && !isLong(cpu)),
    found: ({ regs }) => flagsToText("rflags", regs.rflags),
  },
];

const isUsable = ({ unusable }: SegmentState): boolean => unusable === 0;
const typeOf = ({ type }: SegmentState): string => `type ${type}`;
const baseOf = ({ base }: SegmentState): string => `base ${hex(base)}`;
const limitOf = ({ limit, g }: SegmentState): string => `limit ${hex(limit)} with G ${g}`;
const isGranular = ({ limit, g }: SegmentState): boolean => (g === 1 ? (limit & 0xfff) === 0xfff : limit >>> 20 === 0);

const segmentRules: readonly SegmentRule[] = [
  {
    registers: ["cs"],
    demand: "it must be code that was accessed, or writable data that was (type 3)",
    holds: ({ type }) => [3, 9, 11, 13, 15].includes(type),
    found: typeOf,
  },
  {
    registers: ["ss"],
    demand: "it must be writable data that was accessed (type 3 or 7)",
    holds: (state) => !isUsable(state) || state.type === 3 || state.type === 7,
    found: typeOf,
  },
  {
    registers: ["ds", "es", "fs", "gs"],
    demand: "it must have been accessed, and code must be readable",
    holds: (state) =>
      !isUsable(state) || ((state.type & 1) === 1 && ((state.type & 8) === 0 || (state.type & 2) === 2)),
    found: typeOf,
  },
  {
    registers: ["cs", "ds", "es", "fs", "gs", "ss"],
    demand: "it must be a code or data segment (S is 1) that is present",
    holds: (state, { segments }) =>
      (!isUsable(state) && state !== segments.cs) || (state.s === 1 && state.present === 1),
    found: ({ s, present }) => `S ${s}, P ${present}`,
  },
  {
    registers: ["cs"],
    demand: "its DPL must be that of SS, at most that where it conforms, and 0 where its type is 3",
    holds: ({ type, dpl }, { segments: { ss } }) =>
      type === 3 ? dpl === 0 : (type & 4) === 0 ? dpl === ss.dpl || !isUsable(ss) : dpl <= ss.dpl || !isUsable(ss),
    found: ({ dpl }, { segments }) => `DPL ${dpl}, SS has DPL ${segments.ss.dpl}`,
  },
  {
    registers: ["cs"],
    demand: "L and D must not both be 1 in long mode",
    svm: svmState,
    holds: ({ l, db }, cpu) => !isLong(cpu) || l === 0 || db === 0,
    found: ({ l, db }) => `L ${l}, D ${db}`,
  },
  {
    registers: ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"],
    demand: "bits 31 to 20 of the limit must be 0 with G 0, and bits 11 to 0 must be 1 with G 1",
    holds: (state) => !isUsable(state) || isGranular(state),
    found: limitOf,
  },
  {
    registers: ["tr"],
    demand: "it must be a present, busy TSS: type 11, or 3 of 16 bits outside long mode",
    holds: ({ type, s, present, unusable }, cpu) =>
      unusable === 0 && s === 0 && present === 1 && (type === 11 || (type === 3 && !isLong(cpu))),
    found: ({ type, s, present, unusable }) =>
      `type ${type}, S ${s}, P ${present}${unusable === 1 ? ", unusable" : ""}`,
  },
  {
    registers: ["ldt"],
    demand: "it must be unusable, or a present LDT (type 2)",
    holds: (state) => !isUsable(state) || (state.type === 2 && state.s === 0 && state.present === 1),
    found: ({ type, s, present }) => `type ${type}, S ${s}, P ${present}`,
  },
  {
    registers: ["tr", "ldt"],
    demand: "its selector must be one of the GDT (TI is 0)",
    holds: (state) => !isUsable(state) || (state.selector & 4) === 0,
    found: ({ selector }) => `selector ${hex(selector)}`,
  },
  {
    registers: ["tr", "fs", "gs", "ldt"],
    demand: "its base must be canonical",
    holds: (state, cpu) => !isUsable(state) || isCanonicalFor(cpu, state.base),
    found: baseOf,
  },
  {
    registers: ["cs", "ss", "ds", "es"],
    demand: "bits 63 to 32 of its base must be 0",
    holds: (state, { segments }) => (!isUsable(state) && state !== segments.cs) || state.base >> 32n === 0n,
    found: baseOf,
  },
];

/**
 * The rules of VT-x and SVM that an entry state breaks; none where a CPU would enter the guest. What depends on a CPU's
 * model, such as the width of its physical addresses, is not among them.
 *
 * @example
 * ```ts
 * entryViolations(image.cpu); // []
 * ```
 */
export function entryViolations(cpu: CpuState): readonly EntryViolation[] {
  return [
    ...cpuRules.filter(({ holds }) => !holds(cpu)).map((rule) => violation(rule.path, rule, rule.found(cpu))),
    ...segmentRules.flatMap((rule) =>
      rule.registers
        .filter((name) => !rule.holds(cpu.segments[name], cpu))
        .map((name) =>
          violation(`segments.${name}`, { ...rule, vtx: vtxSegments }, rule.found(cpu.segments[name], cpu)),
        ),
    ),
  ];
}

/** Throws where VT-x or SVM would not enter the guest. */
export function requireEnterable(cpu: CpuState): void {
  const [first] = entryViolations(cpu);
  if (first === undefined) return;
  throw new LayoutError(`cpu at entry: ${first.message}`, {
    code: "INCONSISTENT",
    value: first.path,
    hint: "no CPU enters a guest in this state: KVM gives a fail-entry exit, or refuses the registers",
  });
}

function violation(
  path: string,
  { demand, vtx, svm }: { readonly demand: string; readonly vtx?: string; readonly svm?: string },
  found: string,
): EntryViolation {
  const sources = [
    ...(vtx === undefined ? [] : [`SDM vol. 3C, ${vtx}`]),
    ...(svm === undefined ? [] : [`APM vol. 2, ${svm}`]),
  ].join("; ");
  return { path, message: `${path}: ${found}: ${demand} (${sources})`, vtx, svm };
}
