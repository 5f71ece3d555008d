/** What the CPU checks about instructions that change where it executes, or how: selectors, branches, control registers. */
import { hex } from "../../core/hex.ts";
import type { ExaminedInstruction, ExaminedMemory } from "../../disasm/examined-instruction.ts";
import { CR0_PE, CR0_PG, CR4_PAE, EFER_LMA, EFER_LME } from "../../paging/index.ts";
import type { GuestView } from "./guest-view.ts";
import { raise, type InstructionRule } from "./raised.ts";
import { offsetOf, valueOf } from "./rules-operands.ts";
import { selectorFault, type SelectorUse } from "./selector.ts";

/** `int n`, `int3` and `int1` go through the IDT by themselves. */
export const softwareInterrupt: InstructionRule = (_, { mnemonic, operands: [operand] }) => {
  const vector = mnemonic === "int" && operand?.kind === "immediate" ? Number(operand.value) : fixedVectors[mnemonic];
  if (vector === undefined) return undefined;
  return { vector, errorCode: undefined, cause: "software-interrupt", why: undefined };
};

const fixedVectors: Readonly<Record<string, number>> = { int3: 3, int1: 1 };

/** A selector that an instruction loads. */
interface SelectorLoad {
  readonly selector: number;
  readonly use: SelectorUse;
}

/** A selector that cannot be loaded, by `mov`, `pop`, `ltr`, `lldt`, a far jump, call or return. Real mode takes all. */
export const selector: InstructionRule = (view, instruction) => {
  const load = view.isReal ? undefined : selectorLoad(view, instruction);
  const found = load && selectorFault(view, load.selector, load.use);
  if (found === undefined) return undefined;
  const { vector, errorCode, problem, hint } = found;
  return { vector, errorCode, cause: "selector", why: `its ${problem}`, ...(hint === undefined ? {} : { hint }) };
};

function selectorLoad(view: GuestView, instruction: ExaminedInstruction): SelectorLoad | undefined {
  const { mnemonic, operands, memory } = instruction;
  const read = (value: bigint | undefined, use: SelectorUse): SelectorLoad | undefined =>
    value === undefined ? undefined : { selector: Number(BigInt.asUintN(16, value)), use };
  const [first, second] = operands;
  const segment = first?.kind === "register" && /^[c-gs]s$/.test(first.register.name) ? first.register.name : undefined;
  const segmentUse = segment === "ss" ? "stack" : "data";
  if (mnemonic === "mov" && segment !== undefined) return read(valueOf(view, second, memory[0]), segmentUse);
  if (mnemonic === "pop" && segment !== undefined) return read(valueOf(view, undefined, memory[0]), segmentUse);
  if (mnemonic === "ltr") return read(valueOf(view, first, memory[0]), "task");
  if (mnemonic === "lldt") return read(valueOf(view, first, memory[0]), "ldt");
  if (first?.kind === "far") return { selector: first.selector, use: "code" };
  if (isFarThroughMemory(instruction)) return read(endOf(view, memory[0]!), "code");
  // A far return pops the offset, then the selector.
  if (/^(?:retf|iret)/.test(mnemonic)) return read(valueOf(view, undefined, memory[1]), "return");
  return undefined;
}

/** Far pointers of 6 and 10 bytes; one of 4 bytes cannot be told from a near one by its size, and is taken for that. */
const isFarThroughMemory = ({ mnemonic, memory: [pointer] }: ExaminedInstruction): boolean =>
  (mnemonic === "jmp" || mnemonic === "call") && (pointer?.size === 6 || pointer?.size === 10);

/** The last two bytes of a far pointer. */
function endOf(view: GuestView, pointer: ExaminedMemory): bigint | undefined {
  const offset = offsetOf(view, pointer);
  return offset === undefined
    ? undefined
    : view.readNumber(view.linear(pointer.segment, offset + BigInt(pointer.size - 2)), 2);
}

/** A near jump, call or return in 64-bit code to an address that is not canonical (SDM vol. 2, JMP, CALL and RET). */
export const branchTarget: InstructionRule = (view, instruction) => {
  const { mnemonic, operands, memory } = instruction;
  if (view.bits !== 64 || isFarThroughMemory(instruction)) return undefined;
  const isReturn = mnemonic === "ret";
  const [first] = operands;
  if (!isReturn && (!/^(?:jmp|call)$/.test(mnemonic) || (first?.kind !== "register" && first?.kind !== "memory")))
    return undefined;
  const target = valueOf(view, isReturn ? undefined : first, memory[0]);
  if (target === undefined || view.walk(target, "fetch").fault?.reason !== "non-canonical") return undefined;
  return raise("#GP", "register-value", `it goes to ${hex(target)}, which is not canonical`);
};

