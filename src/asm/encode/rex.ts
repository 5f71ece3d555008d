/** REX, the prefix that gives access to the registers and the operand size that only 64-bit code has (SDM vol. 2A, 2.2.1.2). */

/** What of a memory operand or a register decides. */
interface OperandWithRegisters {
  readonly kind: string;
  readonly name?: string;
  readonly class?: string;
  readonly base?: string | undefined;
  readonly index?: string | undefined;
}

type AnyOperand = bigint | OperandWithRegisters;

const rexRegister = /^(r(8|9|1[0-5])[bwd]?|spl|bpl|sil|dil)$/;

function isHighByte(operand: AnyOperand): boolean {
  return typeof operand === "object" && operand.kind === "register" && /^[abcd]h$/.test(operand.name ?? "");
}

function needsRex(operand: AnyOperand): boolean {
  if (typeof operand !== "object") return false;
  if (operand.kind === "register") return operand.class === "r64" || rexRegister.test(operand.name ?? "");
  return operand.kind === "memory" && [operand.base, operand.index].some((name) => rexRegister.test(name ?? ""));
}

/** Whether one operand needs REX, and another, AH, BH, CH or DH, has no encoding beside it. */
export function hasRexConflict(operands: readonly AnyOperand[]): boolean {
  return operands.some(isHighByte) && operands.some(needsRex);
}
