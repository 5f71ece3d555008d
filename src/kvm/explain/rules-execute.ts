/** What the CPU checks before an instruction touches its operands: its opcode, the unit that executes it, its privilege. */
import { hex } from "../../core/hex.ts";
import type { ExaminedInstruction, ExecutionUnit } from "../../disasm/examined-instruction.ts";
import type { GuestView } from "./guest-view.ts";
import { raise, type InstructionRule, type Raised } from "./raised.ts";

/** Instructions that exist to raise #UD (SDM vol. 2B, UD). */
const undefinedOpcodes: ReadonlySet<string> = new Set(["ud0", "ud1", "ud2"]);

/** An instruction that raises #UD by definition. */
export const undefinedOpcode: InstructionRule = (_, { mnemonic }) =>
  undefinedOpcodes.has(mnemonic) ? raise("#UD", "invalid-opcode", "that is what it is for") : undefined;

/** CR0.EM and CR0.TS (SDM vol. 3A, 2.5). */
const CR0_EM = 1n << 2n;
const CR0_TS = 1n << 3n;
/** CR4.OSFXSR and CR4.OSXSAVE (SDM vol. 3A, 2.5). */
const CR4_OSFXSR = 1n << 9n;
const CR4_OSXSAVE = 1n << 18n;

interface UnitRule {
  readonly units: readonly ExecutionUnit[];
  readonly isOff: (cpu: GuestView["cpu"]) => boolean;
  readonly exception: "#UD" | "#NM";
  readonly state: string;
  readonly hint: string;
}

/** What switches a unit off, in the order in which the CPU looks (SDM vol. 3A, 2.5 and 14.1; vol. 2A, 2.4). */
const unitRules: readonly UnitRule[] = [
  {
    units: ["mmx", "sse"],
    isOff: ({ cr0 }) => (cr0 & CR0_EM) !== 0n,
    ...{ exception: "#UD", state: "CR0.EM is set", hint: "clear CR0.EM before the first such instruction" },
  },
  {
    units: ["sse"],
    isOff: ({ cr4 }) => (cr4 & CR4_OSFXSR) === 0n,
    ...{ exception: "#UD", state: "CR4.OSFXSR is clear", hint: "set CR4.OSFXSR before the first SSE instruction" },
  },
  {
    units: ["avx"],
    isOff: ({ cr4 }) => (cr4 & CR4_OSXSAVE) === 0n,
    ...{ exception: "#UD", state: "CR4.OSXSAVE is clear", hint: "set CR4.OSXSAVE, and XCR0 with xsetbv" },
  },
  {
    units: ["x87"],
    isOff: ({ cr0 }) => (cr0 & CR0_EM) !== 0n,
    ...{ exception: "#NM", state: "CR0.EM is set", hint: "clear CR0.EM before the first such instruction" },
  },
  {
    units: ["x87", "mmx", "sse", "avx"],
    isOff: ({ cr0 }) => (cr0 & CR0_TS) !== 0n,
    ...{ exception: "#NM", state: "CR0.TS is set", hint: "clear it with clts" },
  },
];

const unitNames: Readonly<Record<ExecutionUnit, string>> = {
  x87: "x87 unit",
  mmx: "MMX unit",
  sse: "SSE unit",
  avx: "AVX unit",
};

/** An instruction of a unit that the control registers switch off. */
export const unitOff: InstructionRule = ({ cpu }, { unit }) => {
  const rule =
    unit === undefined ? undefined : unitRules.find(({ units, isOff }) => units.includes(unit) && isOff(cpu));
  return (
    rule &&
    raise(rule.exception, "unit-off", `it needs the ${unitNames[unit!]}, and ${rule.state}`, { hint: rule.hint })
  );
};

/** Instructions that IOPL allows, and of these those that the I/O bitmap can allow too (SDM vol. 1, 19.5). */
const ofInterruptFlag: ReadonlySet<string> = new Set(["cli", "sti"]);
const ofPorts: ReadonlySet<string> = new Set(["in", "out", "insb", "insw", "insd", "outsb", "outsw", "outsd"]);

/** The privilege that an instruction needs. */
export const privilege: InstructionRule = (view, instruction) => {
  const { mnemonic, isPrivileged } = instruction;
  if (!isPrivileged) return undefined;
  const iopl = Number((view.cpu.regs.rflags >> 12n) & 3n);
  if (ofPorts.has(mnemonic)) return view.level > iopl ? portRefused(view, instruction, iopl) : undefined;
  if (ofInterruptFlag.has(mnemonic)) {
    return view.level > iopl ? raise("#GP", "privilege", `ring ${view.level} may not: IOPL is ${iopl}`) : undefined;
  }
  return view.level > 0 ? raise("#GP", "privilege", `only ring 0 may, and this is ring ${view.level}`) : undefined;
};

/** The offset of the bitmap's offset in a TSS, and the TSS's types of 32 and 64 bits (SDM vol. 3A, 7.2.1 and table 3-2). */
const IO_MAP_BASE = 0x66n;
const tssTypes: readonly number[] = [9, 11];

function portRefused(view: GuestView, { operands }: ExaminedInstruction, iopl: number): Raised | undefined {
  const port = portOf(view, operands);
  const { tr } = view.cpu.segments;
  const why = `ring ${view.level} may not use port ${hex(port)}: IOPL is ${iopl}`;
  if (tr.unusable === 1 || !tssTypes.includes(tr.type)) return raise("#GP", "privilege", `${why}, and there is no TSS`);
  const base = view.readNumber(tr.base + IO_MAP_BASE, 2);
  if (base === undefined) return undefined;
  const at = base + BigInt(port >> 3);
  // Two bytes are read, and both must be within the limit.
  if (at + 1n > BigInt(tr.limit)) return raise("#GP", "privilege", `${why}, and the TSS has no I/O bitmap for it`);
  const bits = view.readNumber(tr.base + at, 2);
  if (bits === undefined || ((bits >> BigInt(port & 7)) & 1n) === 0n) return undefined;
  return raise("#GP", "privilege", `${why}, and the TSS's I/O bitmap forbids it`);
}

function portOf(view: GuestView, operands: ExaminedInstruction["operands"]): number {
  const given = operands.find((each) => each.kind === "immediate");
  return Number(given?.value ?? BigInt.asUintN(16, view.cpu.regs.rdx));
}
