/** Why operands that each fit have no encoding together. */
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import { statementToText } from "../listing.ts";
import type { Memory } from "../operands/memory.ts";
import { hasRexConflict } from "./rex.ts";
import type { InstructionNode, NodeOperand, Prefix } from "../builder/node.ts";

/** The error about an instruction that neither writer can encode. */
export function notEncodable(node: InstructionNode): AsmError {
  return new AsmError(`${statementToText(node)}: no encoding of ${node.mnemonic} holds these operands together`, {
    code: "NOT_ENCODABLE",
    value: node.operands,
    source: locate(node.site),
    hint: hintFor(node),
  });
}

function hintFor({ operands, prefix }: InstructionNode): string {
  if (operands.some(isImpossible16)) return "a 16-bit address is made of bx or bp, si or di, and a number";
  if (hasRexConflict(operands))
    return "ah, bh, ch and dh have no encoding beside what needs a REX prefix: r8 to r15, spl, bpl, sil, dil and 64-bit operands";
  if (prefix !== undefined) return `${prefix} goes before ${takers[prefix]}`;
  return "its address has no encoding, or its registers have none together";
}

/** What a prefix goes before: SDM vol. 2A, LOCK; vol. 2B, REP/REPE/REPZ/REPNE/REPNZ. */
const takers: Readonly<Record<Prefix, string>> = {
  rep: "ins, outs, movs, lods and stos",
  repe: "cmps and scas",
  repne: "cmps and scas",
  lock: "an instruction that reads memory and writes it back",
  notrack: "jmp and call of a register or of memory",
};

/** Whether ModRM has no row for a 16-bit address: SDM vol. 2A, table 2-1. */
function isImpossible16(operand: NodeOperand): boolean {
  if (!isMemory(operand) || operand.addressSize !== 16) return false;
  const registers = [operand.base, operand.index].filter((each) => each !== undefined).toSorted();
  return operand.scale !== 1 || !possible16.has(registers.join("+"));
}

const possible16 = new Set(["bx", "bp", "si", "di", "bx+si", "bx+di", "bp+si", "bp+di"]);

function isMemory(operand: NodeOperand): operand is Memory {
  return typeof operand === "object" && operand.kind === "memory";
}
