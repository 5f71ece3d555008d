/** What the CPU checks about the operands of an instruction: memory, alignment, divisors. */
import type { ExaminedInstruction, ExaminedMemory, ExaminedOperand } from "../../disasm/examined-instruction.ts";
import { hex } from "../../core/hex.ts";
import type { GuestView } from "./guest-view.ts";
import { segmentFault } from "./memory-fault.ts";
import { noStackHint } from "./no-stack.ts";
import { raise, raiseFor, type InstructionRule } from "./raised.ts";

/** The offset of an access; `undefined` where it depends on what is not known here. */
export function offsetOf(view: GuestView, { base, index, scale, displacement }: ExaminedMemory): bigint | undefined {
  const baseValue = base === undefined ? 0n : view.register(base);
  const indexValue = index === undefined ? 0n : view.register(index);
  if (baseValue === undefined || indexValue === undefined) return undefined;
  // The registers' size is that of the address (SDM vol. 1, 3.7.5).
  const size = (base ?? index)?.size ?? view.bits / 8;
  return BigInt.asUintN(size * 8, baseValue + indexValue * BigInt(scale) + displacement);
}

const plural = (size: number): string => (size === 1 ? "1 byte" : `${size} bytes`);

/** An access to memory that segmentation or paging forbids. */
export const memory: InstructionRule = (view, { memory, isRepeated, mnemonic }) => {
  if (isRepeated && view.cpu.regs.rcx === 0n) return undefined;
  for (const each of memory) {
    const offset = offsetOf(view, each);
    if (offset === undefined) return undefined;
    const kind = each.access === "read" ? "read" : "write";
    const found = segmentFault(view, each.segment, offset, { kind, size: each.size });
    if (found === undefined) continue;
    const isStack = each.segment === "ss" && each.base?.full === "rsp" && stackMnemonics.test(mnemonic);
    const verb = kind === "read" ? (isStack ? "pops" : "reads") : isStack ? "pushes" : "writes";
    const raised = raiseFor(found, kind, "memory", (at) => `it ${verb} ${plural(each.size)} at ${hex(at)}`);
    const hint = each.base?.full === "rsp" ? noStackHint(view) : undefined;
    return hint === undefined ? raised : { ...raised, hint };
  }
  return undefined;
};

/** Instructions that push and pop. */
const stackMnemonics = /^(?:push|pop|call|ret|iret|enter|leave|int)/;

/** Instructions whose memory operand must be aligned to its size (SDM vol. 2, each; exceptions of type 1 in 2.4). */
const aligned = /^v?(?:movap[sd]|movdqa(?:32|64)?|movntp[sd]|movntdqa?)$/;
/** Those that want 16 bytes, whatever their size (SDM vol. 2A). */
const alignedTo16: ReadonlySet<string> = new Set(["fxsave", "fxsave64", "fxrstor", "fxrstor64", "cmpxchg16b"]);

/** An operand that is not aligned as the instruction wants it. */
export const alignment: InstructionRule = (view, { mnemonic, memory: [operand] }) => {
  if (operand === undefined) return undefined;
  const demand = alignedTo16.has(mnemonic) ? 16 : aligned.test(mnemonic) ? operand.size : 1;
  const offset = offsetOf(view, operand);
  if (demand === 1 || offset === undefined) return undefined;
  const address = view.linear(operand.segment, offset);
  if (address % BigInt(demand) === 0n) return undefined;
  return raise("#GP", "alignment", `its operand at ${hex(address)} is no multiple of ${demand}`);
};

/** A division by zero, or one whose quotient does not fit (SDM vol. 2A, DIV and IDIV). */
export const division: InstructionRule = (view, instruction) => {
  const { mnemonic, operands } = instruction;
  const isSigned = mnemonic === "idiv";
  if (mnemonic !== "div" && !isSigned) return undefined;
  const divisor = divisorOf(view, instruction, operands[0]);
  if (divisor === undefined) return undefined;
  const { value, size } = divisor;
  if (value === 0n) return raise("#DE", "division", "it divides by zero");
  const { rax, rdx } = view.cpu.regs;
  const width = size * 8;
  const low = BigInt.asUintN(width, rax);
  const dividend = size === 1 ? BigInt.asUintN(16, rax) : (BigInt.asUintN(width, rdx) << BigInt(width)) | low;
  const read = (number: bigint, bits: number): bigint => (isSigned ? BigInt.asIntN(bits, number) : number);
  const quotient = read(dividend, width * 2) / read(value, width);
  const fits = (isSigned ? BigInt.asIntN(width, quotient) : BigInt.asUintN(width, quotient)) === quotient;
  const what = `${hex(read(dividend, width * 2))} / ${hex(read(value, width))}`;
  return fits ? undefined : raise("#DE", "division", `the quotient of ${what} has more than ${width} bits`);
};

/** What a division divides by, and its size in bytes. */
function divisorOf(
  view: GuestView,
  { memory: [operand] }: ExaminedInstruction,
  first: ExaminedOperand | undefined,
): { readonly value: bigint; readonly size: number } | undefined {
  const value = valueOf(view, first, operand);
  const size = first?.kind === "register" ? first.register.size : operand?.size;
  return value === undefined || size === undefined ? undefined : { value, size };
}

/** The number that an operand stands for; `undefined` where it cannot be known. */
export function valueOf(
  view: GuestView,
  operand: ExaminedOperand | undefined,
  memory: ExaminedMemory | undefined,
): bigint | undefined {
  if (operand?.kind === "register") return view.register(operand.register);
  if (operand?.kind === "immediate") return operand.value;
  if (memory === undefined) return undefined;
  const offset = offsetOf(view, memory);
  return offset === undefined ? undefined : view.readNumber(view.linear(memory.segment, offset), memory.size);
}