const CR0_NW = 1n << 29n;
const CR0_CD = 1n << 30n;

interface ControlRule {
  readonly register: "cr0" | "cr4";
  readonly isRefused: (value: bigint, view: GuestView) => boolean;
  readonly why: string;
  readonly hint?: string;
}

const has = (value: bigint, bits: bigint): boolean => (value & bits) === bits;

/** The values that `mov` to a control register refuses (SDM vol. 3A, 2.5 and 10.8.5; vol. 2B, MOV to control registers). */
const controlRules: readonly ControlRule[] = [
  {
    register: "cr0",
    isRefused: (value) => has(value, CR0_PG) && !has(value, CR0_PE),
    why: "it sets CR0.PG without CR0.PE",
  },
  {
    register: "cr0",
    isRefused: (value) => has(value, CR0_NW) && !has(value, CR0_CD),
    why: "it sets CR0.NW without CR0.CD",
  },
  {
    register: "cr0",
    isRefused: (value) => value >> 32n !== 0n,
    why: "it sets bits of CR0 above bit 31",
  },
  {
    register: "cr0",
    isRefused: (value, { cpu }) => has(value, CR0_PG) && has(cpu.efer, EFER_LME) && !has(cpu.cr4, CR4_PAE),
    ...{ why: "it sets CR0.PG with EFER.LME set and CR4.PAE clear", hint: "set CR4.PAE before CR0.PG" },
  },
  {
    register: "cr0",
    isRefused: (value, { cpu, bits }) => !has(value, CR0_PG) && has(cpu.cr0, CR0_PG) && bits === 64,
    ...{ why: "it clears CR0.PG in 64-bit code", hint: "go to a code segment of 32 bits first" },
  },
  {
    register: "cr4",
    isRefused: (value, { cpu }) => !has(value, CR4_PAE) && has(cpu.efer, EFER_LMA),
    why: "it clears CR4.PAE in long mode",
  },
];

/** A value that a control register does not take. */
export const controlRegister: InstructionRule = (view, { mnemonic, operands: [target, source] }) => {
  if (mnemonic !== "mov" || target?.kind !== "register") return undefined;
  const { name } = target.register;
  const value = valueOf(view, source, undefined);
  if (value === undefined) return undefined;
  const rule = controlRules.find(({ register, isRefused }) => register === name && isRefused(value, view));
  return rule && raise("#GP", "register-value", rule.why, rule.hint === undefined ? {} : { hint: rule.hint });
};

/** Instructions that raise nothing but #GP(0) in ring 0 once they were decoded: what they do then (SDM vol. 2). */
const refusals: Readonly<Record<string, (view: GuestView) => string>> = {
  rdmsr: ({ cpu }) => `no model-specific register ${hex(BigInt.asUintN(32, cpu.regs.rcx))} can be read here`,
  wrmsr: ({ cpu: { regs } }) => {
    const value = (BigInt.asUintN(32, regs.rdx) << 32n) | BigInt.asUintN(32, regs.rax);
    return `the model-specific register ${hex(BigInt.asUintN(32, regs.rcx))} does not take ${hex(value)}, or is not there`;
  },
  xsetbv: ({ cpu: { regs } }) =>
    `XCR${BigInt.asUintN(32, regs.rcx)} does not take ${hex((BigInt.asUintN(32, regs.rdx) << 32n) | BigInt.asUintN(32, regs.rax))}`,
};

/** A last resort: the guest ended at an instruction that can raise one exception alone, and no rule above says why. */
export const refusedValue: InstructionRule = (view, { mnemonic }) => {
  const refusal = refusals[mnemonic];
  return refusal && raise("#GP", "register-value", refusal(view));
};

/** Whether an instruction switches on paging outside long mode, which takes a KVM with virtualisation hardware. */
export function startsShortPaging(
  view: GuestView,
  { mnemonic, operands: [target, source] }: ExaminedInstruction,
): boolean {
  if (mnemonic !== "mov" || target?.kind !== "register" || target.register.name !== "cr0") return false;
  return has(valueOf(view, source, undefined) ?? 0n, CR0_PG | CR0_PE) && !has(view.cpu.efer, EFER_LME);
}
